/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_NORMALISE_GLSL
#define FOV_NORMALISE_GLSL

/* Colours of 0..255 as a network wants them; needs push.h. */
vec3 normalised (fov_push_normalise n, vec3 rgb)
{
    vec3 v = n.bgr != 0 ? rgb.zyx : rgb;
    return (v - vec3 (n.mean0, n.mean1, n.mean2)) * vec3 (n.scale0, n.scale1, n.scale2);
}

#endif

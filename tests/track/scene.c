/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scene.h"

#include <math.h>

static float
lattice (int x, int y, guint seed)
{
    guint h = (guint) x * 374761393u + (guint) y * 668265263u + seed * 2246822519u;
    h = (h ^ (h >> 13)) * 1274126177u;
    return (float) ((h ^ (h >> 16)) & 0xffff) / 65535.0f;
}

/* Random values at whole numbers, smooth between them. */
static float
noise (float x, float y, guint seed)
{
    int ix = (int) floorf (x), iy = (int) floorf (y);
    float fx = x - (float) ix, fy = y - (float) iy;
    fx = fx * fx * (3.0f - 2.0f * fx);
    fy = fy * fy * (3.0f - 2.0f * fy);
    float top = lattice (ix, iy, seed) * (1.0f - fx) + lattice (ix + 1, iy, seed) * fx;
    float low = lattice (ix, iy + 1, seed) * (1.0f - fx) + lattice (ix + 1, iy + 1, seed) * fx;
    return top * (1.0f - fy) + low * fy;
}

/* The target's texture: warm colours; u, v in -1..1. */
static void
paint_target (float u, float v, float rgb[3])
{
    rgb[0] = 0.45f + 0.5f * noise (3.0f * u + 9.0f, 3.0f * v, 71);
    rgb[1] = 0.1f + 0.5f * noise (3.0f * u, 3.0f * v + 5.0f, 72);
    rgb[2] = 0.1f + 0.2f * noise (2.0f * u, 2.0f * v, 73);
}

static gboolean
paint_object (const Scene *scene, float cx, float cy, float x, float y, float rgb[3])
{
    float u = 2.0f * (x - cx) / scene->w, v = 2.0f * (y - cy) / scene->h;
    if (fabsf (u) > 1.0f || fabsf (v) > 1.0f)
        return FALSE;
    paint_target (u, v, rgb);
    return TRUE;
}

static void
paint (const Scene *scene, float x, float y, float rgb[3])
{
    float bx = x - scene->camera_x, by = y - scene->camera_y;
    rgb[0] = 0.15f + 0.5f * noise (bx / 17.0f, by / 13.0f, scene->seed + 1);
    rgb[1] = 0.2f + 0.5f * noise (bx / 11.0f, by / 19.0f, scene->seed + 2);
    rgb[2] = 0.3f + 0.5f * noise (bx / 15.0f, by / 12.0f, scene->seed + 3);
    if (scene->twin_x != 0.0f || scene->twin_y != 0.0f)
        paint_object (scene, scene->twin_x, scene->twin_y, x, y, rgb);
    if (scene->w > 0.0f)
        paint_object (scene, scene->x, scene->y, x, y, rgb);
    float half = 0.5f * scene->hide;
    if (half > 0.0f && fabsf (x - scene->hide_x) <= half && fabsf (y - scene->hide_y) <= half) {
        rgb[0] = rgb[1] = 0.3f + 0.3f * noise (bx / 9.0f, by / 9.0f, 99);
        rgb[2] = 0.4f;
    }
}

FovImage *
scene_draw (const Scene *scene, FovPixelFormat format)
{
    FovImage rgb = { 0 }, *image = g_new0 (FovImage, 1);
    float light = scene->light > 0.0f ? scene->light : 1.0f, color[3];
    if (!fov_image_alloc (&rgb, FOV_PIXEL_RGB, SCENE_W, SCENE_H, NULL) ||
        !fov_image_alloc (image, format, SCENE_W, SCENE_H, NULL))
        g_error ("no memory");
    for (int y = 0; y < SCENE_H; y++)
        for (int x = 0; x < SCENE_W; x++) {
            paint (scene, (float) x + 0.5f, (float) y + 0.5f, color);
            for (int c = 0; c < 3; c++)
                rgb.plane[0][y * rgb.stride[0] + 3 * x + c] =
                    (guint8) (CLAMP (light * color[c], 0.0f, 1.0f) * 255.0f + 0.5f);
        }
    if (!fov_image_convert (&rgb, image, NULL))
        g_error ("cannot convert");
    g_free (rgb.plane[0]);
    return image;
}

void
scene_free (FovImage *image)
{
    g_free (image->plane[0]);
    g_free (image);
}

FovBox
scene_box (const Scene *scene)
{
    return (FovBox){ scene->x - 0.5f * scene->w, scene->y - 0.5f * scene->h,
                     scene->x + 0.5f * scene->w, scene->y + 0.5f * scene->h };
}

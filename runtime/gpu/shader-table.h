/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_SHADER_TABLE_H
#define FOV_SHADER_TABLE_H

/* The SPIR-V made from shaders/ at build time (by shaders/embed.py), sorted by name. */
#include <glib.h>

typedef struct _FovShader {
    const char *name; /* of the file, without ".comp"; "NAME.plain", "NAME.wide", each with ".far"
                         too, for variants */
    const guint32 *words;
    guint n_words;
} FovShader;

extern const FovShader fov_shader_table[];
extern const guint fov_n_shaders;
/** Of all words: what a pipeline cache on disk was made from. */
extern const char fov_shader_digest[];

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "gpu/gpu-private.h"

/*
 * Which kernels were found right or wrong on this device and driver: a line
 * each, "KERNEL" or "KERNEL what was wrong", in a file beside the pipelines',
 * with the same key in its name. Losing it costs a check and nothing else.
 */

static void
add_line (FovGpu *gpu, const char *line)
{
    g_auto (GStrv) parts = g_strsplit (line, " ", 2);

    if (parts[0] && *parts[0])
        g_hash_table_insert (gpu->verdicts, g_strdup (parts[0]),
                             g_strdup (parts[1] ? parts[1] : ""));
}

void
fov_verdicts_open (FovGpu *gpu)
{
    g_autofree char *text = NULL;
    g_auto (GStrv) lines = NULL;

    gpu->verdicts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    gpu->verdict_path = g_strconcat (gpu->cache_path, "-checked", NULL);
    if (!g_file_get_contents (gpu->verdict_path, &text, NULL, NULL))
        return;
    lines = g_strsplit (text, "\n", -1);
    for (char **line = lines; *line; line++)
        add_line (gpu, *line);
}

void
fov_verdicts_close (FovGpu *gpu)
{
    g_clear_pointer (&gpu->verdicts, g_hash_table_unref);
    g_free (gpu->verdict_path);
}

FovVerdict
fov_gpu_verdict (FovGpu *gpu, const char *kernel, char **reason)
{
    G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&gpu->lock);
    const char *text = g_hash_table_lookup (gpu->verdicts, kernel);

    if (!text)
        return FOV_VERDICT_UNKNOWN;
    if (*text && reason)
        *reason = g_strdup (text);
    return *text ? FOV_VERDICT_WRONG : FOV_VERDICT_RIGHT;
}

void
fov_gpu_set_verdict (FovGpu *gpu, const char *kernel, const char *reason)
{
    G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&gpu->lock);

    g_hash_table_insert (gpu->verdicts, g_strdup (kernel),
                         g_strdelimit (g_strdup (reason ? reason : ""), "\n", ' '));
}

void
fov_gpu_save_verdicts (FovGpu *gpu)
{
    G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&gpu->lock);
    g_autoptr (GString) text = g_string_new (NULL);
    g_autofree char *dir = g_path_get_dirname (gpu->verdict_path);
    g_autoptr (GError) error = NULL;
    GHashTableIter iter;
    gpointer kernel, reason;

    g_hash_table_iter_init (&iter, gpu->verdicts);
    while (g_hash_table_iter_next (&iter, &kernel, &reason))
        g_string_append_printf (text, "%s%s%s\n", (char *) kernel, *(char *) reason ? " " : "",
                                (char *) reason);
    if (g_mkdir_with_parents (dir, 0755) ||
        !g_file_set_contents (gpu->verdict_path, text->str, (gssize) text->len, &error))
        g_debug ("what was checked was not kept: %s", error ? error->message : dir);
}

/* A shader is out of use once it was wrong with any constants. */
gboolean
fov_verdicts_wrong (FovGpu *gpu, const char *shader)
{
    G_GNUC_UNUSED g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&gpu->lock);
    gsize n = strlen (shader);
    GHashTableIter iter;
    gpointer kernel, reason;

    g_hash_table_iter_init (&iter, gpu->verdicts);
    while (g_hash_table_iter_next (&iter, &kernel, &reason)) {
        const char *name = kernel;
        if (*(char *) reason && !strncmp (name, shader, n) && (name[n] == ',' || !name[n]))
            return TRUE;
    }
    return FALSE;
}

gboolean
fov_gpu_is_last_form (FovGpu *gpu, const char *kernel)
{
    g_autofree char *shader = g_strndup (kernel, strcspn (kernel, ","));
    g_autofree char *base = g_strndup (shader, strcspn (shader, "."));

    return !strcmp (fov_gpu_find_shader (gpu, base, g_str_has_suffix (shader, ".far"))->name,
                    shader);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which names a model's classes have. */
#include "detect/net.h"

#include <string.h>

FovLabels *
fov_detect_stated_labels (FovModel *model, FovLabels *wanted)
{
    const char *names = fov_model_metadata (model, "names");
    g_autoptr (GError) error = NULL;
    FovLabels *labels = NULL;

    if (wanted)
        return fov_labels_ref (wanted);
    if (names)
        labels = fov_labels_parse_names (names, &error);
    if (error)
        g_message ("%s: the metadata's class names are not understood: %s", fov_model_path (model),
                   error->message);
    return labels;
}

static gboolean
fits (FovLabels *labels, guint n_classes)
{
    guint n = labels ? fov_labels_count (labels) : 0;

    return n && (n_classes == 0 || n == n_classes || n == n_classes + 1);
}

/* model.onnx -> model.txt, model.names, ..., labels.txt of its folder. */
static FovLabels *
labels_beside (FovModel *model, guint n_classes)
{
    static const char *const endings[] = { ".labels", ".names", ".txt", ".pbtxt", ".json", NULL };
    const char *path = fov_model_path (model), *dot, *slash;
    g_autofree char *stem = NULL, *folder = NULL;
    g_autoptr (GPtrArray) candidates = g_ptr_array_new_with_free_func (g_free);

    if (!path || g_file_test (path, G_FILE_TEST_IS_DIR))
        return NULL;
    dot = strrchr (path, '.');
    slash = strrchr (path, G_DIR_SEPARATOR);
    stem =
        dot && (!slash || dot > slash) ? g_strndup (path, (gsize) (dot - path)) : g_strdup (path);
    folder = g_path_get_dirname (path);
    for (guint i = 0; endings[i]; i++)
        g_ptr_array_add (candidates, g_strconcat (stem, endings[i], NULL));
    g_ptr_array_add (candidates, g_build_filename (folder, "labels.txt", NULL));
    for (guint i = 0; i < candidates->len; i++) {
        const char *file = candidates->pdata[i];
        FovLabels *labels;
        if (g_str_equal (file, path) || !g_file_test (file, G_FILE_TEST_IS_REGULAR))
            continue;
        labels = fov_labels_load (file, NULL);
        if (fits (labels, n_classes))
            return labels;
        g_clear_pointer (&labels, fov_labels_unref);
    }
    return NULL;
}

FovLabels *
fov_detect_labels (FovModel *model, FovLabels *wanted, guint n_classes)
{
    static const struct {
        guint n;
        const char *name;
    } builtin[] = { { 80, "coco80" }, { 90, "coco90" }, { 20, "voc20" } };
    FovLabels *labels = fov_detect_stated_labels (model, wanted);

    if (labels && (wanted || fits (labels, n_classes)))
        return labels;
    g_clear_pointer (&labels, fov_labels_unref);
    labels = labels_beside (model, n_classes);
    for (guint i = 0; !labels && i < G_N_ELEMENTS (builtin); i++)
        if (n_classes == builtin[i].n)
            labels = fov_labels_builtin (builtin[i].name);
    return labels;
}

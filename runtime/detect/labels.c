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

/* As TensorFlow's and Caffe's lists begin. */
gboolean
fov_detect_names_background (FovLabels *labels)
{
    static const char *const names[] = { "background", "__background__", "???", "unlabeled" };
    const char *first = labels ? fov_labels_get (labels, 0) : NULL;

    for (guint i = 0; first && i < G_N_ELEMENTS (names); i++)
        if (!g_ascii_strcasecmp (first, names[i]))
            return TRUE;
    return FALSE;
}

int
fov_detect_label_base (FovLabels *labels, const FovHeads *heads)
{
    return !heads->final && labels && fov_labels_count (labels) == (guint) heads->n_classes + 1 &&
           (heads->background || fov_detect_names_background (labels));
}

static gboolean
fits (FovLabels *labels, const FovHeads *heads)
{
    guint n = labels ? fov_labels_count (labels) : 0;

    return n && (heads->final ||
                 n == (guint) heads->n_classes + (guint) fov_detect_label_base (labels, heads));
}

/* model.onnx -> model.txt, model.names, ..., labels.txt of its folder. */
static FovLabels *
labels_beside (FovModel *model, const FovHeads *heads)
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
        if (fits (labels, heads))
            return labels;
        g_clear_pointer (&labels, fov_labels_unref);
    }
    return NULL;
}

FovLabels *
fov_detect_labels (FovModel *model, FovLabels *stated, gboolean wanted, const FovHeads *heads)
{
    static const struct {
        guint n;
        const char *name;
    } builtin[] = { { 80, "coco80" }, { 90, "coco90" }, { 20, "voc20" } };
    guint n_classes = heads->final ? 0 : (guint) heads->n_classes;
    FovLabels *labels;

    if (stated && !fits (stated, heads))
        g_message ("%s: there are %u class names for %u classes; %s", fov_model_path (model),
                   fov_labels_count (stated), n_classes,
                   wanted ? "are they this model's?" : "the metadata's are not used");
    if (stated && (wanted || fits (stated, heads)))
        return fov_labels_ref (stated);
    labels = labels_beside (model, heads);
    for (guint i = 0; !labels && i < G_N_ELEMENTS (builtin); i++)
        if (n_classes == builtin[i].n)
            labels = fov_labels_builtin (builtin[i].name);
    return labels;
}

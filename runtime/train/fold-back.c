/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Norms that un-folding made go back into their convolutions, and those into the file. */
#include "train/norms.h"

#include "graph/passes.h"
#include "model/model.h"

/* A constant that only an un-folded norm reads is in no file. */
static gboolean
is_in_file (const FovTensor *constant)
{
    return constant->consumers->len != 1 || !fov_norm_is_unfolded (constant->consumers->pdata[0]);
}

static GPtrArray *
unfolded_norms (const FovGraph *graph)
{
    GPtrArray *norms = g_ptr_array_new ();

    for (guint i = 0; i < graph->nodes->len; i++)
        if (fov_norm_is_unfolded (graph->nodes->pdata[i]))
            g_ptr_array_add (norms, graph->nodes->pdata[i]);
    return norms;
}

/* Folding makes new constants; the file knows them by the old ones' names. */
static gboolean
fold (FovGraph *graph, FovNode *norm, GHashTable *values, GError **error)
{
    FovNode *conv = norm->inputs[0]->producer;
    g_autofree char *weight = g_strdup (conv->inputs[1]->name);
    g_autofree char *bias = g_strdup (conv->inputs[2]->name);

    if (!fov_graph_fold_norm (graph, conv, norm)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FAILED,
                     "node '%s': the norm's values are no numbers and can not be folded",
                     conv->name);
        return FALSE;
    }
    g_hash_table_replace (values, g_steal_pointer (&weight), conv->inputs[1]);
    g_hash_table_replace (values, g_steal_pointer (&bias), conv->inputs[2]);
    return TRUE;
}

static gboolean
look_up (const char *name, FovView *view, gpointer values)
{
    const FovTensor *t = g_hash_table_lookup (values, name);

    if (!t)
        return FALSE;
    *view = (FovView){ t->dtype, t->shape, (gpointer) g_bytes_get_data (t->data, NULL) };
    return TRUE;
}

gboolean
fov_fold_and_write (FovGraph *graph, const GPtrArray *names, const char *source, const char *path,
                    GError **error)
{
    g_autoptr (GHashTable) values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr (GPtrArray) norms = unfolded_norms (graph);

    for (guint i = 0; i < names->len; i++) {
        FovTensor *t = fov_graph_find (graph, names->pdata[i]);
        if (is_in_file (t))
            g_hash_table_replace (values, g_strdup (t->name), t);
    }
    for (guint i = 0; i < norms->len; i++)
        if (!fold (graph, norms->pdata[i], values, error))
            return FALSE;
    return fov_onnx_write_back (source, path, g_hash_table_size (values), look_up, values, error);
}

gboolean
fov_model_write_back (FovModel *model, const char *path, GError **error)
{
    g_autoptr (FovGraph) graph = fov_graph_copy (fov_model_graph (model));
    g_autoptr (GPtrArray) names = g_ptr_array_new ();

    for (guint i = 0; i < graph->nodes->len; i++) {
        const FovNode *node = graph->nodes->pdata[i];
        if (!fov_norm_has_statistics (node))
            continue;
        g_ptr_array_add (names, node->inputs[3]->name);
        g_ptr_array_add (names, node->inputs[4]->name);
    }
    return fov_fold_and_write (graph, names, fov_model_path (model), path, error);
}

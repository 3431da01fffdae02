/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * New statistics for batch norms. Each norm's are exact only where those before
 * it have theirs, so norms are taken by depth: all that stand behind k others in
 * the k-th round.
 */
#include "train/norms.h"

#include "graph/params.h"
#include "model/model.h"

#include <math.h>

gboolean
fov_norm_has_statistics (const FovNode *node)
{
    if (!fov_node_is (node, "BatchNormalization") ||
        ((const FovBatchNormParams *) node->params)->training_mode || !node->inputs[0]->producer)
        return FALSE;
    for (guint i = 3; i < 5; i++) {
        const FovTensor *t = node->inputs[i];
        if (!t->data || t->dtype != FOV_F32 || t->consumers->len != 1)
            return FALSE;
    }
    return TRUE;
}

guint
fov_model_n_norms (FovModel *model)
{
    const FovGraph *graph = fov_model_graph (model);
    guint n = 0;

    for (guint i = 0; i < graph->nodes->len; i++)
        n += fov_norm_has_statistics (graph->nodes->pdata[i]);
    return n;
}

/* Puts a float32 vector in a constant's place, of the same size. */
static void
set_constant (FovTensor *constant, const double *values)
{
    const gint64 n = fov_tensor_elements (constant);
    float *v = g_new (float, n);

    for (gint64 i = 0; i < n; i++)
        v[i] = (float) values[i];
    g_bytes_unref (constant->data);
    constant->data = g_bytes_new_take (v, (gsize) n * sizeof *v);
}

/* ---- moves -------------------------------------------------------------------- */

static void
move_clear (gpointer data)
{
    g_free (((FovNormMove *) data)->layer);
}

GArray *
fov_norm_moves_new (void)
{
    GArray *moves = g_array_new (FALSE, FALSE, sizeof (FovNormMove));

    g_array_set_clear_func (moves, move_clear);
    return moves;
}

static const float *
floats (const FovTensor *constant)
{
    return g_bytes_get_data (constant->data, NULL);
}

static void
note_move (GArray *moves, const FovNode *norm, const double *mean, const double *var, guint n)
{
    const double epsilon = ((const FovBatchNormParams *) norm->params)->epsilon;
    const float *old_mean = floats (norm->inputs[3]), *old_var = floats (norm->inputs[4]);
    const FovNode *of = fov_norm_is_unfolded (norm) ? norm->inputs[0]->producer : norm;
    FovNormMove move = { .layer = g_strdup (of->name), .channels = n };
    double squares = 0, logs = 0;

    for (guint c = 0; c < n; c++) {
        const double d = mean[c] - old_mean[c], old = old_var[c] + epsilon;
        squares += d * d / old;
        logs += log ((var[c] + epsilon) / old) / 2;
    }
    move.shift = sqrt (squares / n);
    move.stretch = exp (logs / n);
    g_array_append_val (moves, move);
}

/* ---- rounds -------------------------------------------------------------------- */

/* For each depth the norms (FovNode*) that stand behind as many others. */
static GPtrArray *
norms_by_depth (const FovGraph *graph)
{
    g_autoptr (GHashTable) depths = g_hash_table_new (NULL, NULL); /* behind the node */
    GPtrArray *rounds = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);

    for (guint i = 0; i < graph->nodes->len; i++) {
        FovNode *node = graph->nodes->pdata[i];
        guint depth = 0;
        for (guint k = 0; k < node->n_inputs; k++)
            if (node->inputs[k] && node->inputs[k]->producer)
                depth = MAX (depth, GPOINTER_TO_UINT (
                                        g_hash_table_lookup (depths, node->inputs[k]->producer)));
        if (fov_norm_has_statistics (node)) {
            if (depth == rounds->len)
                g_ptr_array_add (rounds, g_ptr_array_new ());
            g_ptr_array_add (rounds->pdata[depth++], node);
        }
        g_hash_table_insert (depths, node, GUINT_TO_POINTER (depth));
    }
    return rounds;
}

static void
set_statistics (FovNode *norm, const FovMoments *m, const FovNormFrames *frames, GArray *moves)
{
    const float *old_mean = floats (norm->inputs[3]), *old_var = floats (norm->inputs[4]);
    const double old = frames->prior / (frames->prior + (double) frames->n);
    g_autofree double *mean = g_new (double, m->channels), *var = g_new (double, m->channels);

    for (guint c = 0; c < m->channels; c++) {
        mean[c] = old * old_mean[c] + (1 - old) * m->mean[c];
        var[c] = old * old_var[c] + (1 - old) * m->m2[c] / m->n;
    }
    if (moves)
        note_move (moves, norm, mean, var, m->channels);
    set_constant (norm->inputs[3], mean);
    set_constant (norm->inputs[4], var);
}

static gboolean
run_round (FovGraph *graph, FovDevice *device, const FovNormFrames *frames, const GPtrArray *norms,
           GArray *moves, FovMeasureProgress *progress, GError **error)
{
    g_autoptr (GPtrArray) names = g_ptr_array_new ();
    g_autofree FovMoments *moments = g_new0 (FovMoments, norms->len);

    for (guint i = 0; i < norms->len; i++)
        g_ptr_array_add (names, ((FovNode *) norms->pdata[i])->inputs[0]->name);
    if (!fov_measure (graph, device, frames, names, moments, progress, error))
        return FALSE;
    for (guint i = 0; i < norms->len; i++) {
        set_statistics (norms->pdata[i], &moments[i], frames, moves);
        fov_moments_clear (&moments[i]);
    }
    return TRUE;
}

FovModel *
fov_model_recalibrate (FovModel *model, FovDevice *device, const FovNormFrames *frames,
                       GArray *moves, GError **error)
{
    g_autoptr (FovGraph) graph = fov_graph_copy (fov_model_graph (model));
    g_autoptr (GPtrArray) rounds = norms_by_depth (graph);
    FovMeasureProgress progress = { "recalibrating norms", 0,
                                    frames ? frames->n * rounds->len : 0 };

    if (!fov_norm_frames_check (frames, error))
        return NULL;
    if (!rounds->len) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "%s: the model has no batch norms; where they were folded away, un-fold them "
                     "with frames that the model is good on",
                     fov_model_path (model));
        return NULL;
    }
    for (guint i = 0; i < rounds->len; i++)
        if (!run_round (graph, device, frames, rounds->pdata[i], moves, &progress, error)) {
            g_prefix_error (error, "%s: ", fov_model_path (model));
            return NULL;
        }
    return fov_model_new_from_graph (g_steal_pointer (&graph), fov_model_path (model),
                                     fov_model_format (model), fov_model_copy_metadata (model));
}

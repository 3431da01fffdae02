/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/build.h"

#include "graph/passes.h"

#include <math.h>

void
fov_train_graph_clear (FovTrainGraph *t)
{
    g_clear_pointer (&t->graph, fov_graph_free);
    g_clear_pointer (&t->parameters, g_ptr_array_unref);
    g_clear_pointer (&t->scales, g_hash_table_unref);
    g_clear_pointer (&t->statistics, g_ptr_array_unref);
    g_clear_pointer (&t->averages, g_ptr_array_unref);
}

/* The loss alone is asked for: what serves other outputs only goes. */
static void
set_outputs (FovTrainGraph *t)
{
    fov_graph_clear_outputs (t->graph);
    fov_graph_add_output (t->graph, t->loss);
    if (t->gradient_norm)
        fov_graph_add_output (t->graph, t->gradient_norm);
    for (guint i = 0; i < t->n_parts; i++)
        fov_graph_add_output (t->graph, t->parts[i].tensor);
}

/* Parameters that the loss does not depend on stay as they are. */
static void
drop_unused (FovTrainGraph *t, FovTensor **gradients)
{
    guint n = 0;

    for (guint i = 0; i < t->parameters->len; i++) {
        if (gradients[i]->data)
            continue;
        gradients[n] = gradients[i];
        t->parameters->pdata[n++] = t->parameters->pdata[i];
    }
    g_ptr_array_set_size (t->parameters, (gint) n);
}

static gboolean
add_loss (FovTrainGraph *t, FovModel *model, const FovTrainerParams *params, GError **error)
{
    if (params->loss != FOV_LOSS_DETECTION)
        return fov_train_add_loss (t, t->graph->outputs->pdata[params->output], params, error);
    if (model)
        return fov_train_add_detection (t, model, params, error);
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "a detector's loss needs a model");
    return FALSE;
}

/* A network that is broken from the start would be taken for one that broke while it learned. */
static gboolean
check_parameters (const FovTrainGraph *t, GError **error)
{
    for (guint i = 0; i < t->parameters->len; i++) {
        const FovTensor *p = t->parameters->pdata[i];
        const float *v = g_bytes_get_data (p->initial, NULL);
        for (gint64 k = 0; k < fov_tensor_elements (p); k++)
            if (!isfinite (v[k])) {
                g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                             "the model's weights '%s' have %g at index %" G_GINT64_FORMAT
                             ", expected numbers",
                             p->name, (double) v[k], k);
                return FALSE;
            }
    }
    return TRUE;
}

static gboolean
build (FovTrainGraph *t, FovModel *model, const FovTrainerParams *params, GError **error)
{
    FovGraph *graph = t->graph;
    g_autofree FovTensor **gradients = NULL;

    if (params->output >= graph->outputs->len) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "output is %u, but the model has %u outputs", params->output,
                     graph->outputs->len);
        return FALSE;
    }
    /* What is one activation is differentiated as one. */
    if (!fov_train_find_parameters (t, params, error) || !check_parameters (t, error) ||
        !fov_graph_specialize (graph, params->input_shapes, error) ||
        !fov_pass_patterns (graph, error) || !add_loss (t, model, params, error))
        return FALSE;
    fov_train_add_step (t);
    if (!fov_train_add_dropout (t, params, error))
        return FALSE;
    set_outputs (t);
    gradients = g_new0 (FovTensor *, t->parameters->len + 1);
    if (!fov_graph_backward (graph, t->loss, (FovTensor **) t->parameters->pdata,
                             t->parameters->len, gradients, error))
        return FALSE;
    drop_unused (t, gradients);
    if (!fov_train_add_optimiser (t, gradients, params, error))
        return FALSE;
    set_outputs (t);
    fov_graph_remove_unused (graph);
    return TRUE;
}

gboolean
fov_train_build (FovTrainGraph *t, FovGraph *graph, FovModel *model, const FovTrainerParams *params,
                 GError **error)
{
    *t = (FovTrainGraph){ .graph = graph,
                          .parameters = g_ptr_array_new (),
                          .scales = g_hash_table_new (NULL, NULL),
                          .statistics = g_ptr_array_new (),
                          .averages = g_ptr_array_new () };
    if (build (t, model, params, error))
        return TRUE;
    fov_train_graph_clear (t);
    return FALSE;
}

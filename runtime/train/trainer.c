/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/trainer.h"

#include "model/model.h"
#include "ops/ctc.h"
#include "train/build.h"
#include "train/checkpoint.h"
#include "train/diagnose.h"
#include "train/norms.h"

#include <math.h>
#include <string.h>

#include <fovea/file.h>

struct _FovTrainer {
    FovModel *model; /* or NULL: made of a graph */
    FovTrainerParams params;
    FovSession *session;
    GArray *states;
    GHashTable *by_name; /* char* -> FovTrainerState* */
    GPtrArray *learned;  /* char*: names of parameters and statistics */
    guint n_parameters;
    guint64 n_values;
    FovTensorInfo target;
    FovIntake intake; /* of a detector, with classes */
    guint n_classes;
    gint64 n_labels;    /* of a target of classes */
    const FovNode *ctc; /* that reads a target of texts, or NULL */
    guint n_parts;
    const char *part_names[FOV_TRAIN_MAX_PARTS];
    double parts[FOV_TRAIN_MAX_PARTS];
    guint64 step; /* batches seen */
    double gradient_norm;
};

/* ---- making one ----------------------------------------------------------- */

static void
list_states (FovTrainer *trainer)
{
    const GPtrArray *tensors = fov_session_plan (trainer->session)->graph->tensors;

    for (guint i = 0; i < tensors->len; i++) {
        const FovTensor *t = tensors->pdata[i];
        FovTrainerState state;
        if (!t || !t->initial)
            continue;
        state.name = t->name;
        state.view = (FovView){ t->dtype, t->shape, fov_session_state (trainer->session, t) };
        g_array_append_val (trainer->states, state);
    }
    for (guint i = 0; i < trainer->states->len; i++) {
        FovTrainerState *state = &g_array_index (trainer->states, FovTrainerState, i);
        g_hash_table_insert (trainer->by_name, (gpointer) state->name, state);
    }
}

static void
note_learned (FovTrainer *trainer, const FovTrainGraph *t)
{
    trainer->n_parameters = t->parameters->len;
    for (guint i = 0; i < t->parameters->len; i++) {
        const FovTensor *w = t->parameters->pdata[i];
        trainer->n_values += (guint64) fov_tensor_elements (w);
        g_ptr_array_add (trainer->learned, g_strdup (w->name));
    }
    for (guint i = 0; i < t->statistics->len; i++)
        g_ptr_array_add (trainer->learned,
                         g_strdup (((FovTensor *) t->statistics->pdata[i])->name));
    trainer->intake = t->intake;
    trainer->n_classes = t->n_classes;
    trainer->n_parts = t->n_parts;
    for (guint i = 0; i < t->n_parts; i++)
        trainer->part_names[i] = t->parts[i].name;
    trainer->n_labels = t->n_labels;
    trainer->target = (FovTensorInfo){ "fov.target", t->target->dtype, t->target->shape };
}

static const FovNode *
find_ctc (FovSession *session)
{
    const GPtrArray *nodes = fov_session_plan (session)->graph->nodes;

    for (guint i = 0; i < nodes->len; i++)
        if (fov_node_is (nodes->pdata[i], "fov.Ctc"))
            return nodes->pdata[i];
    return NULL;
}

static FovTrainer *
new_trainer (FovDevice *device, FovGraph *graph, FovModel *model, const FovTrainerParams *params,
             GError **error)
{
    static const FovTrainerParams defaults;
    FovTrainer *trainer = g_new0 (FovTrainer, 1);
    FovTrainGraph t = { 0 };

    trainer->params = params ? *params : defaults;
    trainer->states = g_array_new (FALSE, FALSE, sizeof (FovTrainerState));
    trainer->by_name = g_hash_table_new (g_str_hash, g_str_equal);
    trainer->learned = g_ptr_array_new_with_free_func (g_free);
    if (!fov_train_complete (&trainer->params, error)) {
        fov_graph_free (graph);
        goto failed;
    }
    if (!fov_train_build (&t, graph, model, &trainer->params, error))
        goto failed;
    trainer->params.input_shapes = NULL; /* the caller's */
    trainer->params.freeze_to = NULL;
    trainer->params.class_weights = trainer->params.positive_weights = NULL;
    trainer->params.decoder = NULL;
    note_learned (trainer, &t);
    trainer->session =
        fov_session_new_from_graph (device, g_steal_pointer (&t.graph),
                                    &(FovSessionParams){ .max_in_flight = 1, .profile = TRUE },
                                    error);
    fov_train_graph_clear (&t);
    if (!trainer->session)
        goto failed;
    list_states (trainer);
    trainer->ctc = find_ctc (trainer->session);
    return trainer;
failed:
    fov_trainer_free (trainer);
    return NULL;
}

FovTrainer *
fov_trainer_new_from_graph (FovDevice *device, FovGraph *graph, const FovTrainerParams *params,
                            GError **error)
{
    return new_trainer (device, graph, NULL, params, error);
}

FovTrainer *
fov_trainer_new (FovDevice *device, FovModel *model, const FovTrainerParams *params, GError **error)
{
    FovTrainer *trainer =
        new_trainer (device, fov_graph_copy (fov_model_graph (model)), model, params, error);

    if (trainer)
        trainer->model = fov_model_ref (model);
    else
        g_prefix_error (error, "%s: ", fov_model_path (model));
    return trainer;
}

void
fov_trainer_free (FovTrainer *trainer)
{
    if (!trainer)
        return;
    g_clear_pointer (&trainer->session, fov_session_unref);
    g_clear_pointer (&trainer->model, fov_model_unref);
    g_array_unref (trainer->states);
    g_hash_table_unref (trainer->by_name);
    g_ptr_array_unref (trainer->learned);
    g_free (trainer);
}

/* ---- steps ----------------------------------------------------------------- */

void
fov_trainer_target (FovTrainer *trainer, FovTensorInfo *info)
{
    *info = trainer->target;
}

/* Kernels may turn NaN into a number (max does): so it must not get in. */
static gboolean
check_finite (FovTrainer *trainer, const FovView *views, GError **error)
{
    for (guint i = 0; i < fov_session_n_inputs (trainer->session) - 1; i++) {
        gint64 n = fov_shape_elements (&views[i].shape);
        const float *v = views[i].data;
        FovTensorInfo info;
        gint64 at = 0;
        if (views[i].dtype != FOV_F32 || !v)
            continue;
        while (at < n && isfinite (v[at]))
            at++;
        if (at == n)
            continue;
        fov_session_input (trainer->session, i, &info);
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "step %" G_GUINT64_FORMAT ": input '%s' has %g in picture %" G_GINT64_FORMAT,
                     trainer->step + 1, info.name, (double) v[at],
                     at / MAX (n / MAX (views[i].shape.rank ? views[i].shape.dim[0] : 1, 1), 1));
        return FALSE;
    }
    return TRUE;
}

/* Of classes; -1: none. A GPU's kernels could not say which is wrong. */
static gboolean
check_labels (FovTrainer *trainer, const FovView *target, GError **error)
{
    const gint64 *labels = target->data;

    if (!trainer->n_labels || !labels || target->dtype != FOV_I64)
        return TRUE;
    for (gint64 i = 0; i < fov_shape_elements (&target->shape); i++) {
        if (labels[i] >= -1 && labels[i] < trainer->n_labels)
            continue;
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "step %" G_GUINT64_FORMAT ": label %" G_GINT64_FORMAT " at %" G_GINT64_FORMAT
                     ", expected 0 to %" G_GINT64_FORMAT,
                     trainer->step + 1, labels[i], i, trainer->n_labels - 1);
        return FALSE;
    }
    return TRUE;
}

static gboolean
check_texts (FovTrainer *trainer, const FovView *target, GError **error)
{
    FovTensorInfo info;

    fov_session_input (trainer->session, fov_session_n_inputs (trainer->session) - 2, &info);
    if (!trainer->ctc || !target->data || target->dtype != info.dtype ||
        !fov_shape_equal (&target->shape, &info.shape) ||
        fov_ctc_check_labels (trainer->ctc, target, error))
        return TRUE;
    g_prefix_error (error, "step %" G_GUINT64_FORMAT ": ", trainer->step + 1);
    return FALSE;
}

/* Statistics that run away leave no trace in the loss: the norm divides it out. (On a GPU only
 * those that were fetched last are seen.) */
static gboolean
statistics_are_finite (FovTrainer *trainer)
{
    for (guint i = trainer->n_parameters; i < trainer->learned->len; i++) {
        const FovTrainerState *state =
            g_hash_table_lookup (trainer->by_name, trainer->learned->pdata[i]);
        const float *v = state ? state->view.data : NULL;
        for (gint64 k = 0; v && k < fov_shape_elements (&state->view.shape); k++)
            if (!isfinite (v[k]))
                return FALSE;
    }
    return TRUE;
}

/* FALSE: what a step gave is of no use. */
static gboolean
check_step (FovTrainer *trainer, double loss, const FovView *inputs, double rate, GError **error)
{
    const gboolean bad_loss = !isfinite (loss), bad_norm = !isfinite (trainer->gradient_norm);
    g_autofree char *more = NULL;

    if (!bad_loss && !bad_norm && statistics_are_finite (trainer))
        return TRUE;
    fov_session_fetch_states (trainer->session, NULL);
    more = fov_train_diagnose (trainer->states, trainer->session, inputs,
                               fov_session_n_inputs (trainer->session) - 1);
    g_set_error (error, FOV_ERROR, FOV_ERROR_FAILED,
                 "step %" G_GUINT64_FORMAT ": %s%g%s; lower the learning rate (%g)", trainer->step,
                 bad_loss   ? "the loss is "
                 : bad_norm ? "the gradient's norm is "
                            : "a norm's statistics overflow, the loss is ",
                 bad_loss || !bad_norm ? loss : trainer->gradient_norm, more, rate);
    return FALSE;
}

gboolean
fov_trainer_step (FovTrainer *trainer, const FovView *inputs, const FovView *target, double *loss,
                  GError **error)
{
    const guint n = fov_session_n_inputs (trainer->session);
    g_autofree FovView *in = g_new0 (FovView, n);
    FovView out[2 + FOV_TRAIN_MAX_PARTS] = { 0 };
    float step[FOV_STEP_N];
    double value;

    fov_train_schedule (&trainer->params, trainer->step + 1, step);
    memcpy (in, inputs, (n - 2) * sizeof *in);
    in[n - 2] = *target;
    in[n - 1] = (FovView){ FOV_F32, { 1, { FOV_STEP_N } }, step };
    if (!check_finite (trainer, in, error) || !check_labels (trainer, target, error) ||
        !check_texts (trainer, target, error))
        return FALSE;
    if (!fov_session_run (trainer->session, in, out, error)) {
        g_prefix_error (error, "step %" G_GUINT64_FORMAT ": ", trainer->step + 1);
        return FALSE;
    }
    trainer->step++;
    value = fov_view_get (&out[0], 0);
    trainer->gradient_norm = fov_view_get (&out[1], 0);
    for (guint i = 0; i < trainer->n_parts; i++)
        trainer->parts[i] = fov_view_get (&out[2 + i], 0);
    if (loss)
        *loss = value;
    return check_step (trainer, value, in, (double) step[FOV_STEP_RATE], error);
}

void
fov_trainer_info (FovTrainer *trainer, FovTrainerInfo *info)
{
    const FovPlan *plan = fov_session_plan (trainer->session);
    float step[FOV_STEP_N];

    fov_train_schedule (&trainer->params, MAX (trainer->step, 1), step);
    *info = (FovTrainerInfo){ .step = trainer->step / MAX (trainer->params.accumulate, 1),
                              .learning_rate = step[FOV_STEP_RATE],
                              .gradient_norm = trainer->gradient_norm,
                              .n_parameters = trainer->n_parameters,
                              .n_values = trainer->n_values,
                              .planned_bytes = plan->arena_bytes + plan->constant_bytes +
                                               plan->state_bytes +
                                               fov_session_kernel_bytes (trainer->session),
                              .state_bytes = plan->state_bytes,
                              .flops = plan->flops };
}

gboolean
fov_trainer_part (FovTrainer *trainer, guint index, const char **name, double *value)
{
    if (index >= trainer->n_parts)
        return FALSE;
    *name = trainer->part_names[index];
    *value = trainer->parts[index];
    return TRUE;
}

gboolean
fov_trainer_intake (FovTrainer *trainer, FovTrainerIntake *intake)
{
    const FovIntake *in = &trainer->intake;
    FovTensorInfo input;

    if (!trainer->n_classes)
        return FALSE;
    fov_session_input (trainer->session, 0, &input);
    *intake = (FovTrainerIntake){ .width = (int) input.shape.dim[3],
                                  .height = (int) input.shape.dim[2],
                                  .bgr = in->bgr,
                                  .stretch = in->fit == FOV_FIT_STRETCH,
                                  .center = in->fit == FOV_FIT_LETTERBOX_CENTER,
                                  .pad = in->pad,
                                  .n_classes = trainer->n_classes };
    memcpy (intake->mean, in->mean, sizeof intake->mean);
    memcpy (intake->scale, in->scale, sizeof intake->scale);
    return TRUE;
}

FovSession *
fov_trainer_session (FovTrainer *trainer)
{
    return trainer->session;
}

const GArray *
fov_trainer_states (FovTrainer *trainer)
{
    g_autoptr (GError) error = NULL;

    if (!fov_session_fetch_states (trainer->session, &error))
        g_warning ("%s", error->message);
    return trainer->states;
}

guint64
fov_trainer_step_number (FovTrainer *trainer)
{
    return trainer->step;
}

void
fov_trainer_set_step_number (FovTrainer *trainer, guint64 step)
{
    trainer->step = step;
}

/* ---- checkpoints ------------------------------------------------------------ */

#define STEP_NOTE "step"

gboolean
fov_trainer_save (FovTrainer *trainer, const char *path, GHashTable *notes, GError **error)
{
    g_autoptr (GHashTable) all = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
    GHashTableIter iter;
    gpointer key, value;

    if (notes) {
        g_hash_table_iter_init (&iter, notes);
        while (g_hash_table_iter_next (&iter, &key, &value))
            g_hash_table_insert (all, key, g_strdup (value));
    }
    g_hash_table_insert (all, (gpointer) STEP_NOTE,
                         g_strdup_printf ("%" G_GUINT64_FORMAT, trainer->step));
    return fov_session_fetch_states (trainer->session, error) &&
           fov_checkpoint_write (path, trainer->states, all, error);
}

static gboolean
read_step (GHashTable *notes, guint64 *step, GError **error)
{
    const char *text = g_hash_table_lookup (notes, STEP_NOTE);

    if (text && g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, step, NULL))
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "the note '" STEP_NOTE "' is %s%s%s",
                 text ? "'" : "missing", text ? text : "",
                 text ? "', expected a whole number" : "");
    return FALSE;
}

typedef struct {
    FovNotesCheck check;
    gpointer user_data;
    GHashTable *notes;
    guint64 step;
} Load;

/* The notes first: they say best why it does not fit, and values are taken last. */
static gboolean
load_file (FovTrainer *trainer, const char *path, Load *load, GError **error)
{
    g_autoptr (GArray) none = g_array_new (FALSE, FALSE, sizeof (FovTrainerState));
    g_autoptr (GHashTable) notes = NULL;

    if (!fov_checkpoint_read (path, none, &notes, error))
        return FALSE;
    if (!read_step (notes, &load->step, error) ||
        (load->check && !load->check (notes, load->user_data, error))) {
        g_prefix_error (error, "%s: ", path);
        return FALSE;
    }
    return fov_checkpoint_read (path, trainer->states, &load->notes, error);
}

gboolean
fov_trainer_load_checked (FovTrainer *trainer, const char *path, FovNotesCheck check,
                          gpointer user_data, GHashTable **notes, GError **error)
{
    g_autofree char *target = fov_file_target (path, error);
    g_autofree char *previous = target ? g_strconcat (target, ".1", NULL) : NULL;
    g_autoptr (GHashTable) read = NULL;
    g_autoptr (GError) why = NULL;
    Load load = { .check = check, .user_data = user_data };

    if (!target)
        return FALSE;
    if (!load_file (trainer, path, &load, &why)) {
        if (!g_file_test (previous, G_FILE_TEST_EXISTS) ||
            !load_file (trainer, previous, &load, NULL)) {
            g_propagate_error (error, g_steal_pointer (&why));
            return FALSE;
        }
        g_warning ("%s; the checkpoint before it is used", why->message);
        if (g_error_matches (why, FOV_ERROR, FOV_ERROR_FORMAT))
            fov_checkpoint_set_aside (target);
    }
    read = load.notes;
    if (!fov_session_store_states (trainer->session, error))
        return FALSE;
    trainer->step = load.step;
    if (notes)
        *notes = g_steal_pointer (&read);
    return TRUE;
}

gboolean
fov_trainer_load (FovTrainer *trainer, const char *path, GHashTable **notes, GError **error)
{
    return fov_trainer_load_checked (trainer, path, NULL, NULL, notes, error);
}

/* ---- what was learned ------------------------------------------------------ */

static const FovTrainerState *
learned_state (FovTrainer *trainer, const char *name, FovWeights weights)
{
    g_autofree char *average = g_strconcat (name, ".average", NULL);
    const FovTrainerState *state = NULL;

    if (weights == FOV_WEIGHTS_AVERAGED)
        state = g_hash_table_lookup (trainer->by_name, average);
    return state ? state : g_hash_table_lookup (trainer->by_name, name);
}

/* The model's graph with what was learned. */
static FovGraph *
learned_graph (FovTrainer *trainer, FovWeights weights, GError **error)
{
    FovGraph *graph;

    if (!trainer->model) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "the trainer was made without a model");
        return NULL;
    }
    if (!fov_session_fetch_states (trainer->session, error))
        return NULL;
    graph = fov_graph_copy (fov_model_graph (trainer->model));
    for (guint i = 0; i < trainer->learned->len; i++) {
        const char *name = trainer->learned->pdata[i];
        const FovTrainerState *state = learned_state (trainer, name, weights);
        FovTensor *t = fov_graph_find (graph, name);
        gsize size = g_bytes_get_size (t->data);
        g_bytes_unref (t->data);
        t->data = g_bytes_new (state->view.data, size);
    }
    return graph;
}

FovModel *
fov_trainer_model (FovTrainer *trainer, FovWeights weights, GError **error)
{
    FovGraph *graph = learned_graph (trainer, weights, error);

    if (!graph)
        return NULL;
    return fov_model_new_from_graph (graph, fov_model_path (trainer->model),
                                     fov_model_format (trainer->model),
                                     fov_model_copy_metadata (trainer->model));
}

gboolean
fov_trainer_write_onnx (FovTrainer *trainer, const char *path, FovWeights weights, GError **error)
{
    g_autoptr (FovGraph) graph = learned_graph (trainer, weights, error);

    return graph && fov_fold_and_write (graph, trainer->learned, fov_model_path (trainer->model),
                                        path, error);
}

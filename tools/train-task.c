/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tasks: masks, texts, tags, vectors. */
#include "train-loop.h"
#include "train-task.h"

#include <math.h>
#include <string.h>

#include <fovea/session.h>

typedef struct {
    Task task;
    FovDevice *device;
    FovModel *model;
    FovTrainer *trainer;
    FovShape shape;
    FovTensorInfo target;
    FovLoader *loader;
    SourceWalk *apart; /* the pictures kept apart */
    gint64 *texts;     /* of a batch */
} Run;

static void
run_clear (Run *r)
{
    fov_trainer_free (r->trainer);
    fov_model_unref (r->model);
    g_clear_pointer (&r->device, fov_device_unref);
    fov_loader_free (r->loader);
    source_walk_free (r->apart);
    task_clear (&r->task);
    g_free (r->texts);
}

/* ---- setting up ---------------------------------------------------------------- */

static gboolean
load_model (Run *r, GError **error)
{
    const TrainOptions *o = r->task.o;
    g_autoptr (FovModel) fresh = NULL;
    FovTensorInfo in;

    if (o->model) {
        r->model = fov_model_load (o->model, error);
    } else {
        fresh = fov_recipe_build (&(FovRecipeParams){ .name = o->recipe ? o->recipe
                                                                        : r->task.kind->recipe,
                                                      .width = r->task.width,
                                                      .height = r->task.height,
                                                      .n_outputs =
                                                          (int) r->task.kind->n_outputs (&r->task),
                                                      .dropout = (float) o->dropout,
                                                      .seed = (guint32) o->seed },
                                  error);
        r->model = fresh ? train_start (o, fresh, error) : NULL;
    }
    if (!r->model)
        return FALSE;
    fov_model_input (r->model, 0, &in);
    if (fov_model_n_inputs (r->model) == 1 && in.shape.rank == 4 && in.dtype == FOV_F32 &&
        (in.shape.dim[2] == r->task.height || in.shape.dim[2] < 0) &&
        (in.shape.dim[3] == r->task.width || in.shape.dim[3] < 0))
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE,
                 "%s: expected one input of pictures, float32 [N, 3, %d, %d]; see --size",
                 fov_model_path (r->model), r->task.height, r->task.width);
    return FALSE;
}

/* What a picture's outputs are, and the labels, must fit the data. */
static gboolean
check_outputs (Run *r, GError **error)
{
    const gint64 batch = r->shape.dim[0], want = (gint64) r->task.kind->n_outputs (&r->task);
    g_autoptr (FovSession) session =
        fov_session_new (r->device, r->model, &(FovSessionParams){ .input_shapes = &r->shape },
                         error);
    FovTensorInfo out;
    gint64 found;

    if (!session)
        return FALSE;
    fov_session_output (session, 0, &out);
    found = out.shape.dim[r->task.kind->loss == FOV_LOSS_CTC ? 2 : 1];
    if (fov_shape_elements (&r->target.shape) == batch * r->task.n_labels &&
        (found == want || r->task.kind->goal == TRAIN_VECTORS))
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE,
                 "%s: the model gives %" G_GINT64_FORMAT
                 " scores, but the data have %" G_GINT64_FORMAT " kinds",
                 fov_model_path (r->model), found, want);
    return FALSE;
}

static gboolean
count_pixels (const FovBatch *batch, guint n, gpointer counts, GError **error)
{
    const gint64 pixels = batch->masks.shape.dim[1] * batch->masks.shape.dim[2];
    const gint64 *labels = batch->masks.data;

    for (gint64 i = 0; i < n * pixels; i++)
        if (labels[i] >= 0)
            ((double *) counts)[labels[i]]++;
    return TRUE;
}

/* How often each label is there, and in how many pictures; of masks pixels. */
static double *
count_classes (Run *r, double *total, GError **error)
{
    TrainSource *source = &r->task.source;
    const guint n = r->task.classes->len;
    g_autofree double *counts = g_new0 (double, n + 1);

    *total = fov_data_length (source->train);
    if (r->task.kind->by_pixel && (r->task.o->class_weights || r->task.o->focal)) {
        g_autoptr (SourceWalk) walk = source_walk_new (source, source->train, 8, error);
        if (!walk || !source_walk_all (walk, count_pixels, counts, error))
            return NULL;
        *total = 0;
        for (guint c = 0; c < n; c++)
            *total += counts[c];
    } else if (r->task.kind->goal == TRAIN_TAGS) {
        g_autofree guint64 *numbers = g_new (guint64, n + 1);
        fov_data_count (source->train, numbers);
        for (guint c = 0; c < n; c++)
            counts[c] = (double) numbers[c];
    }
    return g_steal_pointer (&counts);
}

static gboolean
make_trainer (Run *r, GError **error)
{
    const TrainOptions *o = r->task.o;
    double total;
    g_autofree double *counts = count_classes (r, &total, error);
    g_autofree float *weights = NULL;
    const guint batches = fov_loader_batches (r->loader);
    const guint64 steps = (guint64) o->epochs * batches;
    const gboolean sgd = o->optimiser && g_str_equal (o->optimiser, "sgd");
    const double rate = o->learning_rate > 0
                            ? o->learning_rate
                            : r->task.kind->rate * (sgd ? 10 : 1) * (o->model ? 0.3 : 1);
    FovTrainerParams params = { .input_shapes = &r->shape,
                                .loss = r->task.kind->loss,
                                .label_length = (int) r->task.n_labels,
                                .optimiser = sgd ? FOV_OPTIMISER_SGD : FOV_OPTIMISER_ADAMW,
                                .learning_rate = (float) rate,
                                .weight_decay = sgd ? 5e-4f : 0.02f,
                                .clip_norm = 10,
                                .n_steps = steps,
                                .warmup_steps = MIN (batches, steps / 10),
                                .average = 0.05f,
                                .seed = (guint32) o->seed };

    train_note_rate (o, rate);
    if (!counts || !train_parse_freeze (o->freeze, &params, error) ||
        !train_set_loss (o, r->task.classes, counts, total, &params, &weights, error))
        return FALSE;
    r->trainer = fov_trainer_new (r->device, r->model, &params, error);
    if (!r->trainer)
        return FALSE;
    fov_trainer_target (r->trainer, &r->target);
    r->texts = g_new0 (gint64, (gsize) o->batch * r->task.n_labels);
    return check_outputs (r, error);
}

static gboolean
set_up (Run *r, const TaskKind *kind, const TrainOptions *o, const char *data, GError **error)
{
    if (!task_open (&r->task, o, kind, data, error))
        return FALSE;
    r->device = fov_device_open (o->device ? o->device : "cpu", error);
    if (!r->device || !load_model (r, error))
        return FALSE;
    r->shape = (FovShape){ 4, { o->batch, 3, r->task.height, r->task.width } };
    if (!train_rebatch (&r->model, &r->shape, error))
        return FALSE;
    r->loader = source_learn (&r->task.source, o, r->device, FALSE, error);
    r->apart =
        r->loader ? source_walk_new (&r->task.source, r->task.source.valid, (guint) o->batch, error)
                  : NULL;
    return r->apart && make_trainer (r, error);
}

/* ---- batches ---------------------------------------------------------------------- */

/* What the pictures of a batch, which are of one side, are to become. */
static FovView
target_of (Run *r, const FovData *side, const FovBatch *batch)
{
    const Task *task = &r->task;
    const gsize n = task->n_labels;

    switch (task->kind->goal) {
    case TRAIN_MASKS:
        return batch->masks;
    case TRAIN_TAGS:
        return batch->classes;
    case TRAIN_VECTORS:
        return batch->labels;
    default:
        for (guint i = 0; i < (guint) task->o->batch; i++) {
            const gint64 row = fov_data_sample (side, batch->samples[i])->id;
            memcpy (r->texts + i * n, &g_array_index (task->texts, gint64, (gsize) row * n),
                    n * sizeof *r->texts);
        }
        return (FovView){ FOV_I64, r->target.shape, r->texts };
    }
}

static FovView
target_to_learn (gpointer run, const FovBatch *batch)
{
    Run *r = run;

    return target_of (r, r->task.source.train, batch);
}

/* ---- what was learned ---------------------------------------------------------------- */

typedef struct {
    Run *run;
    FovSession *session;
} Look;

static gboolean
note_batch (const FovBatch *batch, guint n, gpointer user_data, GError **error)
{
    const Look *look = user_data;
    Run *r = look->run;
    const FovView target = target_of (r, r->task.source.valid, batch);
    const gsize labels = r->task.n_labels;
    FovView out[8];
    gsize each;

    if (!fov_session_run (look->session, &batch->pictures, out, error))
        return FALSE;
    each = (gsize) fov_shape_elements (&out[0].shape) / (gsize) r->task.o->batch;
    for (guint i = 0; i < n; i++) {
        const gboolean values = target.dtype == FOV_F32;
        const TaskExample example = { values ? NULL : (const gint64 *) target.data + i * labels,
                                      values ? (const float *) target.data + i * labels : NULL };
        r->task.kind->note (&r->task, &example, (const float *) out[0].data + i * each, each);
    }
    return TRUE;
}

static gboolean
measure (gpointer run, double *result, GError **error)
{
    Run *r = run;
    const FovData *valid = r->task.source.valid;
    g_autoptr (FovModel) model = fov_trainer_model (r->trainer, FOV_WEIGHTS_AVERAGED, error);
    g_autoptr (FovSession) session =
        model ? fov_session_new (r->device, model, &(FovSessionParams){ .input_shapes = &r->shape },
                                 error)
              : NULL;
    Look look = { r, session };

    g_array_set_size (r->task.sums, 0);
    if (!session || !source_walk_all (r->apart, note_batch, &look, error))
        return FALSE;
    *result = valid && fov_data_length (valid) ? r->task.kind->result (&r->task) : (double) NAN;
    return TRUE;
}

/* ---- the run -------------------------------------------------------------------- */

static const TrainKind task_run = { .target = target_to_learn, .measure = measure };

gboolean
train_task_run (const TrainOptions *options, const TaskKind *kind, const char *data, GError **error)
{
    Run r = { 0 };
    gboolean ok = set_up (&r, kind, options, data, error);

    if (ok) {
        const TrainPlan plan = { .o = options,
                                 .kind = &task_run,
                                 .run = &r,
                                 .trainer = r.trainer,
                                 .loader = r.loader,
                                 .steps = fov_loader_batches (r.loader),
                                 .batches = 1,
                                 .data = r.task.source.train,
                                 .figures = { { kind->metric, kind->metric, TRUE } },
                                 .n_figures = 1,
                                 .labels = r.task.classes };
        ok = train_loop (&plan, error);
    }
    run_clear (&r);
    return ok;
}

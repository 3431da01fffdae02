/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tasks: masks, texts, tags, vectors. */
#include "interrupt.h"
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
    guint batches; /* of an epoch */
    float *pixels;
    gpointer labels; /* of a batch, of the target's type */
    GRand *rand;     /* of the epoch: */
    guint *order;
} Run;

static void
run_clear (Run *r)
{
    fov_trainer_free (r->trainer);
    fov_model_unref (r->model);
    g_clear_pointer (&r->device, fov_device_unref);
    g_ptr_array_unref (r->task.classes);
    g_array_unref (r->task.train);
    g_array_unref (r->task.valid);
    g_array_unref (r->task.sums);
    g_free (r->pixels);
    g_free (r->labels);
    g_clear_pointer (&r->rand, g_rand_free);
    g_free (r->order);
}

/* ---- setting up ---------------------------------------------------------------- */

static gboolean
load_model (Run *r, GError **error)
{
    const TrainOptions *o = r->task.o;
    const char *path = train_goes_on_from_output (o) ? o->output : o->model;
    g_autoptr (FovModel) fresh = NULL;
    FovTensorInfo in;

    if (path) {
        r->model = fov_model_load (path, error);
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
        (found == want || r->task.kind->in_groups))
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE,
                 "the model gives %" G_GINT64_FORMAT " scores, but the data have %" G_GINT64_FORMAT
                 " kinds",
                 found, want);
    return FALSE;
}

/* How often each label is there, and in how many pictures; of masks pixels. */
static double *
count_classes (const Run *r, double *total)
{
    const GArray *train = r->task.train;
    const gboolean pixels = r->task.kind->by_pixel;
    double *counts = g_new0 (double, r->task.classes->len + 1);

    *total = pixels ? 0 : train->len;
    for (guint i = 0; i < train->len; i++) {
        const TaskExample *e = &g_array_index (train, TaskExample, i);
        for (guint k = 0; k < r->task.n_labels; k++)
            if (e->values) {
                counts[k] += (double) e->values[k];
            } else if (pixels && e->labels[k] >= 0) {
                counts[e->labels[k]]++;
                *total += 1;
            }
    }
    return counts;
}

static gboolean
make_trainer (Run *r, GError **error)
{
    const TrainOptions *o = r->task.o;
    double total;
    g_autofree double *counts = count_classes (r, &total);
    g_autofree float *weights = NULL;
    const guint64 steps = (guint64) o->epochs * r->batches;
    const gboolean sgd = o->optimiser && g_str_equal (o->optimiser, "sgd");
    const double rate = r->task.kind->rate * (sgd ? 10 : 1) * (o->model ? 0.3 : 1);
    FovTrainerParams params = { .input_shapes = &r->shape,
                                .loss = r->task.kind->loss,
                                .label_length = (int) r->task.n_labels,
                                .optimiser = sgd ? FOV_OPTIMISER_SGD : FOV_OPTIMISER_ADAMW,
                                .learning_rate =
                                    (float) (o->learning_rate > 0 ? o->learning_rate : rate),
                                .weight_decay = sgd ? 5e-4f : 0.02f,
                                .clip_norm = 10,
                                .n_steps = steps,
                                .warmup_steps = MIN (r->batches, steps / 10),
                                .average = 0.05f,
                                .seed = (guint32) o->seed };

    if (!train_parse_freeze (o->freeze, &params, error) ||
        !train_set_loss (o, r->task.classes, counts, total, &params, &weights, error))
        return FALSE;
    r->trainer = fov_trainer_new (r->device, r->model, &params, error);
    if (!r->trainer)
        return FALSE;
    fov_trainer_target (r->trainer, &r->target);
    r->labels = g_malloc0 (8 * fov_shape_elements (&r->target.shape));
    return check_outputs (r, error);
}

static gboolean
read_data (Run *r, const char *data, GError **error)
{
    if (!r->task.kind->read (&r->task, data, error))
        return FALSE;
    if (!interrupted () && r->task.train->len && r->task.kind->n_outputs (&r->task) >= 2)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "%s: %u pictures of %u kinds to learn %s from, expected %s", data,
                 r->task.train->len, r->task.classes->len, r->task.kind->name, r->task.kind->data);
    return FALSE;
}

static gboolean
set_up (Run *r, const char *data, GError **error)
{
    const TrainOptions *o = r->task.o;

    r->device = fov_device_open (o->device ? o->device : "cpu", error);
    if (!r->device || !read_data (r, data, error) || !load_model (r, error))
        return FALSE;
    r->shape = (FovShape){ 4, { o->batch, 3, r->task.height, r->task.width } };
    r->batches = MAX (r->task.train->len / (guint) o->batch, 1);
    r->pixels = g_new (float, fov_shape_elements (&r->shape));
    return make_trainer (r, error);
}

/* ---- batches ---------------------------------------------------------------------- */

static void
mirror_rows (gpointer values, gsize size, int width, gsize rows)
{
    guint8 *v = values;

    for (gsize row = 0; row < rows; row++, v += width * size)
        for (int i = 0; i < width / 2; i++) {
            guint64 kept = 0;
            memcpy (&kept, v + i * size, size);
            memcpy (v + i * size, v + (width - 1 - i) * size, size);
            memcpy (v + (width - 1 - i) * size, &kept, size);
        }
}

static void
fill_example (Run *r, int i, const TaskExample *e, gboolean mirror)
{
    const Task *task = &r->task;
    const gsize image = 3 * (gsize) task->width * task->height;
    const gsize size = fov_dtype_size (r->target.dtype), n = task->n_labels;
    guint8 *labels = (guint8 *) r->labels + i * n * size;

    memcpy (r->pixels + i * image, e->pixels, image * sizeof (float));
    memcpy (labels, e->labels ? (gconstpointer) e->labels : e->values, n * size);
    if (!mirror)
        return;
    mirror_rows (r->pixels + i * image, sizeof (float), task->width, 3 * (gsize) task->height);
    if (task->kind->by_pixel)
        mirror_rows (labels, size, task->width, n / task->width);
}

/* Four of each of some names, where there are so many: those of a name lie together in classes. */
static void
group (const Task *task, GRand *rand, guint *order)
{
    g_autofree guint *by_name = train_shuffle (rand, task->train->len);
    const guint n = task->train->len;
    guint at = 0;

    while (at < n) {
        const gint64 name = g_array_index (task->train, TaskExample,
                                           by_name[g_rand_int_range (rand, 0, (gint32) n)])
                                .labels[0];
        guint taken = 0, first = (guint) g_rand_int_range (rand, 0, (gint32) n);
        for (guint i = 0; i < n && taken < 4 && at < n; i++) {
            const guint k = by_name[(first + i) % n];
            if (g_array_index (task->train, TaskExample, k).labels[0] == name) {
                order[at++] = k;
                taken++;
            }
        }
    }
}

static void
begin_epoch (gpointer run, int epoch)
{
    Run *r = run;
    const guint32 seed[] = { (guint32) r->task.o->seed, (guint32) epoch };

    g_clear_pointer (&r->rand, g_rand_free);
    g_free (r->order);
    r->rand = g_rand_new_with_seed_array (seed, 2);
    r->order = train_shuffle (r->rand, r->task.train->len);
    if (r->task.kind->in_groups)
        group (&r->task, r->rand, r->order);
}

static gboolean
next_batch (gpointer run, guint index, FovView *pictures, FovView *target, GError **error)
{
    Run *r = run;
    const guint batch = (guint) r->task.o->batch;

    for (guint i = 0; i < batch; i++) {
        const guint at = r->order[(index * batch + i) % r->task.train->len];
        fill_example (r, (int) i, &g_array_index (r->task.train, TaskExample, at),
                      r->task.kind->mirror && g_rand_boolean (r->rand));
    }
    *pictures = (FovView){ FOV_F32, r->shape, r->pixels };
    *target = (FovView){ r->target.dtype, r->target.shape, r->labels };
    return TRUE;
}

static gboolean
measure (gpointer run, double *result, GError **error)
{
    Run *r = run;
    g_autoptr (FovModel) model = fov_trainer_model (r->trainer, FOV_WEIGHTS_AVERAGED, error);
    g_autoptr (FovSession) session =
        model ? fov_session_new (r->device, model, &(FovSessionParams){ .input_shapes = &r->shape },
                                 error)
              : NULL;
    const FovView x = { FOV_F32, r->shape, r->pixels };
    const guint n = r->task.valid->len, batch = (guint) r->task.o->batch;
    FovView out[8];

    g_array_set_size (r->task.sums, 0);
    for (guint first = 0; session && first < n; first += batch) {
        const guint count = MIN (batch, n - first);
        for (guint i = 0; i < count; i++)
            fill_example (r, (int) i, &g_array_index (r->task.valid, TaskExample, first + i),
                          FALSE);
        if (!fov_session_run (session, &x, out, error))
            return FALSE;
        for (guint i = 0; i < count; i++) {
            const gsize each = (gsize) fov_shape_elements (&out[0].shape) / batch;
            r->task.kind->note (&r->task, &g_array_index (r->task.valid, TaskExample, first + i),
                                (const float *) out[0].data + i * each, each);
        }
    }
    *result = n ? r->task.kind->result (&r->task) : (double) NAN;
    return session != NULL;
}

/* ---- the run -------------------------------------------------------------------- */

static void
example_clear (gpointer data)
{
    TaskExample *e = data;

    g_free (e->pixels);
    g_free (e->labels);
    g_free (e->values);
}

static const TrainKind task_run = { .begin = begin_epoch, .batch = next_batch, .measure = measure };

gboolean
train_task_run (const TrainOptions *options, const TaskKind *kind, const char *data, GError **error)
{
    Run r = { .task = { .o = options,
                        .kind = kind,
                        .classes = g_ptr_array_new_with_free_func (g_free),
                        .train = g_array_new (FALSE, FALSE, sizeof (TaskExample)),
                        .valid = g_array_new (FALSE, FALSE, sizeof (TaskExample)),
                        .sums = g_array_new (FALSE, TRUE, sizeof (double)) } };
    gboolean ok;

    g_array_set_clear_func (r.task.train, example_clear);
    g_array_set_clear_func (r.task.valid, example_clear);
    ok = set_up (&r, data, error);
    if (ok) {
        const TrainPlan plan = { .o = options,
                                 .kind = &task_run,
                                 .run = &r,
                                 .trainer = r.trainer,
                                 .steps = r.batches,
                                 .batches = 1,
                                 .n_pictures = r.task.train->len,
                                 .figures = { { kind->metric, kind->metric, TRUE } },
                                 .n_figures = 1,
                                 .labels = r.task.classes };
        ok = train_loop (&plan, error);
    }
    run_clear (&r);
    return ok;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Classifiers: a class for each picture. */
#include "interrupt.h"
#include "print.h"
#include "train-loop.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <fovea/session.h>

#define MOST_PRINTED 40 /* classes, each with its recall */

typedef struct {
    const TrainOptions *o;
    FovDevice *device;
    FovModel *model;
    TrainData *data;
    FovTrainer *trainer;
    FovShape shape; /* of a batch */
    int size;
    guint batches; /* of an epoch */
    float *pixels;
    gint64 *labels;
    GRand *rand; /* of the epoch: */
    guint *order;
} Run;

static void
run_clear (Run *r)
{
    fov_trainer_free (r->trainer);
    fov_model_unref (r->model);
    if (r->device)
        fov_device_unref (r->device);
    train_data_free (r->data);
    g_free (r->pixels);
    g_free (r->labels);
    g_clear_pointer (&r->rand, g_rand_free);
    g_free (r->order);
}

gboolean
train_parse_freeze (const char *freeze, FovTrainerParams *params, GError **error)
{
    if (!freeze || g_str_equal (freeze, "none"))
        return TRUE;
    if (g_str_equal (freeze, "backbone")) {
        params->freeze_backbone = TRUE;
    } else if (g_str_has_prefix (freeze, "to=")) {
        params->freeze_to = freeze + 3;
    } else {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "--freeze is '%s', expected none, backbone or to=NODE", freeze);
        return FALSE;
    }
    return TRUE;
}

/* ---- setting up ------------------------------------------------------------- */

/* The picture size is the recipe's, or what the model fixes. */
static gboolean
load_model (Run *r, GError **error)
{
    const TrainOptions *o = r->o;
    const char *path = train_goes_on_from_output (o) ? o->output : o->model;
    FovTensorInfo in;

    r->size = o->size;
    if (!path)
        return TRUE;
    r->model = fov_model_load (path, error);
    if (!r->model)
        return FALSE;
    fov_model_input (r->model, 0, &in);
    if (fov_model_n_inputs (r->model) != 1 || in.shape.rank != 4 || in.dtype != FOV_F32 ||
        (in.shape.dim[1] >= 0 && in.shape.dim[1] != 3)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "%s: expected one input of RGB pictures, float32 [N, 3, H, W]",
                     fov_model_path (r->model));
        return FALSE;
    }
    if (in.shape.dim[2] > 0)
        r->size = (int) in.shape.dim[2];
    if (in.shape.dim[2] != in.shape.dim[3] && in.shape.dim[3] > 0) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED, "%s: pictures that are not square",
                     fov_model_path (r->model));
        return FALSE;
    }
    return TRUE;
}

static gboolean
make_recipe (Run *r, GError **error)
{
    const TrainOptions *o = r->o;
    const FovRecipeParams params = { .name = o->recipe ? o->recipe : "residual",
                                     .width = r->size,
                                     .height = r->size,
                                     .n_outputs = (int) r->data->classes->len,
                                     .dropout = (float) o->dropout,
                                     .seed = (guint32) o->seed };
    g_autoptr (FovModel) fresh = fov_recipe_build (&params, error);

    r->model = fresh ? train_start (o, fresh, error) : NULL;
    return r->model != NULL;
}

static gboolean
check_classes (const Run *r, GError **error)
{
    FovTensorInfo target, out;
    g_autoptr (FovSession) session = NULL;

    fov_trainer_target (r->trainer, &target);
    session = fov_session_new (r->device, r->model,
                               &(FovSessionParams){ .input_shapes = &r->shape }, error);
    if (!session)
        return FALSE;
    fov_session_output (session, 0, &out);
    if (target.shape.rank == 1 && out.shape.rank == 2 &&
        out.shape.dim[1] == (gint64) r->data->classes->len)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE,
                 "the model gives %" G_GINT64_FORMAT
                 " scores, but there are %u classes of pictures",
                 out.shape.dim[out.shape.rank - 1], r->data->classes->len);
    return FALSE;
}

/* Of one side of the data. */
static double *
count_pictures (const Run *r, const GArray *pictures)
{
    double *counts = g_new0 (double, r->data->classes->len);

    for (guint i = 0; i < pictures->len; i++)
        counts[g_array_index (pictures, TrainPicture, i).label]++;
    return counts;
}

/* One picture's middle, as it is measured. */
static gboolean
read_middle (guint index, FovView *inputs, gpointer run, GError **error)
{
    Run *r = run;
    const int middle = (r->data->side - r->size) / 2;

    if (interrupted ()) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_CANCELLED, "interrupted");
        return FALSE;
    }
    train_picture_cut (r->data, &g_array_index (r->data->train, TrainPicture, index), r->size,
                       middle, middle, FALSE, r->pixels);
    inputs[0] = (FovView){ FOV_F32, { 4, { 1, 3, r->size, r->size } }, r->pixels };
    return TRUE;
}

/* n 0: only whether it can be done. */
static gboolean
smote (Run *r, guint n, Progress *progress, GError **error)
{
    const FovShape shape = { 4, { 1, 3, r->size, r->size } };
    const FovNormFrames pictures = { .n = n,
                                     .read = read_middle,
                                     .user_data = r,
                                     .input_shapes = &shape,
                                     .progress = progress ? progress_note : NULL,
                                     .progress_data = progress };
    g_autofree gint64 *labels = g_new (gint64, n + 1);

    for (guint i = 0; i < n; i++)
        labels[i] = g_array_index (r->data->train, TrainPicture, i).label;
    return fov_trainer_smote (r->trainer, r->device, &pictures, labels, 0, (guint32) r->o->seed,
                              error);
}

static gboolean
make_trainer (Run *r, GError **error)
{
    const TrainOptions *o = r->o;
    g_autofree double *counts = count_pictures (r, r->data->train);
    g_autofree float *weights = NULL;
    const guint64 steps = (guint64) o->epochs * r->batches;
    const gboolean adam = o->optimiser && g_str_equal (o->optimiser, "adamw");
    const double rate = (o->model ? 0.01 : 0.05) * (adam ? 0.1 : 1);
    FovTrainerParams params = { .input_shapes = &r->shape,
                                .optimiser = adam ? FOV_OPTIMISER_ADAMW : FOV_OPTIMISER_SGD,
                                .learning_rate =
                                    (float) (o->learning_rate > 0 ? o->learning_rate : rate),
                                .weight_decay = adam ? 0.05f : 5e-4f,
                                .clip_norm = 10,
                                .n_steps = steps,
                                .warmup_steps = MIN (r->batches, steps / 10),
                                .average = 0.05f,
                                .seed = (guint32) o->seed,
                                .frozen_norms = o->frozen_norms };

    if (!train_parse_freeze (o->freeze, &params, error) ||
        !train_set_loss (o, r->data->classes, counts, r->data->train->len, &params, &weights,
                         error))
        return FALSE;
    r->trainer = fov_trainer_new (r->device, r->model, &params, error);
    return r->trainer && check_classes (r, error) && (!o->smote || smote (r, 0, NULL, error));
}

static gboolean
take_norms (Run *r, GError **error)
{
    FovModel *made;

    if (!r->o->unfold && !r->o->recalibrate)
        return TRUE;
    made = train_norms (r->model, r->device, r->o, r->data, r->size, error);
    if (!made)
        return FALSE;
    fov_model_unref (r->model);
    r->model = made;
    return TRUE;
}

static gboolean
set_up (Run *r, const char *folder, GError **error)
{
    const TrainOptions *o = r->o;

    r->device = fov_device_open (o->device ? o->device : "cpu", error);
    if (!r->device || !load_model (r, error))
        return FALSE;
    r->data = train_data_read (folder, r->size, o->validation, o->quiet, error);
    if (!r->data || (!r->model && !make_recipe (r, error)))
        return FALSE;
    if (!take_norms (r, error))
        return FALSE;
    r->shape = (FovShape){ 4, { o->batch, 3, r->size, r->size } };
    r->batches = MAX (r->data->train->len / (guint) o->batch, 1);
    r->pixels = g_new (float, fov_shape_elements (&r->shape));
    r->labels = g_new (gint64, o->batch);
    return make_trainer (r, error);
}

/* ---- epochs ------------------------------------------------------------------ */

/* An order that the seed and the epoch's number alone decide: a break changes nothing. */
guint *
train_shuffle (GRand *rand, guint n)
{
    guint *order = g_new (guint, n);

    for (guint i = 0; i < n; i++) {
        guint k = (guint) g_rand_int_range (rand, 0, (gint32) i + 1);
        order[i] = order[k];
        order[k] = i;
    }
    return order;
}

static void
fill_batch (Run *r, GRand *rand, const guint *order, guint batch)
{
    const int room = r->data->side - r->size;
    const gsize image = 3 * (gsize) r->size * r->size;

    for (int i = 0; i < r->o->batch; i++) {
        const guint at = order[(batch * (guint) r->o->batch + (guint) i) % r->data->train->len];
        const TrainPicture *picture = &g_array_index (r->data->train, TrainPicture, at);
        const int x = g_rand_int_range (rand, 0, room + 1),
                  y = g_rand_int_range (rand, 0, room + 1);
        train_picture_cut (r->data, picture, r->size, x, y, g_rand_boolean (rand),
                           r->pixels + i * image);
        r->labels[i] = picture->label;
    }
}

/* With --balance classes of n pictures come in the proportion of n^(1 - power), each of its
 * pictures as often as another. A class's pictures lie one behind the other. */
static void
draw_balanced (const Run *r, GRand *rand, guint *order)
{
    const GArray *train = r->data->train;
    const guint n_classes = r->data->classes->len;
    g_autofree guint *end = g_new0 (guint, n_classes), *count = g_new0 (guint, n_classes);
    g_autofree double *share = g_new0 (double, n_classes);
    double total = 0;

    for (guint i = 0; i < train->len; i++) {
        const gint64 label = g_array_index (train, TrainPicture, i).label;
        end[label] = i + 1;
        count[label]++;
    }
    for (guint c = 0; c < n_classes; c++)
        total += share[c] = count[c] ? pow (count[c], 1 - r->o->balance) : 0;
    for (guint i = 0; i < train->len; i++) {
        double at = g_rand_double (rand) * total;
        guint c = 0;
        while (c + 1 < n_classes && (at >= share[c] || !count[c]))
            at -= share[c++];
        order[i] = end[c] - 1 - (guint) g_rand_int_range (rand, 0, (gint32) MAX (count[c], 1));
    }
}

static void
begin_epoch (gpointer run, int epoch)
{
    Run *r = run;
    const guint32 seed[] = { (guint32) r->o->seed, (guint32) epoch };

    g_clear_pointer (&r->rand, g_rand_free);
    g_free (r->order);
    r->rand = g_rand_new_with_seed_array (seed, 2);
    r->order = train_shuffle (r->rand, r->data->train->len);
    if (r->o->balance > 0)
        draw_balanced (r, r->rand, r->order);
}

static gboolean
next_batch (gpointer run, guint index, FovView *pictures, FovView *target, GError **error)
{
    Run *r = run;

    fill_batch (r, r->rand, r->order, index);
    *pictures = (FovView){ FOV_F32, r->shape, r->pixels };
    *target = (FovView){ FOV_I64, { 1, { r->o->batch } }, r->labels };
    return TRUE;
}

static guint
greatest (const float *scores, guint n)
{
    guint best = 0;

    for (guint c = 1; c < n; c++)
        best = scores[c] > scores[best] ? c : best;
    return best;
}

/* right[classes]: pictures kept apart whose greatest score is their class's. */
static gboolean
count_right (Run *r, double *right, GError **error)
{
    g_autoptr (FovModel) model = fov_trainer_model (r->trainer, FOV_WEIGHTS_AVERAGED, error);
    g_autoptr (FovSession) session =
        model ? fov_session_new (r->device, model, &(FovSessionParams){ .input_shapes = &r->shape },
                                 error)
              : NULL;
    const FovView x = { FOV_F32, r->shape, r->pixels };
    const gsize image = 3 * (gsize) r->size * r->size;
    const guint n = r->data->valid->len, classes = r->data->classes->len;
    const int middle = (r->data->side - r->size) / 2;
    FovView out[8];

    for (guint first = 0; session && first < n; first += (guint) r->o->batch) {
        const guint count = MIN ((guint) r->o->batch, n - first);
        const TrainPicture *pictures = &g_array_index (r->data->valid, TrainPicture, first);
        for (guint i = 0; i < count; i++)
            train_picture_cut (r->data, &pictures[i], r->size, middle, middle, FALSE,
                               r->pixels + i * image);
        if (!fov_session_run (session, &x, out, error))
            return FALSE;
        for (guint i = 0; i < count; i++)
            right[pictures[i].label] +=
                greatest ((const float *) out[0].data + i * classes, classes) == pictures[i].label;
    }
    return session != NULL;
}

/* Of all pictures kept apart the share that is right, and the mean of the classes' shares. */
static gboolean
measure (gpointer run, double *figures, GError **error)
{
    Run *r = run;
    const guint classes = r->data->classes->len;
    g_autofree double *counts = count_pictures (r, r->data->valid);
    g_autofree double *right = g_new0 (double, classes);
    double all = 0, mean = 0, there = 0;

    if (!count_right (r, right, error))
        return FALSE;
    for (guint c = 0; c < classes; c++) {
        all += right[c];
        mean += counts[c] > 0 ? right[c] / counts[c] : 0;
        there += counts[c] > 0;
    }
    figures[0] = there > 0 ? all / r->data->valid->len : (double) NAN;
    figures[1] = there > 0 ? mean / there : (double) NAN;
    return TRUE;
}

/* ---- the end ------------------------------------------------------------------------ */

static gboolean
print_classes (Run *r, GError **error)
{
    const guint classes = r->data->classes->len;
    g_autofree double *counts = count_pictures (r, r->data->valid);
    g_autofree double *right = g_new0 (double, classes);

    if (r->o->quiet || !r->data->valid->len || classes > MOST_PRINTED)
        return TRUE;
    if (!count_right (r, right, error))
        return FALSE;
    printf ("%-24s %10s %8s\n", "class", "kept apart", "found");
    for (guint c = 0; c < classes; c++)
        if (counts[c] > 0)
            printf ("%-24s %10.0f %6.1f %%\n", (char *) r->data->classes->pdata[c], counts[c],
                    100 * right[c] / counts[c]);
    return TRUE;
}

static gboolean
finish (gpointer run, GError **error)
{
    Run *r = run;
    g_autoptr (Progress) progress = progress_new ("SMOTE", "pictures", -1, r->o->quiet);

    return (!r->o->smote || smote (r, r->data->train->len, progress, error)) &&
           print_classes (r, error);
}

/* ---- the run -------------------------------------------------------------------- */

static const TrainKind classifier = {
    .begin = begin_epoch, .batch = next_batch, .measure = measure, .finish = finish
};

gboolean
train_run (const TrainOptions *options, const char *folder, GError **error)
{
    Run r = { .o = options };
    gboolean ok = set_up (&r, folder, error);

    if (ok) {
        const TrainPlan plan = { .o = options,
                                 .kind = &classifier,
                                 .run = &r,
                                 .trainer = r.trainer,
                                 .steps = r.batches,
                                 .batches = 1,
                                 .n_pictures = r.data->train->len,
                                 .figures = { { "accuracy", "accuracy", TRUE },
                                              { "recall", "mean recall", TRUE } },
                                 .n_figures = 2,
                                 .labels = r.data->classes };
        ok = train_loop (&plan, error);
    }
    run_clear (&r);
    return ok;
}

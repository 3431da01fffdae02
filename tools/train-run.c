/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Classifiers: a class for each picture. */
#include "interrupt.h"
#include "print.h"
#include "train-loop.h"
#include "train-source.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <fovea/session.h>

#define MOST_PRINTED 40 /* classes, each with its recall */

typedef struct {
    const TrainOptions *o;
    FovDevice *device;
    FovModel *model;
    TrainSource source;
    FovLoader *loader;
    SourceWalk *apart;  /* the pictures kept apart */
    GPtrArray *classes; /* char* */
    FovTrainer *trainer;
    FovShape shape; /* of a batch */
    int size;
} Run;

static void
run_clear (Run *r)
{
    fov_trainer_free (r->trainer);
    fov_model_unref (r->model);
    if (r->device)
        fov_device_unref (r->device);
    fov_loader_free (r->loader);
    source_walk_free (r->apart);
    source_clear (&r->source);
    g_ptr_array_unref (r->classes);
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
    FovTensorInfo in;

    r->size = o->size;
    if (!o->model)
        return TRUE;
    r->model = fov_model_load (o->model, error);
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
                                     .n_outputs = (int) r->classes->len,
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
    g_autofree char *found = NULL;

    fov_trainer_target (r->trainer, &target);
    session = fov_session_new (r->device, r->model,
                               &(FovSessionParams){ .input_shapes = &r->shape }, error);
    if (!session)
        return FALSE;
    fov_session_output (session, 0, &out);
    if (target.shape.rank <= 2 && out.shape.rank == 2 &&
        out.shape.dim[1] == (gint64) r->classes->len)
        return TRUE;
    found = fov_shape_to_string (&out.shape);
    g_set_error (error, FOV_ERROR, FOV_ERROR_SHAPE,
                 "%s: the model gives scores of shape %s, expected %" G_GINT64_FORMAT
                 "x%u for as many classes of pictures",
                 fov_model_path (r->model), found, r->shape.dim[0], r->classes->len);
    return FALSE;
}

/* Of one side of the data; NULL: none. */
static double *
count_pictures (const Run *r, const FovData *data)
{
    const guint n = r->classes->len;
    g_autofree guint64 *counts = g_new0 (guint64, n);
    double *numbers = g_new (double, n);

    if (data)
        fov_data_count (data, counts);
    for (guint c = 0; c < n; c++)
        numbers[c] = (double) counts[c];
    return numbers;
}

static gint64
label_of (const FovData *data, guint index)
{
    return fov_data_sample (data, index)->classes[0];
}

/* n 0: only whether it can be done. */
static gboolean
smote (Run *r, guint n, Progress *progress, GError **error)
{
    const FovShape shape = { 4, { 1, 3, r->size, r->size } };
    g_autoptr (SourceWalk) walk = source_walk_new (&r->source, r->source.train, 1, error);
    const FovNormFrames pictures = { .n = n,
                                     .read = source_walk_read,
                                     .user_data = walk,
                                     .input_shapes = &shape,
                                     .progress = progress ? progress_note : NULL,
                                     .progress_data = progress };
    g_autofree gint64 *labels = g_new (gint64, n + 1);

    for (guint i = 0; i < n; i++)
        labels[i] = label_of (r->source.train, i);
    return walk && fov_trainer_smote (r->trainer, r->device, &pictures, labels, 0,
                                      (guint32) r->o->seed, error);
}

/* Pictures that are put together are of several classes. */
static gboolean
is_mixed (const FovAugment *augment)
{
    return augment->mosaic > 0 || augment->mixup > 0;
}

static gboolean
make_trainer (Run *r, GError **error)
{
    const TrainOptions *o = r->o;
    g_autofree double *counts = count_pictures (r, r->source.train);
    g_autofree float *weights = NULL;
    const guint batches = fov_loader_batches (r->loader);
    const guint64 steps = (guint64) o->epochs * batches;
    const gboolean adam = o->optimiser && g_str_equal (o->optimiser, "adamw");
    const double rate =
        o->learning_rate > 0 ? o->learning_rate : (o->model ? 0.01 : 0.05) * (adam ? 0.1 : 1);
    FovAugment augment;
    FovTrainerParams params = { .input_shapes = &r->shape,
                                .optimiser = adam ? FOV_OPTIMISER_ADAMW : FOV_OPTIMISER_SGD,
                                .learning_rate = (float) rate,
                                .weight_decay = adam ? 0.05f : 5e-4f,
                                .clip_norm = 10,
                                .n_steps = steps,
                                .warmup_steps = MIN (batches, steps / 10),
                                .average = 0.05f,
                                .seed = (guint32) o->seed,
                                .frozen_norms = o->frozen_norms };

    train_note_rate (o, rate);
    if (!train_parse_freeze (o->freeze, &params, error) ||
        !train_set_loss (o, r->classes, counts, fov_data_length (r->source.train), &params,
                         &weights, error) ||
        !source_augment (&r->source, o, &augment, error))
        return FALSE;
    if (is_mixed (&augment))
        params.loss = FOV_LOSS_SHARES;
    r->trainer = fov_trainer_new (r->device, r->model, &params, error);
    return r->trainer && check_classes (r, error) && (!o->smote || smote (r, 0, NULL, error));
}

static gboolean
take_norms (Run *r, GError **error)
{
    FovModel *made;

    if (!r->o->unfold && !r->o->recalibrate)
        return TRUE;
    made = train_norms (r->model, r->device, r->o, &r->source, error);
    if (!made)
        return FALSE;
    fov_model_unref (r->model);
    r->model = made;
    return TRUE;
}

static gboolean
open_data (Run *r, const char *folder, GError **error)
{
    g_autoptr (GError) found = NULL;
    FovData *data = fov_data_open (folder, &(FovDataParams){ .format = FOV_DATA_FOLDERS }, &found);
    const guint n = data ? fov_data_n_classes (data) : 0;

    if (n >= 2) {
        r->source.width = r->source.height = r->size;
        r->source.augment = SOURCE_MOVED;
        source_take (&r->source, r->o, data);
        for (guint c = 0; c < n; c++)
            g_ptr_array_add (r->classes, g_strdup (fov_data_class (r->source.train, c)));
        return TRUE;
    }
    fov_data_unref (data);
    if (found && !g_error_matches (found, FOV_ERROR, FOV_ERROR_FORMAT)) {
        g_propagate_error (error, g_steal_pointer (&found));
        return FALSE;
    }
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "%s: pictures in %u folders, expected a folder of pictures for each of at least "
                 "2 classes",
                 folder, n);
    return FALSE;
}

static gboolean
set_up (Run *r, const char *folder, GError **error)
{
    const TrainOptions *o = r->o;

    r->classes = g_ptr_array_new_with_free_func (g_free);
    r->device = fov_device_open (o->device ? o->device : "cpu", error);
    if (!r->device || !load_model (r, error) || !open_data (r, folder, error) ||
        (!r->model && !make_recipe (r, error)) || !take_norms (r, error))
        return FALSE;
    r->shape = (FovShape){ 4, { o->batch, 3, r->size, r->size } };
    if (!train_rebatch (&r->model, &r->shape, error))
        return FALSE;
    r->loader = source_learn (&r->source, o, r->device, FALSE, error);
    r->apart =
        r->loader ? source_walk_new (&r->source, r->source.valid, (guint) o->batch, error) : NULL;
    return r->apart && make_trainer (r, error);
}

/* ---- epochs ------------------------------------------------------------------ */

static FovView
target_of (gpointer run, const FovBatch *batch)
{
    FovTensorInfo info;

    fov_trainer_target (((Run *) run)->trainer, &info);
    return info.dtype == FOV_F32 ? batch->classes : batch->labels;
}

static guint
greatest (const float *scores, guint n)
{
    guint best = 0;

    for (guint c = 1; c < n; c++)
        best = scores[c] > scores[best] ? c : best;
    return best;
}

typedef struct {
    FovSession *session;
    guint classes;
    double *right;
} Count;

static gboolean
count_batch (const FovBatch *batch, guint n, gpointer user_data, GError **error)
{
    Count *c = user_data;
    FovView out[8];

    if (!fov_session_run (c->session, &batch->pictures, out, error))
        return FALSE;
    for (guint i = 0; i < n; i++) {
        const gint64 label = ((const gint64 *) batch->labels.data)[i];
        c->right[label] +=
            greatest ((const float *) out[0].data + i * c->classes, c->classes) == label;
    }
    return TRUE;
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
    Count count = { session, r->classes->len, right };

    return session && source_walk_all (r->apart, count_batch, &count, error);
}

/* Of all pictures kept apart the share that is right, and the mean of the classes' shares. */
static gboolean
measure (gpointer run, double *figures, GError **error)
{
    Run *r = run;
    const guint classes = r->classes->len;
    g_autofree double *counts = count_pictures (r, r->source.valid);
    g_autofree double *right = g_new0 (double, classes);
    double all = 0, mean = 0, there = 0;

    if (!count_right (r, right, error))
        return FALSE;
    for (guint c = 0; c < classes; c++) {
        all += right[c];
        mean += counts[c] > 0 ? right[c] / counts[c] : 0;
        there += counts[c] > 0;
    }
    figures[0] = there > 0 ? all / fov_data_length (r->source.valid) : (double) NAN;
    figures[1] = there > 0 ? mean / there : (double) NAN;
    return TRUE;
}

/* ---- the end ------------------------------------------------------------------------ */

static gboolean
print_classes (Run *r, GError **error)
{
    const guint classes = r->classes->len;
    g_autofree double *counts = count_pictures (r, r->source.valid);
    g_autofree double *right = g_new0 (double, classes);

    if (r->o->quiet || !r->source.valid || classes > MOST_PRINTED)
        return TRUE;
    if (!count_right (r, right, error))
        return FALSE;
    printf ("%-24s %10s %8s\n", "class", "kept apart", "found");
    for (guint c = 0; c < classes; c++)
        if (counts[c] > 0)
            printf ("%-24s %10.0f %6.1f %%\n", (char *) r->classes->pdata[c], counts[c],
                    100 * right[c] / counts[c]);
    return TRUE;
}

static gboolean
finish (gpointer run, GError **error)
{
    Run *r = run;
    g_autoptr (Progress) progress = progress_new ("SMOTE", "pictures", -1, r->o->quiet);

    return (!r->o->smote || smote (r, fov_data_length (r->source.train), progress, error)) &&
           print_classes (r, error);
}

/* ---- the run -------------------------------------------------------------------- */

static const TrainKind classifier = {
    .target = target_of,
    .measure = measure,
    .finish = finish,
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
                                 .loader = r.loader,
                                 .steps = fov_loader_batches (r.loader),
                                 .batches = 1,
                                 .data = r.source.train,
                                 .figures = { { "accuracy", "accuracy", TRUE },
                                              { "recall", "mean recall", TRUE } },
                                 .n_figures = 2,
                                 .labels = r.classes };
        ok = train_loop (&plan, error);
    }
    run_clear (&r);
    return ok;
}

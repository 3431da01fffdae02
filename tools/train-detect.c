/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Detectors, from pictures with boxes. */
#include "train-detect.h"
#include "train-loop.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <fovea/file.h>

#define RECIPE_SIZE 320
#define RATE 1e-5          /* of a network that has learned before: */
#define RATE_NEW_HEAD 2e-4 /* of one whose classes are new: */
#define RATE_SCRATCH 2e-3  /* and of one that has not */

#define EPOCHS 20
#define FEWEST_STEPS 100 /* for classes that are new: scores begin at 0.01, and must come up */

typedef struct {
    TrainOptions options;  /* with what the data decide */
    const TrainOptions *o; /* those */
    FovDevice *device;
    FovModel *given; /* what learns */
    FovModel *model; /* the same for so many pictures at once: */
    guint at_once;   /* the batch, or 1 where the network can not take several */
    FovLabels *labels;
    gboolean new_head;
    FovData *train, *valid; /* valid may be NULL; labels are the model's once it is loaded */
    FovTrainer *trainer;
    FovTrainerIntake intake;
    FovShape shape, target;
    guint batches; /* of an epoch */
    FovLoader *loader;
} Run;

static void
run_clear (Run *r)
{
    fov_loader_free (r->loader);
    fov_trainer_free (r->trainer);
    g_clear_pointer (&r->model, fov_model_unref);
    g_clear_pointer (&r->given, fov_model_unref);
    g_clear_pointer (&r->labels, fov_labels_unref);
    g_clear_pointer (&r->device, fov_device_unref);
    fov_data_unref (r->valid);
    fov_data_unref (r->train);
}

/* ---- setting up ------------------------------------------------------------------- */

/* A YOLO set may have its own pictures to measure on, which must not be learned. */
static gboolean
open_parts (Run *r, const char *path, GError **error)
{
    r->train =
        fov_data_open (path, &(FovDataParams){ .part = "train", .most = (guint) r->o->max_images },
                       error);
    r->valid = r->train ? fov_data_open (path, &(FovDataParams){ .part = "val" }, error) : NULL;
    return r->valid &&
           detect_check_labels (r->o, path,
                                &(DetectParts){ { r->train, r->valid }, { "train", "val" } },
                                r->train, r->valid, error);
}

static gboolean
open_data (Run *r, const char *path, GError **error)
{
    const TrainOptions *o = r->o;
    g_autoptr (FovData) all = NULL;

    if (!o->annotations && !o->valid_annotations && fov_data_has_parts (path))
        return open_parts (r, path, error);
    all = train_open_boxes (o, path, error);
    if (!all)
        return FALSE;
    if (o->valid_annotations)
        r->valid = fov_data_open (o->valid_annotations,
                                  &(FovDataParams){ .pictures = o->valid_images }, error);
    if (o->validation && !o->valid_annotations)
        fov_data_split (all, &(FovSplitParams){ .share = (float) o->validation / 100 }, &r->train,
                        &r->valid);
    else
        r->train = fov_data_ref (all);
    return (r->valid || !o->valid_annotations) &&
           detect_check_labels (o, path, &(DetectParts){ { all } }, r->train, r->valid, error);
}

/* 'forklift', 'pallet', ... that are not among labels; g_free. */
static char *
name_unknown (const FovData *data, const FovLabels *labels)
{
    GString *text = g_string_new (NULL);
    guint n = 0;

    for (guint i = 0; i < fov_data_n_classes (data) && n < 4; i++)
        if (fov_labels_find (labels, fov_data_class (data, i)) < 0)
            g_string_append_printf (text, "%s'%s'", n++ ? ", " : "", fov_data_class (data, i));
    if (n == 4)
        g_string_append (text, ", ...");
    return g_string_free (text, FALSE);
}

/* From the data's own classes to the model's. Objects of other classes would be learned as
 * background, so it is said that they are. */
static gboolean
relabel (const Run *r, FovData **data, const char *what, GError **error)
{
    g_autoptr (FovData) own = *data;
    g_autofree char *unknown = NULL;
    guint n_left_out = 0;
    guint64 left;

    if (!own)
        return TRUE;
    *data = fov_data_relabel (own, r->labels, &n_left_out);
    if (!n_left_out)
        return TRUE;
    left = detect_count_objects (*data);
    unknown = name_unknown (own, r->labels);
    if (left) {
        g_printerr ("%s: %u of %" G_GUINT64_FORMAT
                    " objects are left out: the model does not know %s (see --head)\n",
                    what, n_left_out, left + n_left_out, unknown);
        return TRUE;
    }
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "%s: the model knows none of their classes, %s; expected --head new", what,
                 unknown);
    return FALSE;
}

/* A picture that is missing is better missed now than after hours. */
static gboolean
check_pictures (const FovData *data, GError **error)
{
    for (guint i = 0; data && i < fov_data_length (data); i++) {
        const FovSample *sample = fov_data_sample (data, i);
        if (sample->bytes || g_access (sample->name, R_OK) == 0)
            continue;
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "picture '%s' (%u of %u): %s", sample->name,
                     i + 1, fov_data_length (data), g_strerror (errno));
        return FALSE;
    }
    return TRUE;
}

static gboolean
is_known (const FovData *data, const FovLabels *labels)
{
    guint n_left_out;

    fov_data_unref (fov_data_relabel (data, labels, &n_left_out));
    return n_left_out == 0;
}

/* The file of labels that a detector looks for beside out.onnx: out.labels. */
static char *
labels_path (const char *output)
{
    const gsize n = strlen (output) - (g_str_has_suffix (output, ".onnx") ? 5 : 0);
    g_autofree char *stem = g_strndup (output, n);

    return g_strconcat (stem, ".labels", NULL);
}

/* Widths and heights of all boxes, as shares of their pictures: float, in pairs. */
static GArray *
box_sizes (const FovData *data)
{
    GArray *sizes = g_array_new (FALSE, FALSE, sizeof (float));

    for (guint i = 0; i < fov_data_length (data); i++) {
        const FovSample *s = fov_data_sample (data, i);
        for (guint k = 0; k < s->n_objects; k++) {
            const FovBox b = s->objects[k].box;
            const float size[2] = { (b.x2 - b.x1) / (float) (s->width ? s->width : 1),
                                    (b.y2 - b.y1) / (float) (s->width ? s->height : 1) };
            if (!s->objects[k].ignore)
                g_array_append_vals (sizes, size, 2);
        }
    }
    return sizes;
}

static FovModel *
choose_anchors (const Run *r, FovModel *model, GError **error)
{
    g_autoptr (GArray) sizes = box_sizes (r->train);
    double overlap[2];
    FovModel *made;

    if (!r->o->anchors || g_str_equal (r->o->anchors, "keep"))
        return fov_model_ref (model);
    made = fov_train_new_anchors (model, r->o->decoder, (const float *) (gpointer) sizes->data,
                                  sizes->len / 2, (guint32) r->o->seed, overlap, error);
    if (made && !r->o->quiet)
        printf ("anchors: a box overlaps with the one most like it by %.1f %%, before by %.1f %%\n",
                100 * overlap[1], 100 * overlap[0]);
    return made;
}

/* The model's classes become the annotations' categories. */
static FovModel *
make_head (Run *r, FovModel *model, GError **error)
{
    g_autoptr (FovLabels) labels = detect_data_labels (r->train);
    g_autoptr (FovModel) made =
        fov_train_new_head (model, r->o->decoder, labels, (guint32) r->o->seed, error);
    g_autoptr (FovModel) anchored = made ? choose_anchors (r, made, error) : NULL;

    if (!anchored)
        return NULL;
    g_clear_pointer (&r->labels, fov_labels_unref);
    r->labels = g_steal_pointer (&labels);
    return train_start (r->o, anchored, error);
}

static FovModel *
make_recipe (Run *r, GError **error)
{
    const TrainOptions *o = r->o;
    const int size = o->size ? o->size : RECIPE_SIZE;
    const FovRecipeParams params = { .name = o->recipe,
                                     .width = size,
                                     .height = size,
                                     .n_outputs = (int) fov_data_n_classes (r->train),
                                     .seed = (guint32) o->seed };
    g_autoptr (FovModel) fresh = fov_recipe_build (&params, error);

    r->labels = detect_data_labels (r->train);
    return fresh ? train_start (o, fresh, error) : NULL;
}

/* What a model's file says that its classes are called; *labels may become NULL. */
static gboolean
read_labels (const Run *r, FovModel *model, FovLabels **labels, GError **error)
{
    const FovDetectorParams params = { .decoder = r->o->decoder };
    g_autoptr (FovDetector) detector = fov_detector_new (r->device, model, &params, error);

    if (!detector)
        return FALSE;
    *labels =
        fov_detector_labels (detector) ? fov_labels_ref (fov_detector_labels (detector)) : NULL;
    return TRUE;
}

/* A class that no object is of can not be learned, so that it is no reason for a new head. */
static void
tell_unseen (const Run *r, const FovLabels *own)
{
    g_autofree char *unknown = name_unknown (r->train, own);

    if (*unknown)
        g_printerr ("pictures to learn from: no object is of %s, which the model does not know; "
                    "its classes stay (see --head)\n",
                    unknown);
}

/* What is decided is noted, for a run that goes on must decide the same. */
static gboolean
decide_head (Run *r, FovModel *model, GError **error)
{
    const char *head = r->o->head ? r->o->head : "auto";
    g_autoptr (FovLabels) own = NULL;

    if (!read_labels (r, model, &own, error))
        return FALSE;
    r->new_head = g_str_equal (head, "new") ||
                  (g_str_equal (head, "auto") && (!own || !is_known (r->train, own)));
    if (g_str_equal (head, "auto") && !r->new_head)
        tell_unseen (r, own);
    g_hash_table_insert (r->o->settings, (gpointer) "head",
                         g_strdup (r->new_head ? "new" : "keep"));
    return TRUE;
}

/* The model with the classes that the pictures show; labels are set. */
static FovModel *
choose_head (Run *r, FovModel *model, GError **error)
{
    if (!decide_head (r, model, error))
        return NULL;
    if (!r->new_head && r->o->anchors && g_str_equal (r->o->anchors, "auto")) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "--anchors auto makes boxes begin anew: expected --head new with it");
        return NULL;
    }
    if (r->new_head)
        return make_head (r, model, error);
    if (!read_labels (r, model, &r->labels, error))
        return NULL;
    if (r->labels)
        return fov_model_ref (model);
    g_set_error (
        error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
        "%s does not say what its classes are called: expected a file of labels beside it, "
        "or --head new",
        fov_model_path (model));
    return NULL;
}

static FovModel *
take_norms (Run *r, FovModel *model, GError **error)
{
    g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);

    if (!r->o->unfold && !r->o->recalibrate)
        return fov_model_ref (model);
    for (guint i = 0; i < fov_data_length (r->train); i++) {
        const FovSample *sample = fov_data_sample (r->train, i);
        if (sample->bytes) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                         "%s: norms are measured on pictures in files, not in shards",
                         sample->name);
            return NULL;
        }
        g_ptr_array_add (paths, g_strdup (sample->name));
    }
    return train_detector_norms (model, r->device, r->o, paths, error);
}

static gboolean
load_model (Run *r, GError **error)
{
    const TrainOptions *o = r->o;
    g_autoptr (FovModel) loaded =
        o->model ? fov_model_load (o->model, error) : make_recipe (r, error);
    g_autoptr (FovModel) headed = !loaded    ? NULL
                                  : o->model ? choose_head (r, loaded, error)
                                             : fov_model_ref (loaded);
    FovTensorInfo in;

    r->given = headed ? take_norms (r, headed, error) : NULL;
    if (!r->given)
        return FALSE;
    fov_model_input (r->given, 0, &in);
    if (in.shape.rank != 4 || (in.shape.dim[1] != 3 && in.shape.dim[1] >= 0)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "%s: expected one input of pictures, [N, 3, H, W]", fov_model_path (r->given));
        return FALSE;
    }
    r->shape = (FovShape){ 4, { o->batch, 3, in.shape.dim[2], in.shape.dim[3] } };
    for (int d = 2; d < 4; d++)
        if (o->size || r->shape.dim[d] < 0)
            r->shape.dim[d] = o->size ? o->size : 640;
    return TRUE;
}

/* A step of so many pictures at once; some exports have the batch of 1 in their midst. */
static gboolean
plan_trainer (Run *r, guint at_once, FovTrainerParams *params, GError **error)
{
    g_clear_pointer (&r->model, fov_model_unref);
    r->at_once = at_once;
    r->shape.dim[0] = at_once;
    params->accumulate = (guint) r->o->batch / at_once;
    r->model = fov_model_reshape (r->given, &r->shape, error);
    r->trainer = r->model ? fov_trainer_new (r->device, r->model, params, error) : NULL;
    if (!r->trainer && r->o->size)
        g_prefix_error (error, "at --size %d, which not every model can take: ", r->o->size);
    return r->trainer != NULL;
}

static double
learning_rate (const Run *r)
{
    if (r->o->learning_rate > 0)
        return r->o->learning_rate;
    return !r->o->model ? RATE_SCRATCH : r->new_head ? RATE_NEW_HEAD : RATE;
}

static gboolean
make_trainer (Run *r, GError **error)
{
    const TrainOptions *o = r->o;
    const guint64 steps = (guint64) o->epochs * r->batches;
    /* Norms that were folded away leave weights of very different sizes: Adam's steps fit all. */
    const gboolean adam = !o->optimiser || g_str_equal (o->optimiser, "adamw");
    FovTrainerParams params = { .input_shapes = &r->shape,
                                .loss = FOV_LOSS_DETECTION,
                                .decoder = o->decoder,
                                .optimiser = adam ? FOV_OPTIMISER_ADAMW : FOV_OPTIMISER_SGD,
                                .learning_rate = (float) learning_rate (r),
                                .weight_decay = adam ? 0.05f : 5e-4f,
                                .clip_norm = 10,
                                .n_steps = steps,
                                .warmup_steps = MIN (MAX (r->batches, 30), steps / 5),
                                .average = 0.2f,
                                .frozen_norms = o->frozen_norms };
    FovTensorInfo target;
    FovAugment augment;

    train_note_rate (o, learning_rate (r));
    if (!train_parse_freeze (o->freeze, &params, error) ||
        !train_parse_augment (o->augment, &augment, error))
        return FALSE;
    params.max_objects = train_object_rows (r->train, &augment, TRUE);
    if (!plan_trainer (r, (guint) o->batch, &params, o->batch > 1 ? NULL : error) &&
        (o->batch == 1 || !plan_trainer (r, 1, &params, error)))
        return FALSE;
    fov_trainer_intake (r->trainer, &r->intake);
    fov_trainer_target (r->trainer, &target);
    r->target = target.shape;
    return TRUE;
}

/* As fov_loader_batches says later: the schedule must know it before there is a loader. */
static guint
count_batches (const Run *r)
{
    const guint n = fov_data_length (r->train);
    g_autofree double *factors = g_new (double, n);
    double sum = 0;

    fov_data_repeat_factors (r->train, r->o->balance, factors);
    for (guint i = 0; i < n; i++)
        sum += factors[i];
    return MAX ((guint) (sum / r->o->batch), 1);
}

static gboolean
make_loader (Run *r, GError **error)
{
    const FovTrainerIntake *in = &r->intake;
    FovLoaderParams params = { .width = in->width,
                               .height = in->height,
                               .batch = r->at_once,
                               .fit = in->stretch  ? FOV_FIT_STRETCH
                                      : in->center ? FOV_FIT_LETTERBOX_CENTER
                                                   : FOV_FIT_LETTERBOX_TOPLEFT,
                               .bgr = in->bgr,
                               .mean = in->mean,
                               .scale = in->scale,
                               .pad = in->pad > 0 ? in->pad : -1,
                               .max_objects = (guint) r->target.dim[1],
                               .balance = r->o->balance,
                               .seed = (guint64) r->o->seed,
                               .load = train_load_picture,
                               .device = r->device };

    if (!train_parse_augment (r->o->augment, &params.augment, error))
        return FALSE;
    r->loader = fov_loader_new (r->train, &params, error);
    return r->loader != NULL;
}

/* Few pictures are seen more often. */
static int
default_epochs (const Run *r)
{
    const guint steps = r->new_head || !r->o->model ? FEWEST_STEPS : 0;

    return (int) MAX (EPOCHS, (steps + r->batches - 1) / r->batches);
}

static gboolean
set_up (Run *r, const char *data, GError **error)
{
    const TrainOptions *o = r->o;

    r->device = fov_device_open (o->device ? o->device : "cpu", error);
    if (!r->device || !open_data (r, data, error) || !check_pictures (r->train, error) ||
        !check_pictures (r->valid, error) || !load_model (r, error) ||
        !relabel (r, &r->train, "pictures to learn from", error) ||
        !relabel (r, &r->valid, "pictures to measure on", error))
        return FALSE;
    r->batches = count_batches (r);
    if (!o->epochs)
        r->options.epochs = default_epochs (r);
    return make_trainer (r, error) && make_loader (r, error);
}

/* ---- epochs ------------------------------------------------------------------------ */

static FovView
target_of (gpointer run, const FovBatch *batch)
{
    return batch->objects;
}

/* The model as it was written is what is measured. */
static gboolean
measure (gpointer run, double *figures, GError **error)
{
    Run *r = run;
    FovCocoSummary score = { .ap = (double) NAN, .ap50 = (double) NAN };

    if (r->valid && fov_data_length (r->valid)) {
        g_autoptr (FovModel) model = fov_model_load (r->o->output, error);
        if (!model ||
            !detect_data_score (r->valid, r->device, model, &r->intake, r->labels, &score, error))
            return FALSE;
    }
    figures[0] = score.ap;
    figures[1] = score.ap50;
    return TRUE;
}

static const TrainKind detector = { .target = target_of, .measure = measure };

gboolean
train_detect_run (const TrainOptions *options, const char *data, GError **error)
{
    Run r = { .options = *options, .o = &r.options };
    g_autofree char *path = labels_path (options->output);
    g_autoptr (GPtrArray) names = g_ptr_array_new ();
    g_autofree char *target = fov_file_target (path, error);
    gboolean ok = target && set_up (&r, data, error);

    for (guint i = 0; ok && i < fov_labels_count (r.labels); i++)
        g_ptr_array_add (names, (gpointer) fov_labels_get (r.labels, i));
    if (ok) {
        const TrainPlan plan = { .o = r.o,
                                 .kind = &detector,
                                 .run = &r,
                                 .trainer = r.trainer,
                                 .loader = r.loader,
                                 .steps = r.batches,
                                 .batches = (guint) options->batch / r.at_once,
                                 .data = r.train,
                                 .figures = { { "ap", "AP", FALSE }, { "ap50", "AP50", FALSE } },
                                 .n_figures = 2,
                                 .labels = names,
                                 .labels_path = path };
        ok = train_loop (&plan, error);
    }
    run_clear (&r);
    return ok;
}

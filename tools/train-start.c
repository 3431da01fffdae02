/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Networks that a run makes itself (a recipe, a new head) are a file of their own while it learns:
 * what is learned goes back into one. FILE itself is written when an epoch is over, never before:
 * it may be somebody's only model. */
#include "train.h"

#include <stdlib.h>
#include <string.h>
#include <glib/gstdio.h>

#include <fovea/file.h>

static char *
start_path (const TrainOptions *o)
{
    return g_strconcat (o->output, ".start.onnx", NULL);
}

static void
name_output (const TrainOptions *o, GError **error)
{
    g_prefix_error (error, "--output %s: ", o->output);
}

/* What a run writes, behind FILE. */
static const char *const written[] = {
    "",     ".labels",     ".csv", ".png", ".safetensors", ".safetensors.1", ".start.onnx",
    ".try", ".before.onnx"
};

void
train_tidy (const TrainOptions *options, const char *labels)
{
    for (guint i = 0; i < G_N_ELEMENTS (written); i++) {
        g_autofree char *path = g_strconcat (options->output, written[i], NULL);
        fov_file_tidy (path);
    }
    if (labels)
        fov_file_tidy (labels);
}

gboolean
train_check_files (const TrainOptions *options, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS (written); i++) {
        g_autofree char *path = g_strconcat (options->output, written[i], NULL);
        g_autofree char *target = fov_file_target (path, error);
        if (target)
            continue;
        g_prefix_error (error, "--output: ");
        return FALSE;
    }
    return TRUE;
}

/* ---- in place ------------------------------------------------------------------ */

/* FILE is replaced after an epoch; a run that goes on begins with what it was. */
static char *
kept_path (const TrainOptions *o)
{
    return g_strconcat (o->output, ".before.onnx", NULL);
}

static gboolean
is_in_place (const TrainOptions *o)
{
    g_autofree char *from = realpath (o->model, NULL), *to = realpath (o->output, NULL);

    return from && to && g_str_equal (from, to);
}

static gboolean
copy (const char *from, const char *to, GError **error)
{
    g_autoptr (GMappedFile) file = g_mapped_file_new (from, FALSE, error);

    return file && fov_file_write (to, g_mapped_file_get_contents (file),
                                   g_mapped_file_get_length (file), error);
}

static char *
without_ending (const char *path)
{
    return g_strndup (path, strlen (path) - (g_str_has_suffix (path, ".onnx") ? 5 : 0));
}

/* What says what a detector's classes are called, as it is found beside the model. */
static gboolean
keep_labels (const char *model, const char *kept, GError **error)
{
    static const char *const endings[] = { ".labels", ".names", ".txt", ".pbtxt", ".json" };
    g_autofree char *from_stem = without_ending (model), *to_stem = without_ending (kept);

    for (guint i = 0; i < G_N_ELEMENTS (endings); i++) {
        g_autofree char *from = g_strconcat (from_stem, endings[i], NULL);
        g_autofree char *to = g_strconcat (to_stem, endings[i], NULL);
        g_unlink (to); /* another run's */
        if (g_file_test (from, G_FILE_TEST_IS_REGULAR) && !copy (from, to, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
train_keep_model (const TrainOptions *options, GError **error)
{
    g_autofree char *kept = kept_path (options);

    return options->resume || !options->model || !is_in_place (options) ||
           (keep_labels (options->model, kept, error) && copy (options->model, kept, error));
}

gboolean
train_find_model (TrainOptions *options, GError **error)
{
    g_autofree char *kept = kept_path (options);

    if (!options->resume || !options->model || !is_in_place (options))
        return TRUE;
    if (!g_file_test (kept, G_FILE_TEST_EXISTS)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "--resume: there is no %s, which is what a run that replaces its --model "
                     "began with; without --resume the run begins anew",
                     kept);
        return FALSE;
    }
    options->model = g_steal_pointer (&kept);
    return TRUE;
}

/* ---- what a run makes itself ----------------------------------------------------- */

FovModel *
train_start (const TrainOptions *options, FovModel *fresh, GError **error)
{
    g_autofree char *path = start_path (options);

    if (!fov_model_save (fresh, path, error)) {
        name_output (options, error);
        return NULL;
    }
    return fov_model_load (path, error);
}

void
train_start_explain (const TrainOptions *options, const char *recipe, GError **error)
{
    g_autofree char *path = start_path (options), *file = g_strconcat (path, ": ", NULL);
    g_autofree char *kept = kept_path (options), *kept_file = g_strconcat (kept, ": ", NULL);
    g_autofree char *output = g_strconcat (options->output, ": ", NULL);
    g_autofree char *given =
        options->model
            ? g_strdup_printf ("%s with new classes: ", g_str_equal (options->model, kept)
                                                            ? options->output
                                                            : options->model)
            : g_strdup_printf ("recipe %s: ", options->recipe ? options->recipe : recipe);
    g_autoptr (GString) message = NULL;

    if (!error || !*error)
        return;
    message = g_string_new ((*error)->message);
    g_string_replace (message, file, given, 0);
    g_string_replace (message, kept_file, output, 0);
    g_free ((*error)->message);
    (*error)->message = g_string_free (g_steal_pointer (&message), FALSE);
}

void
train_start_clear (const TrainOptions *options)
{
    g_autofree char *path = start_path (options);

    g_unlink (path);
}

/* Of other differences the trainer speaks. */
gboolean
train_rebatch (FovModel **model, const FovShape *shape, GError **error)
{
    g_autoptr (GError) why = NULL;
    FovTensorInfo in;
    FovModel *made;

    fov_model_input (*model, 0, &in);
    if (in.shape.dim[0] < 0 || in.shape.dim[0] == shape->dim[0])
        return TRUE;
    made = fov_model_reshape (*model, shape, &why);
    if (made) {
        fov_model_unref (*model);
        *model = made;
        return TRUE;
    }
    g_set_error (error, why->domain, why->code,
                 "%s; the model is for batches of %" G_GINT64_FORMAT ", expected --batch "
                 "%" G_GINT64_FORMAT ", or an export that leaves the batch open",
                 why->message, in.shape.dim[0], in.shape.dim[0]);
    return FALSE;
}

gboolean
train_try_output (const TrainOptions *options, FovTrainer *trainer, GError **error)
{
    g_autofree char *target = fov_file_target (options->output, error);
    g_autofree char *path = target ? g_strconcat (target, ".try", NULL) : NULL;
    const gboolean ok =
        target && fov_trainer_write_onnx (trainer, path, FOV_WEIGHTS_CURRENT, error);

    if (target)
        g_unlink (path);
    if (!ok)
        name_output (options, error);
    return ok;
}

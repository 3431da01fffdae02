/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Networks that a run makes itself (a recipe, a new head) are a file of their own while it learns:
 * what is learned goes back into one. FILE itself is written when an epoch is over, never before:
 * it may be somebody's only model. */
#include "train.h"

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

gboolean
train_check_files (const TrainOptions *options, GError **error)
{
    static const char *const endings[] = { "",     ".labels",      ".csv",
                                           ".png", ".safetensors", ".safetensors.1" };

    for (guint i = 0; i < G_N_ELEMENTS (endings); i++) {
        g_autofree char *path = g_strconcat (options->output, endings[i], NULL);
        g_autofree char *target = fov_file_target (path, error);
        if (target)
            continue;
        g_prefix_error (error, "--output: ");
        return FALSE;
    }
    return TRUE;
}

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
    g_autofree char *given =
        options->model
            ? g_strdup_printf ("%s with new classes: ", options->model)
            : g_strdup_printf ("recipe %s: ", options->recipe ? options->recipe : recipe);
    g_autoptr (GString) message = NULL;

    if (!error || !*error)
        return;
    message = g_string_new ((*error)->message);
    g_string_replace (message, file, given, 0);
    g_free ((*error)->message);
    (*error)->message = g_string_free (g_steal_pointer (&message), FALSE);
}

void
train_start_clear (const TrainOptions *options)
{
    g_autofree char *path = start_path (options);

    g_unlink (path);
}

/* What is written has its norms folded, so that a checkpoint of un-folded ones is not its. Where
 * it is said what the run began with it begins with that again. */
gboolean
train_goes_on_from_output (const TrainOptions *options)
{
    return options->resume && !options->model && !options->recipe &&
           g_file_test (options->output, G_FILE_TEST_EXISTS);
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

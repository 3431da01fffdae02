/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fovea recalibrate: new statistics for a model's batch norms, by forward passes alone.
 */
#include "commands.h"
#include "interrupt.h"
#include "model-options.h"
#include "norm-frames.h"

#include <math.h>

#include <fovea/file.h>

#define MOST_FRAMES 32

static struct {
    ModelOptions model;
    char *frames, *reference, *output;
    double prior;
    int most;
    gboolean json, quiet;
} o = { .model = MODEL_OPTIONS_UNSET, .most = MOST_FRAMES };

static const CliOption options[] = {
    { "frames", 'f', CLI_PATH, &o.frames, "DIR",
      "Pictures of what the model is to work on: a folder, a glob or a video", "Frames" },
    { "reference", 'r', CLI_PATH, &o.reference, "DIR",
      "Pictures that the model is good on as it is. Needed where its norms were folded into the "
      "convolutions, as in most exports",
      "Frames" },
    { "max-frames", 'n', CLI_INT, &o.most, "N",
      "At most N pictures of each, evenly spread (default 32)", "Frames", 1, 100000 },
    { "prior", 0, CLI_REAL, &o.prior, "N",
      "The old statistics count as N frames beside the new ones; for few frames (default 0)",
      "Frames", 0, 1e9 },
    DEVICE_OPTION (o.model),
    INTAKE_OPTIONS (o.model),
    { "output", 'o', CLI_PATH, &o.output, "FILE", "The recalibrated model, ONNX", "Output" },
    { "json", 0, CLI_FLAG, &o.json, NULL, "Prints one JSON object instead of text", "Output" },
    { "quiet", 'q', CLI_FLAG, &o.quiet, NULL, "No progress", "Output" },
    CLI_END,
};

static const CliExample examples[] = {
    { "fovea recalibrate yolox_nano.onnx --reference day/ --frames dusk/ -o dusk.onnx",
      "A detector that is good by day gets statistics of pictures taken at dusk." },
    { "fovea recalibrate flowers.onnx --frames greenhouse/ -o greenhouse.onnx",
      "A model of fovea train has its norms still: no reference is needed." },
    { NULL, NULL },
};

/* ---- printing -------------------------------------------------------------- */

/* Over all layers: root of the mean square of shifts, geometric mean of stretches. */
static void
sum_up (const GArray *moves, double *shift, double *stretch)
{
    double squares = 0, logs = 0;

    for (guint i = 0; i < moves->len; i++) {
        const FovNormMove *m = &g_array_index (moves, FovNormMove, i);
        squares += m->shift * m->shift;
        logs += log (m->stretch);
    }
    *shift = sqrt (squares / moves->len);
    *stretch = exp (logs / moves->len);
}

static void
print_text (const GArray *moves, guint n_frames)
{
    g_autoptr (Table) table = table_new ("lrrr", 0);
    double shift, stretch;

    table_add (table, "layer", "channels", "shift", "stretch");
    for (guint i = 0; i < moves->len; i++) {
        const FovNormMove *m = &g_array_index (moves, FovNormMove, i);
        table_cell (table, "%s", m->layer);
        table_cell (table, "%u", m->channels);
        table_cell (table, "%.3f", m->shift);
        table_cell (table, "%.3f", m->stretch);
    }
    table_print (table, stdout);
    sum_up (moves, &shift, &stretch);
    printf ("\n%u norms, %u frames: means moved by %.3f deviations, deviations are %.3f of what "
            "they were\n",
            moves->len, n_frames, shift, stretch);
}

static void
print_json (const GArray *moves, guint n_frames)
{
    g_autoptr (JsonBuilder) b = json_builder_new ();
    g_autofree char *line = NULL;
    double shift, stretch;

    sum_up (moves, &shift, &stretch);
    json_builder_begin_object (b);
    json_add_text (b, "output", o.output);
    json_add_int (b, "frames", n_frames);
    json_add_number (b, "shift", shift);
    json_add_number (b, "stretch", stretch);
    json_builder_set_member_name (b, "norms");
    json_builder_begin_array (b);
    for (guint i = 0; i < moves->len; i++) {
        const FovNormMove *m = &g_array_index (moves, FovNormMove, i);
        json_builder_begin_object (b);
        json_add_text (b, "layer", m->layer);
        json_add_int (b, "channels", m->channels);
        json_add_number (b, "shift", m->shift);
        json_add_number (b, "stretch", m->stretch);
        json_builder_end_object (b);
    }
    json_builder_end_array (b);
    json_builder_end_object (b);
    line = json_line (b);
    printf ("%s\n", line);
}

/* ---- the command ----------------------------------------------------------- */

/* The model with norms: its own, and those that had been folded away. */
static FovModel *
open_model (const char *path, FovDevice *device, const FovDetectorParams *params,
            Progress *progress, GError **error)
{
    g_autoptr (FovModel) model = fov_model_load (path, error);
    g_autoptr (NormFrames) reference = NULL;
    FovNormFrames frames;

    if (!model)
        return NULL;
    if (!o.reference && fov_model_n_norms (model))
        return g_steal_pointer (&model);
    if (!o.reference) {
        cli_usage_error (error,
                         "%s has no batch norms (exports fold them into the convolutions): "
                         "--reference is missing, pictures that the model is good on as it is",
                         path);
        return NULL;
    }
    reference = norm_frames_open (model, params, o.reference, (guint) o.most, error);
    if (!reference)
        return NULL;
    frames = norm_frames_get (reference);
    frames.progress = progress_note;
    frames.progress_data = progress;
    return fov_model_unfold (model, device, &frames, error);
}

static gboolean
recalibrate (const char *path, GError **error)
{
    g_autoptr (Progress) progress = progress_new ("recalibrate", "frames", -1, o.quiet);
    g_autoptr (GArray) moves = fov_norm_moves_new ();
    g_autoptr (FovDevice) device =
        fov_device_open (o.model.device ? o.model.device : "auto", error);
    g_autoptr (FovModel) model = NULL, better = NULL;
    g_autoptr (NormFrames) kept = NULL;
    g_auto (ModelExtras) extras = { 0 };
    FovDetectorParams params = { 0 };
    FovNormFrames frames;

    if (!device || !model_options_params (&o.model, &params, &extras, error))
        return FALSE;
    model = open_model (path, device, &params, progress, error);
    kept = model ? norm_frames_open (model, &params, o.frames, (guint) o.most, error) : NULL;
    if (!kept)
        return FALSE;
    frames = norm_frames_get (kept);
    frames.prior = (float) o.prior;
    frames.progress = progress_note;
    frames.progress_data = progress;
    better = fov_model_recalibrate (model, device, &frames, moves, error);
    if (!better || !fov_model_write_back (better, o.output, error))
        return FALSE;
    progress_clear (progress);
    if (o.json)
        print_json (moves, frames.n);
    else
        print_text (moves, frames.n);
    return TRUE;
}

static int
run (char **args, GError **error)
{
    g_autofree char *target = NULL;

    if (!args[0] || args[1])
        return cli_usage_error (error, "expected one MODEL, an .onnx file");
    if (!o.frames)
        return cli_usage_error (error, "--frames is missing: expected pictures of what the model "
                                       "is to work on");
    if (!o.output)
        return cli_usage_error (error, "--output is missing: expected the .onnx file to write");
    target = fov_file_target (o.output, error); /* before time is spent on it */
    if (!target)
        return -1;
    interrupt_catch ();
    if (recalibrate (args[0], error))
        return CLI_OK;
    return interrupted () ? CLI_INTERRUPTED : -1;
}

const CliCommand command_recalibrate = {
    .name = "recalibrate",
    .args = "MODEL --frames DIR --output FILE ",
    .summary = "Fits a model's batch norms to other pictures, without training.",
    .text = "A model that was trained on one kind of picture finds less in another: at dusk, "
            "through fog, from another camera. Means and variances of its layers, taken of "
            "unlabelled pictures of the new kind, get part of that back, by forward passes "
            "alone.\n\n"
            "Norms that the export folded into the convolutions are put back first, with the "
            "statistics of --reference, and folded again at the end: the result differs from MODEL "
            "in constants only. Printed is how far each layer's means moved, in deviations, and "
            "its new deviation as a share of the old.",
    .examples = examples,
    .options = options,
    .run = run,
};

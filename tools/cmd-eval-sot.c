/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fovea eval sot: how well one object is followed from its box in the first
 * picture.
 */
#include "commands.h"
#include "interrupt.h"
#include "model-options.h"
#include "print.h"
#include "report.h"
#include "sot-run.h"

static SotRunOptions r;
static char **only, *results, *save;
static gboolean json, quiet;

static const CliOption options[] = {
    { "tracker", 't', CLI_TEXT, &r.tracker, "NAME", "The visual tracker to run: dcf or siamese",
      "Tracking", .words = fov_visual_names },
    { "backbone", 0, CLI_PATH, &r.backbone, "FILE", "The network of --tracker siamese that looks",
      "Tracking" },
    { "head", 0, CLI_PATH, &r.head, "FILE", "The network of --tracker siamese that compares",
      "Tracking" },
    { "device", 'd', CLI_TEXT, &r.device, "DEVICE",
      "Where networks and filters run: auto, gpu[:N], vulkan[:N or NAME] or cpu[:THREADS] "
      "(default: "
      "cpu)",
      "Tracking", .words = device_words },
    { "results", 'r', CLI_PATH, &results, "RESULTS",
      "Scores the files RESULTS/SEQUENCE.txt instead of running a tracker", "Data" },
    { "sequence", 0, CLI_TEXTS, &only, "NAME", "Only this sequence; may be given several times",
      "Data" },
    { "save", 0, CLI_PATH, &save, "FOLDER", "Writes the boxes as FOLDER/SEQUENCE.txt", "Output" },
    { "json", 0, CLI_FLAG, &json, NULL, "Prints one JSON object instead of text", "Output" },
    { "quiet", 'q', CLI_FLAG, &quiet, NULL, "No progress", "Output" },
    CLI_END,
};

static const CliExample examples[] = {
    { "fovea eval sot --tracker dcf OTB100", "Runs the correlation filter over all sequences." },
    { "fovea eval sot --tracker siamese --backbone backbone.onnx --head head.onnx OTB100",
      "Runs a Siamese tracker." },
    { "fovea eval sot --results boxes/ OTB100", "Scores the files that another tracker wrote." },
    { NULL, NULL },
};

/* One row of the outcome. */
typedef struct {
    const char *name;
    FovSotScores scores;
    double seconds; /* processor time of the tracker; 0: not known */
} Outcome;

/* ---- printing ------------------------------------------------------------------- */

static double
speed (const Outcome *o)
{
    return o->seconds > 0 ? o->scores.n_frames / o->seconds : 0;
}

static void
print_text (const Outcome *outcomes, guint n)
{
    int width = report_width (outcomes, sizeof *outcomes, n);

    for (guint i = 0; i < n; i++) {
        const FovSotScores *s = &outcomes[i].scores;
        printf ("%-*s AUC %.1f P20 %.1f NP %.1f SR50 %.1f", i + 1 < n ? width : 0, outcomes[i].name,
                s->auc, s->precision, s->norm_precision, s->success);
        if (i + 1 < n)
            printf (" frames %u", s->n_frames);
        if (outcomes[i].seconds > 0)
            printf (" fps %.0f", speed (&outcomes[i]));
        printf ("\n");
    }
}

static void
json_outcome (JsonBuilder *b, gconstpointer row)
{
    const Outcome *o = row;

    json_builder_begin_object (b);
    json_add_text (b, "name", o->name);
    json_add_number (b, "auc", o->scores.auc);
    json_add_number (b, "precision_20", o->scores.precision);
    json_add_number (b, "norm_precision", o->scores.norm_precision);
    json_add_number (b, "success_50", o->scores.success);
    json_add_int (b, "frames", o->scores.n_frames);
    if (o->seconds > 0)
        json_add_number (b, "fps", speed (o));
    json_builder_end_object (b);
}

/* ---- the command ---------------------------------------------------------------- */

/* Each sequence counts the same, however long it is. */
static void
add_to_mean (Outcome *mean, const Outcome *o, guint n)
{
    mean->scores.auc += o->scores.auc / n;
    mean->scores.precision += o->scores.precision / n;
    mean->scores.norm_precision += o->scores.norm_precision / n;
    mean->scores.success += o->scores.success / n;
    mean->scores.n_frames += o->scores.n_frames;
    mean->seconds += o->seconds;
}

static gboolean
save_boxes (const SotSequence *s, const GArray *boxes, GError **error)
{
    g_autofree char *path = report_path (save, s->name, error);

    return path && fov_sot_file_write (path, boxes, error);
}

static gboolean
evaluate (SotRun *tracker, const SotSequence *s, Outcome *outcome, GError **error)
{
    g_autoptr (GArray) boxes = NULL;

    outcome->name = s->name;
    boxes = results ? sot_data_results (s, results, error)
                    : sot_run_sequence (tracker, s, &outcome->seconds, error);
    if (!boxes || (save && !save_boxes (s, boxes, error)))
        return FALSE;
    fov_sot_score ((const FovSotBox *) (const void *) s->truths->data,
                   (const FovSotBox *) (const void *) boxes->data, s->truths->len,
                   &outcome->scores);
    return TRUE;
}

static gboolean
run_all (const GPtrArray *sequences, GError **error)
{
    g_autofree Outcome *outcomes = g_new0 (Outcome, sequences->len + 1);
    g_autoptr (SotRun) tracker = results ? NULL : sot_run_new (&r, error);
    g_autoptr (Progress) progress =
        progress_new ("eval", "sequences", sequences->len, quiet || results != NULL);
    Outcome *mean = &outcomes[sequences->len];

    if (!results && !tracker)
        return FALSE;
    mean->name = "MEAN";
    for (guint i = 0; i < sequences->len; i++) {
        if (!evaluate (tracker, sequences->pdata[i], &outcomes[i], error))
            return FALSE;
        add_to_mean (mean, &outcomes[i], sequences->len);
        progress_set (progress, i + 1);
    }
    progress_clear (progress);
    if (json)
        report_json (outcomes, sizeof *outcomes, sequences->len + 1, "mean", json_outcome);
    else
        print_text (outcomes, sequences->len + 1);
    return TRUE;
}

static int
check_usage (char **args, GError **error)
{
    if (!args[0])
        return cli_usage_error (error, "DIR is missing: expected a folder of sequences");
    if (args[1])
        return cli_usage_error (error, "'%s' is too much: expected one DIR", args[1]);
    if (results && (r.tracker || r.backbone || r.head || r.device || save))
        return cli_usage_error (error, "--results takes no options of a tracker, and no --save");
    return results ? 0 : sot_run_check (&r, error) ? 0 : -1;
}

static int
run (char **args, GError **error)
{
    g_autoptr (GPtrArray) sequences = NULL;

    if (check_usage (args, error) < 0)
        return -1;
    interrupt_catch ();
    sequences = sot_data_load (args[0], only, error);
    if (!sequences || !run_all (sequences, error))
        return -1;
    return CLI_OK;
}

const CliCommand command_eval_sot = {
    .name = "eval sot",
    .args = "DIR ",
    .summary = "Measures how well one object is followed, from its box in the first picture.",
    .text = "DIR holds sequences, or is one: groundtruth_rect.txt (x, y, width, height, the corner "
            "counted from 1) with the pictures in img/, or in the video that meta.json names. The "
            "tracker starts once and is never helped (one-pass evaluation). AUC is the area under "
            "the success curve, P20 the share of frames whose centre is at most 20 pixels off, NP "
            "at most 0.2 of the object's size, SR50 with IoU above 0.5, all in percent. The last "
            "line begins \"MEAN AUC x P20 x\".",
    .examples = examples,
    .options = options,
    .run = run,
};

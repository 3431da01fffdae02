/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fovea eval mot: how well a tracker keeps the objects of a benchmark's
 * sequences.
 */
#include "commands.h"
#include "interrupt.h"
#include "model-options.h"
#include "mot-run.h"
#include "print.h"
#include "report.h"

#include <string.h>

static MotRunOptions r = { .every = 1 };
static MotDataParams d;
static char *results, *save, *object_class, *detections;
static gboolean details, json, quiet;

static const CliOption options[] = {
    { "tracker", 't', CLI_TEXT, &r.track.tracker, "TRACKER", "The tracker to run", "Tracking",
      .words = fov_tracker_names },
    { "dets", 0, CLI_TEXT, &detections, "NAME",
      "The detections it gets: det/NAME.txt (KITTI: det_NAME.txt) of each sequence", "Tracking" },
    { "preset", 'p', CLI_TEXT, &r.track.preset, "PRESET",
      "The scene that the tracker's numbers are for: crowd, traffic or static-camera (default: "
      "any)",
      "Tracking", .words = fov_tracker_presets },
    { "set", 's', CLI_TEXTS, &r.track.set, "NAME=VALUE",
      "Sets one of the tracker's numbers; may be given several times", "Tracking" },
    { "no-gmc", 0, CLI_FLAG, &d.no_camera_motion, NULL,
      "Does not tell the tracker how the camera moved (else: from each sequence's gmc.txt where it "
      "has one; trackers without compensation make no use of it)",
      "Tracking" },
    { "ground", 0, CLI_FLAG, &d.ground, NULL,
      "Tells the tracker where the ground is, from each sequence's cam_para.txt where it has one",
      "Tracking" },
    { "images", 'i', CLI_TEXTS, &r.images, "[SEQ=]INPUT",
      "Shows the tracker the pictures too: a video, a folder or a glob, of one sequence or, with "
      "{} "
      "for its name, of all; may be given several times",
      "Tracking" },
    { "embedding-model", 'e', CLI_PATH, &r.track.embedding_model, "FILE",
      "A network by whose vectors objects are known again, such as OSNet; needs --images",
      "Tracking" },
    { "visual", 0, CLI_TEXT, &r.track.visual, "NAME",
      "What holds objects by their looks between detections: none (default), dcf or siamese; needs "
      "--images",
      "Tracking", .words = visual_words },
    { "backbone", 0, CLI_PATH, &r.track.backbone, "FILE",
      "The network of --visual siamese that looks", "Tracking" },
    { "head", 0, CLI_PATH, &r.track.head, "FILE", "The network of --visual siamese that compares",
      "Tracking" },
    { "device", 'd', CLI_TEXT, &r.device, "DEVICE",
      "Where networks run: auto, gpu[:N], vulkan[:N or NAME] or cpu[:THREADS] (default)",
      "Tracking", .words = device_words },
    { "every", 0, CLI_INT, &r.every, "N",
      "Gives detections in every N-th frame only (default 1); the tracker fills the gaps",
      "Tracking", 1, 100000 },
    { "rate", 0, CLI_REAL, &r.rate, "FPS",
      "Frames a second (default: as seqinfo.ini says, KITTI 10, else 30)", "Tracking", 0.01,
      10000 },
    { "seed", 0, CLI_INT, &r.track.seed, "N",
      "Start of the random numbers of the tracker's number 'particles' (default 0)", "Tracking", 0,
      G_MAXINT },
    { "results", 'r', CLI_PATH, &results, "RESULTS",
      "Scores the files RESULTS/SEQUENCE.txt instead of running a tracker", "Data" },
    { "val-half", 0, CLI_FLAG, &d.val_half, NULL,
      "Only the second half of each sequence, frames above n / 2 + 1, numbered from 1", "Data" },
    { "class", 'c', CLI_TEXT, &object_class, "CLASS", "KITTI: car (default) or pedestrian",
      "Data" },
    { "sequence", 0, CLI_TEXTS, &d.only, "NAME", "Only this sequence; may be given several times",
      "Data" },
    { "save", 0, CLI_PATH, &save, "FOLDER", "Writes the tracks as FOLDER/SEQUENCE.txt", "Output" },
    { "details", 0, CLI_FLAG, &details, NULL, "Also a table of all figures", "Output" },
    { "json", 0, CLI_FLAG, &json, NULL, "Prints one JSON object instead of text", "Output" },
    { "quiet", 'q', CLI_FLAG, &quiet, NULL, "No progress, and no word of scores beyond 0..1",
      "Output" },
    CLI_END,
};

static const CliExample examples[] = {
    { "fovea eval mot --tracker bytetrack --dets yolox --val-half MOT17",
      "Runs a tracker over MOT17's sequences and prints HOTA, MOTA and IDF1." },
    { "fovea eval mot --results tracks/ MOT17", "Scores the files that another tracker wrote." },
    { "fovea eval mot --dets permatrack --class pedestrian KITTI",
      "Evaluates the default tracker on KITTI's pedestrians." },
    { NULL, NULL },
};

/* One row of the outcome. */
typedef struct {
    const char *name;
    FovMotScores scores;
    double seconds; /* processor time of the tracker */
} Outcome;

/* ---- printing ------------------------------------------------------------------- */

static void
print_line (const Outcome *o, int width, gboolean last)
{
    const FovMotScores *s = &o->scores;

    printf ("%-*s HOTA %.2f DetA %.2f AssA %.2f MOTA %.2f IDF1 %.2f IDs %" G_GUINT64_FORMAT,
            last ? 0 : width, o->name, s->hota, s->det_a, s->ass_a, s->mota, s->idf1,
            s->n_switches);
    if (!last)
        printf (" Frag %" G_GUINT64_FORMAT " FP %" G_GUINT64_FORMAT " FN %" G_GUINT64_FORMAT,
                s->n_fragments, s->n_fp, s->n_fn);
    printf ("\n");
}

static void
print_details (const Outcome *outcomes, guint n)
{
    g_autoptr (Table) table = table_new ("lrrrrrrrrrrrrrrr", 0);

    table_add (table, "", "LocA", "DetRe", "DetPr", "AssRe", "AssPr", "MOTP", "IDR", "IDP", "MT",
               "PT", "ML", "frames", "truths", "results", "ms a frame");
    for (guint i = 0; i < n; i++) {
        const FovMotScores *s = &outcomes[i].scores;
        const double shares[] = { s->loc_a,  s->det_re, s->det_pr, s->ass_re,
                                  s->ass_pr, s->motp,   s->idr,    s->idp };
        const guint64 counts[] = { s->n_mostly_tracked, s->n_partly_tracked, s->n_mostly_lost,
                                   s->n_frames,         s->n_truths,         s->n_results };
        table_cell (table, "%s", outcomes[i].name);
        for (guint k = 0; k < G_N_ELEMENTS (shares); k++)
            table_cell (table, "%.2f", shares[k]);
        for (guint k = 0; k < G_N_ELEMENTS (counts); k++)
            table_cell (table, "%" G_GUINT64_FORMAT, counts[k]);
        if (results)
            table_cell (table, "-");
        else
            table_cell (table, "%.3f", 1e3 * outcomes[i].seconds / MAX ((double) s->n_frames, 1));
    }
    table_print (table, stdout);
    printf ("\n");
}

static void
json_outcome (JsonBuilder *b, gconstpointer row)
{
    const Outcome *o = row;
    const FovMotScores *s = &o->scores;

    json_builder_begin_object (b);
    json_add_text (b, "name", o->name);
    json_add_number (b, "hota", s->hota);
    json_add_number (b, "det_a", s->det_a);
    json_add_number (b, "ass_a", s->ass_a);
    json_add_number (b, "loc_a", s->loc_a);
    json_add_number (b, "det_re", s->det_re);
    json_add_number (b, "det_pr", s->det_pr);
    json_add_number (b, "ass_re", s->ass_re);
    json_add_number (b, "ass_pr", s->ass_pr);
    json_add_number (b, "mota", s->mota);
    json_add_number (b, "motp", s->motp);
    json_add_number (b, "idf1", s->idf1);
    json_add_number (b, "idr", s->idr);
    json_add_number (b, "idp", s->idp);
    json_add_int (b, "id_switches", (gint64) s->n_switches);
    json_add_int (b, "fragments", (gint64) s->n_fragments);
    json_add_int (b, "tp", (gint64) s->n_tp);
    json_add_int (b, "fp", (gint64) s->n_fp);
    json_add_int (b, "fn", (gint64) s->n_fn);
    json_add_int (b, "mostly_tracked", (gint64) s->n_mostly_tracked);
    json_add_int (b, "partly_tracked", (gint64) s->n_partly_tracked);
    json_add_int (b, "mostly_lost", (gint64) s->n_mostly_lost);
    json_add_int (b, "frames", (gint64) s->n_frames);
    json_add_int (b, "truths", (gint64) s->n_truths);
    json_add_int (b, "results", (gint64) s->n_results);
    json_builder_set_member_name (b, "hota_at");
    json_builder_begin_array (b);
    for (int a = 0; a < FOV_MOT_N_ALPHA; a++)
        json_add_number (b, NULL, s->hota_at[a]);
    json_builder_end_array (b);
    if (!results)
        json_add_number (b, "tracker_ms", 1e3 * o->seconds / MAX ((double) s->n_frames, 1));
    json_builder_end_object (b);
}

static void
print_outcomes (const Outcome *outcomes, guint n)
{
    int width = report_width (outcomes, sizeof *outcomes, n);

    if (json) {
        report_json (outcomes, sizeof *outcomes, n, "combined", json_outcome);
        return;
    }
    if (details)
        print_details (outcomes, n);
    for (guint i = 0; i < n; i++)
        print_line (&outcomes[i], width, i + 1 == n);
}

/* ---- the command ---------------------------------------------------------------- */

static gboolean
save_rows (const MotSequence *s, const GArray *rows, GError **error)
{
    g_autofree char *path = report_path (save, s->name, error);
    gboolean cars = !object_class || !g_ascii_strcasecmp (object_class, "car");

    return path && fov_mot_file_write (path, rows,
                                       !s->kitti ? NULL
                                       : cars    ? "Car"
                                                 : "Pedestrian",
                                       error);
}

static void
tell_left_out (const MotSequence *s, const MotRunCost *cost, Progress *progress)
{
    if (cost->n_left_out == 0)
        return;
    progress_clear (progress);
    g_printerr ("%s: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                " detections are left out, in frame %u first: the tracker takes the best 2000 of a "
                "frame, and no boxes that are empty or far outside of it\n",
                s->name, cost->n_left_out, cost->n_detections, cost->first_left_out);
}

static gboolean
evaluate (Tracking *tracking, const MotSequence *s, FovMotEval *eval, Outcome *outcome,
          Progress *progress, GError **error)
{
    g_autoptr (GArray) rows = NULL;
    MotRunCost cost = { 0 };

    outcome->name = s->name;
    rows = results ? mot_data_results (s, results, &d, error)
                   : mot_run (&r, tracking, s, &cost, error);
    outcome->seconds = cost.seconds;
    tell_left_out (s, &cost, progress);
    return rows && (!save || save_rows (s, rows, error)) &&
           mot_data_score (s, rows, eval, &outcome->scores, error);
}

static gboolean
run_all (Tracking *tracking, const GPtrArray *sequences, GError **error)
{
    g_autoptr (FovMotEval) eval = fov_mot_eval_new ();
    g_autofree Outcome *outcomes = g_new0 (Outcome, sequences->len + 1);
    g_autoptr (Progress) progress =
        progress_new ("eval", "sequences", sequences->len, quiet || results != NULL);
    Outcome *combined = &outcomes[sequences->len];

    combined->name = "COMBINED";
    for (guint i = 0; i < sequences->len; i++) {
        if (!evaluate (tracking, sequences->pdata[i], eval, &outcomes[i], progress, error))
            return FALSE;
        combined->seconds += outcomes[i].seconds;
        progress_set (progress, i + 1);
    }
    fov_mot_eval_combined (eval, &combined->scores);
    progress_clear (progress);
    print_outcomes (outcomes, sequences->len + 1);
    return TRUE;
}

/* Options of a tracker would be taken for ones that work. */
static gboolean
check_results (GError **error)
{
    const struct {
        const char *name;
        gboolean given;
    } unused[] = {
        { "tracker", r.track.tracker != NULL },
        { "dets", detections != NULL },
        { "preset", r.track.preset != NULL },
        { "set", r.track.set != NULL },
        { "no-gmc", d.no_camera_motion },
        { "ground", d.ground },
        { "images", r.images != NULL },
        { "embedding-model", r.track.embedding_model != NULL },
        { "visual", r.track.visual != NULL },
        { "backbone", r.track.backbone != NULL },
        { "head", r.track.head != NULL },
        { "device", r.device != NULL },
        { "every", r.every > 1 },
        { "rate", r.rate > 0 },
        { "seed", r.track.seed > 0 },
        { "save", save != NULL },
    };

    for (guint i = 0; i < G_N_ELEMENTS (unused); i++)
        if (unused[i].given)
            return cli_usage_error (error,
                                    "--results takes no options of a tracker, and no --save, but "
                                    "there is --%s",
                                    unused[i].name) >= 0;
    return TRUE;
}

static int
check_usage (char **args, GError **error)
{
    if (!args[0])
        return cli_usage_error (error, "DIR is missing: expected a folder of sequences, such as "
                                       "MOT17/train");
    if (args[1])
        return cli_usage_error (error, "'%s' is too much: expected one DIR", args[1]);
    if (results && !check_results (error))
        return -1;
    if (!results && !detections)
        return cli_usage_error (error, "--dets is missing: expected the detections' name, such as "
                                       "yolox for det/yolox.txt (or --results)");
    if ((r.track.embedding_model || r.track.visual) && !r.images)
        return cli_usage_error (error, "--embedding-model and --visual need --images");
    if (d.ground && !(fov_tracker_uses (r.track.tracker) & FOV_TRACKER_USES_GROUND))
        return cli_usage_error (error, "--ground has no effect on --tracker %s", r.track.tracker);
    return results || track_options_check (&r.track, error) ? 0 : -1;
}

/* What the tracker of all sequences needs; none where results are scored. */
static gboolean
load_tracker (FovDevice **device, Tracking **tracking, GError **error)
{
    if (results)
        return TRUE;
    *device = fov_device_open (r.device ? r.device : "cpu", error);
    *tracking = *device ? tracking_new (&r.track, *device, NULL, error) : NULL;
    return *tracking != NULL;
}

static int
run (char **args, GError **error)
{
    g_autoptr (GPtrArray) sequences = NULL;
    g_autoptr (FovDevice) device = NULL;
    g_autoptr (Tracking) tracking = NULL;

    d.detections = detections;
    d.quiet = quiet;
    d.object_class = object_class;
    if (check_usage (args, error) < 0)
        return -1;
    interrupt_catch ();
    sequences = mot_data_load (args[0], &d, error);
    if (!sequences || !load_tracker (&device, &tracking, error) ||
        !run_all (tracking, sequences, error))
        return -1;
    return CLI_OK;
}

const CliCommand command_eval_mot = {
    .name = "eval mot",
    .args = "DIR ",
    .summary = "Measures how well a tracker keeps objects, with HOTA, CLEAR and identity figures.",
    .text = "DIR holds sequences in MOTChallenge's layout (SEQ/gt/gt.txt, SEQ/seqinfo.ini, "
            "SEQ/det/NAME.txt) or KITTI's (SEQ/label_02.txt, SEQ/det_NAME.txt), or is one. The "
            "tracker runs over the detections, or --results takes what another one wrote; "
            "distractors, ignore regions and unmarked objects are treated as the benchmarks do. "
            "Each sequence has a line, in percent and counts; the last line, over all of them, is "
            "\"COMBINED HOTA x DetA x AssA x MOTA x IDF1 x IDs n\".",
    .examples = examples,
    .options = options,
    .run = run,
};

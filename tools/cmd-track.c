/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fovea track: follows objects through videos and cameras.
 */
#include "commands.h"
#include "detect.h"
#include "interrupt.h"

#include <math.h>

/* Trackers make use of weak detections too. */
#define TRACK_THRESHOLD 0.1

static TrackOptions t = { .trail = 2 };
static DetectOptions o = { .model = { .threshold = TRACK_THRESHOLD, .iou_threshold = -1 },
                           .every = 1,
                           .track = &t };
static char *init;
static gboolean numbers;

static const CliOption options[] = {
    MODEL_OPTION (o.model),
    DEVICE_OPTION (o.model),
    SELECTION_OPTIONS (o.model, "0.1", "0.45", "300"),
    BATCH_OPTION (o.model),
    INTAKE_OPTIONS (o.model),
    { "every", 0, CLI_INT, &o.every, "N",
      "Runs the detector on every N-th frame only (default 1); the tracker fills the gaps", "Input",
      1, 100000 },
    { "max-frames", 0, CLI_INT, &o.max_frames, "N", "Stops after N frames", "Input", 1, G_MAXINT },
    { "tracker", 0, CLI_TEXT, &t.tracker, "TRACKER", "How objects are followed", "Tracking",
      .words = fov_tracker_names },
    { "preset", 'p', CLI_TEXT, &t.preset, "PRESET",
      "The scene that the tracker's numbers are for: crowd, traffic or static-camera (default: "
      "any)",
      "Tracking", .words = fov_tracker_presets },
    { "set", 's', CLI_TEXTS, &t.set, "NAME=VALUE",
      "Sets one of the tracker's numbers; may be given several times", "Tracking" },
    { "numbers", 0, CLI_FLAG, &numbers, NULL, "Lists the tracker's numbers and ends", "Tracking" },
    { "class", 'c', CLI_TEXT, &t.classes, "LABELS",
      "Follows and reports objects of these classes only, separated by commas", "Tracking" },
    { "embedding-model", 'e', CLI_PATH, &t.embedding_model, "FILE",
      "A network by whose vectors objects are known again, such as OSNet", "Tracking" },
    { "visual", 0, CLI_TEXT, &t.visual, "NAME",
      "What holds objects by their looks between detections: none (default), dcf or siamese",
      "Tracking", .words = visual_words },
    { "backbone", 0, CLI_PATH, &t.backbone, "FILE", "The network of --visual siamese that looks",
      "Tracking" },
    { "head", 0, CLI_PATH, &t.head, "FILE", "The network of --visual siamese that compares",
      "Tracking" },
    { "ground", 0, CLI_PATH, &t.ground, "FILE",
      "Where the camera stands above the ground, as UCMCTrack's camera files say it: objects are "
      "told apart by their places on it, for trackers that make use of it and cameras at rest",
      "Tracking" },
    { "motion-vectors", 0, CLI_FLAG, &t.motion_vectors, NULL,
      "Takes the camera's motion from the vectors that the file's encoder found (H.264, MPEG-4; "
      "not in files with B pictures), for trackers that make use of it",
      "Tracking" },
    { "seed", 0, CLI_INT, &t.seed, "N",
      "Start of the random numbers of particles: --init's search for what is hidden, and of the "
      "tracker's number 'particles' (default 0); nothing else draws any",
      "Tracking", 0, G_MAXINT },
    { "init", 'i', CLI_TEXT, &init, "X,Y,W,H",
      "Follows the one object in this box (pixels) of the first frame, without a detector, with "
      "--visual dcf (default) or siamese",
      "Tracking" },
    { "output", 'o', CLI_PATH, &o.output, "OUT",
      "Draws boxes, identities and trails into a video (.mp4, .mkv, .avi, .webm), pictures "
      "numbered "
      "by a pattern (out/%05d.png), or files of the inputs' names in a folder (out/)",
      "Output" },
    { "json", 'j', CLI_PATH, &o.json, "FILE",
      "Writes the objects and their tracks, a line of JSON for each frame, in gvametaconvert's "
      "schema; - is the standard output",
      "Output" },
    { "mot", 0, CLI_PATH, &t.mot, "FILE", "Writes the tracks in MOTChallenge's format", "Output" },
    { "trail", 0, CLI_REAL, &t.trail, "SECONDS",
      "How long an object's way stays visible in OUT (default 2; 0: no trails)", "Output", 0, 60 },
    { "show-lost", 0, CLI_FLAG, &t.show_lost, NULL,
      "Also shows objects that are not seen, where they are thought to be", "Output" },
    { "no-labels", 0, CLI_FLAG, &o.no_labels, NULL, "Draws boxes without labels", "Output" },
    { "quiet", 'q', CLI_FLAG, &o.quiet, NULL, "No progress and no summary", "Output" },
    CLI_END,
};

static const CliExample examples[] = {
    { "fovea track street.mp4 -m yolox_nano.onnx -o tracks.mp4 --json tracks.jsonl",
      "Draws identities and trails into a new video, and writes them as JSON." },
    { "fovea track street.mp4 -m yolox_nano.onnx --every 5 --visual dcf -o tracks.mp4",
      "Detects in every fifth frame; between, objects are held by their looks." },
    { "fovea track crowd.mp4 -m yolox_nano.onnx --tracker bytetrack --class person --mot "
      "tracks.txt",
      "Follows people with another tracker, for a benchmark." },
    { "fovea track bag.avi --init 280,180,90,120 -o bag.mp4",
      "Follows one object that no detector knows." },
    { "fovea track --numbers --tracker bytetrack", "Lists what --set takes." },
    { NULL, NULL },
};

/* "X,Y,W,H" in pixels. */
static gboolean
parse_box (const char *text, FovBox *box, GError **error)
{
    g_auto (GStrv) parts = g_strsplit (text, ",", 5);
    double v[4];
    gboolean ok = g_strv_length (parts) == 4;

    for (guint i = 0; ok && i < 4; i++) {
        char *end;
        v[i] = g_ascii_strtod (parts[i], &end);
        ok = end != parts[i] && !*end && fabs (v[i]) < 1e6;
    }
    if (!ok || !(v[2] >= 1) || !(v[3] >= 1))
        return cli_usage_error (error,
                                "--init is '%s', expected X,Y,W,H in pixels, such as 100,50,40,80",
                                text) >= 0;
    *box = (FovBox){ (float) v[0], (float) v[1], (float) (v[0] + v[2]), (float) (v[1] + v[3]) };
    return TRUE;
}

/* What is a detector's, or a tracker's of many objects: one that does nothing would be taken for
 * one that works. */
static gboolean
check_alone (GError **error)
{
    const struct {
        const char *name;
        gboolean given;
    } unused[] = {
        { "every", o.every > 1 },
        { "batch", o.model.batch > 0 },
        { "threshold", o.model.threshold != TRACK_THRESHOLD },
        { "iou-threshold", o.model.iou_threshold >= 0 },
        { "max-detections", o.model.max_detections > 0 },
        { "labels-file", o.model.labels_file != NULL },
        { "decoder", o.model.decoder != NULL },
        { "size", o.model.size != NULL },
        { "color-order", o.model.color_order != NULL },
        { "fit", o.model.fit != NULL },
        { "mean", o.model.mean != NULL },
        { "scale", o.model.scale != NULL },
        { "tracker", t.tracker != NULL },
        { "preset", t.preset != NULL },
        { "set", t.set != NULL },
        { "class", t.classes != NULL },
        { "embedding-model", t.embedding_model != NULL },
        { "ground", t.ground != NULL },
        { "motion-vectors", t.motion_vectors },
    };

    for (guint i = 0; i < G_N_ELEMENTS (unused); i++)
        if (unused[i].given)
            return cli_usage_error (error,
                                    "--%s has no effect on --init, which follows one object "
                                    "without a detector in every frame",
                                    unused[i].name) >= 0;
    return TRUE;
}

static gboolean
run_one (char **args, GError **error)
{
    FovBox box;

    if (!parse_box (init, &box, error))
        return FALSE;
    if (args[1])
        return cli_usage_error (error, "--init takes one INPUT") >= 0;
    if (o.model.model)
        return cli_usage_error (error, "--init needs no --model") >= 0;
    if (!check_alone (error))
        return FALSE;
    if (t.visual && g_str_equal (t.visual, "none"))
        return cli_usage_error (error, "--init needs --visual dcf or siamese") >= 0;
    return follow_run (&o, args[0], box, error);
}

static int
run (char **args, GError **error)
{
    gboolean ok;

    if (!track_options_check (&t, error))
        return -1;
    if (numbers)
        return print_tracker_numbers (&t, error) ? CLI_OK : -1;
    if (!args[0])
        return cli_usage_error (error, "INPUT is missing: expected a video, a glob of images, "
                                       "/dev/videoN or a URL");
    if (o.every > 1 && o.model.batch > 1)
        return cli_usage_error (error, "--every and --batch exclude each other");
    if (t.mot && args[1])
        return cli_usage_error (error, "--mot takes one INPUT: frames and identities of each count "
                                       "from 1");
    interrupt_catch ();
    ok = init ? run_one (args, error) : detect_run (&o, args, error);
    if (!ok)
        return -1;
    return interrupted () ? CLI_INTERRUPTED : CLI_OK;
}

const CliCommand command_track = {
    .name = "track",
    .args = "INPUT... --model MODEL ",
    .summary = "Follows objects through videos and cameras.",
    .text = "INPUT is a video file, a glob of images (quoted), /dev/videoN or a URL such as "
            "rtsp://. Each input is a scene of its own, with identities from 1. What is seen is "
            "printed where nothing else is written. A summary closes the run: how many tracks, how "
            "long, why identities changed, and the time that detection and tracking took. "
            "Ctrl-C finishes the files.",
    .examples = examples,
    .options = options,
    .run = run,
};

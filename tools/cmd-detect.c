/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fovea detect: finds the objects in videos, pictures and cameras.
 */
#include "commands.h"
#include "detect.h"
#include "interrupt.h"

static DetectOptions o = { .model = MODEL_OPTIONS_UNSET, .every = 1 };

static const CliOption options[] = {
    MODEL_OPTION (o.model),
    DEVICE_OPTION (o.model),
    SELECTION_OPTIONS (o.model, "0.25", "0.45", "300"),
    BATCH_OPTION (o.model),
    INTAKE_OPTIONS (o.model),
    { "every", 0, CLI_INT, &o.every, "N",
      "Looks at every N-th frame only (default 1); those between keep the last boxes in OUT",
      "Input", 1, 100000 },
    { "max-frames", 0, CLI_INT, &o.max_frames, "N", "Stops after N frames", "Input", 1, G_MAXINT },
    { "output", 'o', CLI_PATH, &o.output, "OUT",
      "Draws the boxes into a video (.mp4, .mkv, .avi, .webm), a picture (.png, .jpg), pictures "
      "numbered by a pattern (out/%05d.png), or files of the inputs' names in a folder (out/)",
      "Output" },
    { "json", 'j', CLI_PATH, &o.json, "FILE",
      "Writes the objects, a line of JSON for each frame, in gvametaconvert's schema; - is the "
      "standard output",
      "Output" },
    { "no-labels", 0, CLI_FLAG, &o.no_labels, NULL, "Draws boxes without labels", "Output" },
    { "quiet", 'q', CLI_FLAG, &o.quiet, NULL, "No progress and no summary", "Output" },
    CLI_END,
};

static const CliExample examples[] = {
    { "fovea detect street.mp4 -m yolox_nano.onnx -o boxes.mp4 --json objects.jsonl",
      "Draws the boxes into a new video, and writes the objects as JSON." },
    { "fovea detect bus.jpg -m yolox_nano.onnx", "Lists the objects of a picture." },
    { "fovea detect photos/ -m yolox_nano.onnx -o marked/", "Marks all pictures of a folder." },
    { "fovea detect /dev/video0 -m yolox_nano.onnx --json - --quiet",
      "Streams what a camera sees; Ctrl-C ends it." },
    { "fovea detect rtsp://camera/stream -m yolox_nano.onnx --every 5 -o record.mp4",
      "Records a network camera, looking at every fifth frame." },
    { NULL, NULL },
};

static int
run (char **args, GError **error)
{
    if (!args[0])
        return cli_usage_error (error, "INPUT is missing: expected a video, an image, a glob of "
                                       "images, /dev/videoN or a URL");
    if (o.every > 1 && o.model.batch > 1)
        return cli_usage_error (error, "--every and --batch exclude each other");
    interrupt_catch ();
    if (!detect_run (&o, args, error))
        return -1;
    return interrupted () ? CLI_INTERRUPTED : CLI_OK;
}

const CliCommand command_detect = {
    .name = "detect",
    .args = "INPUT... --model MODEL ",
    .summary = "Finds the objects in videos, pictures and cameras.",
    .text = "INPUT is a video file, an image, a folder or a glob of images (quoted, or expanded by "
            "the shell), "
            "/dev/videoN or a URL such as rtsp://. Several are taken one after the other. "
            "Without --output and --json the objects are printed. A summary closes the run. "
            "Ctrl-C finishes the files.",
    .examples = examples,
    .options = options,
    .run = run,
};

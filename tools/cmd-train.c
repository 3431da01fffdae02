/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fovea train: teaches a classifier from pictures in folders, or a detector from pictures with
 * boxes.
 */
#include "commands.h"
#include "interrupt.h"
#include "model-options.h"
#include "train.h"

#include <string.h>

#include <fovea/detector.h>

static TrainOptions o = { .seed = 1, .validation = 20 };

static const char *const *
recipe_words (void)
{
    static const char *const words[] = { "residual", "depthwise", NULL };

    return words;
}

static const char *const *
optimiser_words (void)
{
    static const char *const words[] = { "sgd", "adamw", NULL };

    return words;
}

static const char *const *
head_words (void)
{
    static const char *const words[] = { "auto", "keep", "new", NULL };

    return words;
}

static const char *const *
augment_words (void)
{
    static const char *const words[] = { "none", "light", "strong", NULL };

    return words;
}

static const CliOption options[] = {
    { "annotations", 'a', CLI_PATH, &o.annotations, "FILE",
      "Teaches a detector: what is on the pictures, as COCO's instances_*.json", "Detectors" },
    { "images", 'i', CLI_PATH, &o.images, "DIR",
      "The folder of its pictures (default: DATA, or that of the annotations)", "Detectors" },
    { "valid-annotations", 0, CLI_PATH, &o.valid_annotations, "FILE",
      "Other pictures' annotations to measure AP on (default: a share, see --validation)",
      "Detectors" },
    { "valid-images", 0, CLI_PATH, &o.valid_images, "DIR",
      "The folder of those pictures (default: that of their annotations)", "Detectors" },
    { "max-images", 0, CLI_INT, &o.max_images, "N", "Only the first N pictures", "Detectors", 1,
      G_MAXINT },
    { "head", 0, CLI_TEXT, &o.head, "WORD",
      "keep: the model's classes; new: the annotations' categories, with new weights for them; "
      "auto "
      "(default): keep where the model knows all categories",
      "Detectors", .words = head_words },
    { "augment", 0, CLI_TEXT, &o.augment, "LIST",
      "How pictures are changed: none, light (default) or strong, then strengths of single "
      "changes, "
      "as in light,rotate=20,noise=0",
      "Detectors", .words = augment_words },
    { "balance", 0, CLI_REAL, &o.balance, "POWER",
      "Shows pictures of rare classes more often: 0 not (default), 1 all classes equally often",
      "Detectors", 0, 1 },
    { "decoder", 0, CLI_TEXT, &o.decoder, "FAMILY",
      "Family of the network's outputs (default: recognised; see fovea doctor)", "Detectors",
      .words = fov_detector_families },
    { "preview", 'p', CLI_PATH, &o.preview, "FILE",
      "Trains nothing: draws a batch of augmented pictures with their boxes into FILE (.png, "
      ".jpg); DATA may be a COCO json, a folder with images/ and labels/, tar shards, or a folder "
      "for each class",
      "Preview" },
    { "recipe", 'r', CLI_TEXT, &o.recipe, "NAME",
      "Trains from scratch: residual (default) or depthwise", "Model", .words = recipe_words },
    { "model", 'm', CLI_PATH, &o.model, "MODEL",
      "Goes on from this ONNX model: a detector, or a classifier with a score for each class",
      "Model" },
    { "freeze", 0, CLI_TEXT, &o.freeze, "WHAT",
      "What stays as it is: none (default), backbone, or to=NODE: this node or tensor of the model "
      "and all before it",
      "Model" },
    { "size", 0, CLI_INT, &o.size, "N",
      "Pictures of N x N pixels for a recipe (default 64), a detector (default: the model's) or a "
      "preview (default 320)",
      "Model", 8, 2048 },
    { "device", 'd', CLI_TEXT, &o.device, "DEVICE",
      "Where to train: cpu[:THREADS] (default cpu) or reference", "Model" },
    { "epochs", 'e', CLI_INT, &o.epochs, "N", "Times that all pictures are seen (default 20)",
      "Training", 1, 1000000 },
    { "batch", 'b', CLI_INT, &o.batch, "N",
      "Pictures of a step (default 32, detectors 8) or a preview (16)", "Training", 1, 4096 },
    { "learning-rate", 0, CLI_REAL, &o.learning_rate, "RATE",
      "Highest learning rate (default 0.05 from scratch, 0.01 with --model, adamw a tenth; "
      "detectors "
      "0.00002, with sgd 0.00001); it rises for an epoch, then falls",
      "Training", 1e-9, 1e3 },
    { "optimiser", 0, CLI_TEXT, &o.optimiser, "NAME",
      "sgd (default) or adamw (default for detectors)", "Training", .words = optimiser_words },
    { "validation", 0, CLI_INT, &o.validation, "PERCENT",
      "Share of the pictures that is kept apart to measure accuracy or AP (default 20)", "Training",
      0, 90 },
    { "seed", 0, CLI_INT, &o.seed, "N", "Decides start, order and cuts (default 1)", "Training", 0,
      G_MAXINT },
    { "output", 'o', CLI_PATH, &o.output, "FILE",
      "The learned model, ONNX; beside it FILE.labels, FILE.csv (losses) and FILE.safetensors (the "
      "checkpoint)",
      "Output" },
    { "resume", 0, CLI_FLAG, &o.resume, NULL, "Goes on where FILE's checkpoint left off",
      "Output" },
    { "quiet", 'q', CLI_FLAG, &o.quiet, NULL, "No progress", "Output" },
    CLI_END,
};

static const CliExample examples[] = {
    { "fovea train flowers -o flowers.onnx",
      "Learns flowers/rose/*.jpg, flowers/tulip/*.jpg ... from scratch." },
    { "fovea train flowers -o flowers.onnx --resume", "Goes on after an interruption." },
    { "fovea train new -m flowers.onnx --freeze to=pool -o better.onnx",
      "Goes on from a model, with all but its last layer as it is." },
    { "fovea train photos -a photos.json -m yolox_nano.onnx -o mine.onnx",
      "Teaches a detector the categories of photos.json." },
    { "fovea train instances_train.json --preview look.png --augment strong",
      "Shows what a detector would learn from." },
    { NULL, NULL },
};

static gboolean
is_one_of (const char *text, const char *const *words)
{
    return !text || g_strv_contains (words, text);
}

/* The kind of run decides what was not said. */
static gboolean
check_options (const char *data, gboolean *detector, GError **error)
{
    *detector = o.annotations || g_str_has_suffix (data, ".json");
    if (*detector && !o.model)
        return cli_usage_error (error, "--model is missing: expected a detector, an .onnx file") >
               0;
    if (o.model && o.recipe)
        return cli_usage_error (error, "--model and --recipe exclude each other") > 0;
    if (!is_one_of (o.recipe, recipe_words ()))
        return cli_usage_error (error, "--recipe is '%s', expected residual or depthwise",
                                o.recipe) > 0;
    if (!is_one_of (o.optimiser, optimiser_words ()))
        return cli_usage_error (error, "--optimiser is '%s', expected sgd or adamw", o.optimiser) >
               0;
    if (!is_one_of (o.head, head_words ()))
        return cli_usage_error (error, "--head is '%s', expected auto, keep or new", o.head) > 0;
    o.epochs = o.epochs ? o.epochs : 20;
    o.batch = o.batch ? o.batch : *detector ? 8 : 32;
    o.size = o.size || *detector ? o.size : 64;
    return TRUE;
}

static int
run (char **args, GError **error)
{
    gboolean detector, ok;

    if (!args[0] || args[1])
        return cli_usage_error (error, "expected one DATA: a folder of pictures");
    if (o.preview)
        return train_preview (&o, args[0], error) ? CLI_OK : -1;
    if (!o.output)
        return cli_usage_error (error, "--output is missing: expected the .onnx file to write");
    if (!check_options (args[0], &detector, error))
        return -1;
    interrupt_catch ();
    ok = detector ? train_detect_run (&o, args[0], error) : train_run (&o, args[0], error);
    if (!ok && !interrupted ())
        return -1;
    return interrupted () ? CLI_INTERRUPTED : CLI_OK;
}

const CliCommand command_train = {
    .name = "train",
    .args = "DATA --output FILE ",
    .summary = "Teaches a classifier from pictures in folders, or a detector from boxes.",
    .text =
        "For a classifier DATA holds a folder for each class, named after it, with that class's "
        "pictures. For a detector DATA is the file of annotations (COCO's json), or with "
        "--annotations the folder of the pictures; --model is what it goes on from. "
        "After each epoch the model, a checkpoint and the losses are written, so that an "
        "interruption (Ctrl-C, a power cut) costs an epoch at most. The same pictures, options "
        "and seed give the same model, whatever the number of threads.",
    .examples = examples,
    .options = options,
    .run = run,
};

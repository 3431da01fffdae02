/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fovea train: teaches a classifier from pictures in folders.
 */
#include "commands.h"
#include "interrupt.h"
#include "model-options.h"
#include "train.h"

#include <string.h>

static TrainOptions o = { .epochs = 20, .batch = 32, .size = 64, .seed = 1, .validation = 20 };

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

static const CliOption options[] = {
    { "recipe", 'r', CLI_TEXT, &o.recipe, "NAME",
      "Trains from scratch: residual (default) or depthwise", "Model", .words = recipe_words },
    { "model", 'm', CLI_PATH, &o.model, "MODEL",
      "Goes on from this ONNX classifier, which has a score for each class", "Model" },
    { "freeze-to", 0, CLI_TEXT, &o.freeze_to, "NODE",
      "This node or tensor of the model and all before it stay as they are", "Model" },
    { "size", 0, CLI_INT, &o.size, "N", "Pictures of N x N pixels for a recipe (default 64)",
      "Model", 8, 1024 },
    { "device", 'd', CLI_TEXT, &o.device, "DEVICE",
      "Where to train: cpu[:THREADS] (default cpu) or reference", "Model" },
    { "epochs", 'e', CLI_INT, &o.epochs, "N", "Times that all pictures are seen (default 20)",
      "Training", 1, 1000000 },
    { "batch", 'b', CLI_INT, &o.batch, "N", "Pictures of a step (default 32)", "Training", 1,
      4096 },
    { "learning-rate", 0, CLI_REAL, &o.learning_rate, "RATE",
      "Highest learning rate (default 0.05 from scratch, 0.01 with --model; adamw a tenth); it "
      "rises "
      "for an epoch, then falls",
      "Training", 1e-9, 1e3 },
    { "optimiser", 0, CLI_TEXT, &o.optimiser, "NAME", "sgd (default) or adamw", "Training",
      .words = optimiser_words },
    { "validation", 0, CLI_INT, &o.validation, "PERCENT",
      "Share of each class that is kept apart to measure accuracy (default 20)", "Training", 0,
      90 },
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
    { "fovea train new -m flowers.onnx --freeze-to pool -o better.onnx",
      "Goes on from a model, with all but its last layer as it is." },
    { NULL, NULL },
};

static gboolean
is_one_of (const char *text, const char *const *words)
{
    return !text || g_strv_contains (words, text);
}

static int
run (char **args, GError **error)
{
    if (!args[0] || args[1])
        return cli_usage_error (error,
                                "expected one DIR, with a folder of pictures for each class");
    if (!o.output)
        return cli_usage_error (error, "--output is missing: expected the .onnx file to write");
    if (o.model && o.recipe)
        return cli_usage_error (error, "--model and --recipe exclude each other");
    if (!is_one_of (o.recipe, recipe_words ()))
        return cli_usage_error (error, "--recipe is '%s', expected residual or depthwise",
                                o.recipe);
    if (!is_one_of (o.optimiser, optimiser_words ()))
        return cli_usage_error (error, "--optimiser is '%s', expected sgd or adamw", o.optimiser);
    interrupt_catch ();
    if (!train_run (&o, args[0], error))
        return interrupted () ? CLI_INTERRUPTED : -1;
    return interrupted () ? CLI_INTERRUPTED : CLI_OK;
}

const CliCommand command_train = {
    .name = "train",
    .args = "DIR --output FILE ",
    .summary = "Teaches a classifier from pictures in folders.",
    .text = "DIR holds a folder for each class, named after it, with that class's pictures. "
            "After each epoch the model, a checkpoint and the losses are written, so that an "
            "interruption (Ctrl-C, a power cut) costs an epoch at most. The same pictures, options "
            "and seed give the same model, whatever the number of threads.",
    .examples = examples,
    .options = options,
    .run = run,
};

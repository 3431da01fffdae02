/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fovea train: teaches a network from pictures: classes, masks, texts, tags, vectors, or a detector
 * from pictures with boxes.
 */
#include "commands.h"
#include "interrupt.h"
#include "model-options.h"
#include "train-task.h"

#include <string.h>

#include <fovea/detector.h>

static TrainOptions o = { .seed = 1, .validation = 20 };

static const char *const *
recipe_words (void)
{
    static const char *const words[] = { "residual", "depthwise", "embedding", "unet",
                                         "crnn",     "yolox",     NULL };

    return words;
}

static const char *const *
task_words (void)
{
    static const char *const words[] = { "classes", "tags", "masks", "texts", "vectors", NULL };

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
anchor_words (void)
{
    static const char *const words[] = { "keep", "auto", NULL };

    return words;
}

static const char *const *
augment_words (void)
{
    static const char *const words[] = { "none", "light", "strong", NULL };

    return words;
}

static const char *const *
weight_words (void)
{
    static const char *const words[] = { "auto", NULL };

    return words;
}

static const CliOption options[] = {
    { "annotations", 'a', CLI_PATH, &o.annotations, "FILE",
      "Teaches a detector: what is on the pictures in DATA, as COCO's instances_*.json",
      "Detectors" },
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
    { "anchors", 0, CLI_TEXT, &o.anchors, "WORD",
      "With a new head of an SSD: auto: sizes of anchors by k-means over the boxes; keep (default)",
      "Detectors", .words = anchor_words },
    { "augment", 0, CLI_TEXT, &o.augment, "LIST",
      "How pictures are changed at random: none (default for texts), light (default for boxes and "
      "masks) or strong, then strengths of single changes, as in light,rotate=20,noise=0 (default "
      "for classes: " SOURCE_MOVED "; tags and vectors are mirrored)",
      "Training", .words = augment_words },
    { "decoder", 0, CLI_TEXT, &o.decoder, "FAMILY",
      "Family of the network's outputs (default: recognised; see fovea doctor)", "Detectors",
      .words = fov_detector_families },
    { "preview", 'p', CLI_PATH, &o.preview, "FILE",
      "Trains nothing: draws a batch of augmented pictures with their boxes, masks, points or "
      "classes into FILE (.png, .jpg)",
      "Preview" },
    { "recipe", 'r', CLI_TEXT, &o.recipe, "NAME",
      "Trains from scratch: residual (default), depthwise, embedding, unet, crnn or (a detector) "
      "yolox; +se or +cbam behind it adds attention",
      "Model", .words = recipe_words },
    { "task", 't', CLI_TEXT, &o.task, "NAME",
      "What pictures are to become: classes, tags, masks, texts or vectors (default: by recipe and "
      "data)",
      "Model", .words = task_words },
    { "classes", 0, CLI_INT, &o.classes, "N",
      "Classes of masks, each its grey value, 255 counts for none (default: two, 0 and 1 or 0 and "
      "255, whichever the masks hold; above half grey is the object)",
      "Model", 2, 255 },
    { "width", 0, CLI_INT, &o.width, "N",
      "Pixels that a line of text is wide (default 4 times its height)", "Model", 16, 4096 },
    { "vector", 0, CLI_INT, &o.vector, "N", "Numbers of a vector (default 64)", "Model", 2, 4096 },
    { "model", 'm', CLI_PATH, &o.model, "MODEL",
      "Goes on from this ONNX model: a detector, or a classifier with a score for each class",
      "Model" },
    { "freeze", 0, CLI_TEXT, &o.freeze, "WHAT",
      "What stays as it is: none (default), backbone, or to=NODE: this node or tensor of the model "
      "and all before it",
      "Model" },
    { "unfold", 0, CLI_PATH, &o.unfold, "DIR",
      "Puts batch norms back into a model whose export folded them away, with statistics of these "
      "pictures, which it should be good on as it is",
      "Model" },
    { "recalibrate", 0, CLI_FLAG, &o.recalibrate, NULL,
      "Before training, the model's batch norms take statistics of the pictures that it is to "
      "learn",
      "Model" },
    { "frozen-norms", 0, CLI_FLAG, &o.frozen_norms, NULL,
      "Batch norms keep their statistics while the model learns; for small batches", "Model" },
    { "size", 0, CLI_INT, &o.size, "N",
      "Pictures of N x N pixels for a recipe (default 64; lines of text 32), a detector (default: "
      "the model's) or a preview (default 320)",
      "Model", 8, 2048 },
    { "device", 'd', CLI_TEXT, &o.device, "DEVICE",
      "Where to train: cpu[:THREADS] (default cpu), gpu[:N], vulkan[:N or NAME] or reference",
      "Model" },
    { "epochs", 'e', CLI_INT, &o.epochs, "N",
      "Times that all pictures are seen (default 20; boxes of new classes: as many as make 100 "
      "steps)",
      "Training", 1, 1000000 },
    { "batch", 'b', CLI_INT, &o.batch, "N",
      "Pictures of a step (default 32, detectors 8) or a preview (16)", "Training", 1, 4096 },
    { "learning-rate", 0, CLI_REAL, &o.learning_rate, "RATE",
      "Highest learning rate; it rises for an epoch, then falls. Default: classes 0.05 from "
      "scratch "
      "and 0.01 with --model, a tenth with adamw; tags, masks, texts and vectors 0.003 and 0.001, "
      "ten times that with sgd; boxes 0.002 from scratch, 0.0002 with --model and new classes, "
      "0.00001 with those that it knows",
      "Training", 1e-9, 1e3 },
    { "optimiser", 0, CLI_TEXT, &o.optimiser, "NAME",
      "sgd (default for classes) or adamw (default for all else)", "Training",
      .words = optimiser_words },
    { "balance", 0, CLI_REAL, &o.balance, "POWER",
      "Shows pictures of rare classes more often: 0 not (default), 1 all classes equally often; "
      "classes and boxes",
      "Training", 0, 1 },
    { "class-weights", 0, CLI_TEXT, &o.class_weights, "auto|A,B,...",
      "How much each class counts, in the order of FILE.labels; auto: so that all count alike "
      "altogether (for tags: a picture that has the label, beside one that has not)",
      "Training", .words = weight_words },
    { "focal", 0, CLI_TEXT, &o.focal, "GAMMA[,ALPHA]",
      "What is almost right counts less, by (1 - p)^GAMMA, as in 2; ALPHA (0 to 1): what the rarer "
      "of two classes counts, the other 1 - ALPHA; for tags, what a label that is there counts",
      "Training" },
    { "label-smoothing", 0, CLI_REAL, &o.label_smoothing, "SHARE",
      "So much of each label goes to all classes alike, as in 0.1 (default 0)", "Training", 0,
      0.9 },
    { "smote", 0, CLI_FLAG, &o.smote, NULL,
      "After the last epoch a classifier's last layer learns again, with rare classes filled up by "
      "points between those that it sees (SMOTE)",
      "Training" },
    { "dropout", 0, CLI_REAL, &o.dropout, "SHARE",
      "So much of what a recipe's last layer sees is left out at random while it learns, as in 0.2 "
      "(default 0)",
      "Training", 0, 0.95 },
    { "validation", 0, CLI_INT, &o.validation, "PERCENT",
      "Share of the pictures that is kept apart to measure accuracy or AP (default 20)", "Training",
      0, 90 },
    { "seed", 0, CLI_INT, &o.seed, "N", "Decides start, order and cuts (default 1)", "Training", 0,
      G_MAXINT },
    { "output", 'o', CLI_PATH, &o.output, "FILE",
      "The learned model, ONNX; beside it FILE.labels, FILE.csv and FILE.png (losses and "
      "what was measured) and FILE.safetensors (the checkpoint)",
      "Output" },
    { "resume", 0, CLI_FLAG, &o.resume, NULL,
      "Goes on where FILE's checkpoint left off; with the options of that run", "Output" },
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
    { "fovea train cells -r unet -o cells.onnx",
      "Learns masks: cells/NAME.png with cells/NAME.mask.png." },
    { "fovea train words -r crnn -o words.onnx",
      "Learns to read: words/labels.txt has lines \"picture<TAB>text\"." },
    { "fovea train tags.csv -r residual+se -o tags.onnx",
      "Learns several labels a picture, from lines \"picture,label;label\"." },
    { NULL, NULL },
};

static gboolean
is_one_of (const char *text, const char *const *words)
{
    return !text || g_strv_contains (words, text);
}

/* "residual+se": what stands before the + is the recipe. */
static gboolean
is_recipe (const char *name)
{
    g_autofree char *base = g_strndup (name ? name : "", strcspn (name ? name : "", "+"));

    return !name || g_strv_contains (recipe_words (), base);
}

/* Any other file is a list of pictures for a task. */
static gboolean
has_boxes (const char *data)
{
    const FovDataFormat format = fov_data_format (data);

    return o.annotations || format == FOV_DATA_YOLO || format == FOV_DATA_SHARDS ||
           g_str_has_suffix (data, ".json");
}

/* Of what has boxes masks can be learned too. */
static const TaskKind *
kind_of (const char *data, gboolean *detector)
{
    const TaskKind *kind = task_kind (&o, data);

    *detector = has_boxes (data) && !(kind && kind->goal == TRAIN_MASKS);
    return *detector ? NULL : kind;
}

static gboolean
is_detector (const char *recipe)
{
    return recipe && g_str_has_prefix (recipe, "yolox");
}

static gboolean
check_words (GError **error)
{
    if (o.model && o.recipe)
        return cli_usage_error (error, "--model and --recipe exclude each other") > 0;
    if ((o.unfold || o.recalibrate) && !o.model)
        return cli_usage_error (error, "--unfold and --recalibrate need --model") > 0;
    if (!is_recipe (o.recipe))
        return cli_usage_error (error,
                                "--recipe is '%s', expected residual, depthwise, embedding, unet, "
                                "crnn or yolox",
                                o.recipe) > 0;
    if (!is_one_of (o.task, task_words ()))
        return cli_usage_error (error,
                                "--task is '%s', expected classes, tags, masks, texts or vectors",
                                o.task) > 0;
    if (!is_one_of (o.optimiser, optimiser_words ()))
        return cli_usage_error (error, "--optimiser is '%s', expected sgd or adamw", o.optimiser) >
               0;
    if (!is_one_of (o.head, head_words ()))
        return cli_usage_error (error, "--head is '%s', expected auto, keep or new", o.head) > 0;
    if (!is_one_of (o.anchors, anchor_words ()))
        return cli_usage_error (error, "--anchors is '%s', expected keep or auto", o.anchors) > 0;
    return TRUE;
}

static TrainGoal
goal_of (gboolean detector, const TaskKind *kind)
{
    return detector ? TRAIN_BOXES : kind ? kind->goal : TRAIN_CLASSES;
}

/* Pictures side by side could be meant for anything but classes, which are folders. */
static gboolean
check_folder (const char *data, GError **error)
{
    g_autoptr (GDir) dir = g_dir_open (data, 0, NULL);

    for (const char *name; dir && (name = g_dir_read_name (dir));) {
        g_autofree char *path = g_build_filename (data, name, NULL);
        if (g_file_test (path, G_FILE_TEST_IS_DIR))
            return TRUE;
    }
    return !dir ||
           cli_usage_error (error,
                            "%s: no folder of pictures for each class in it; boxes are a file "
                            "(--annotations), masks need --recipe unet, texts --recipe crnn",
                            data) > 0;
}

static gboolean
check_output (GError **error)
{
    g_autofree char *folder = g_path_get_dirname (o.output);
    g_autofree char *checkpoint = g_strconcat (o.output, ".safetensors", NULL);
    g_autofree char *previous = g_strconcat (checkpoint, ".1", NULL);

    if (!g_file_test (folder, G_FILE_TEST_IS_DIR))
        return cli_usage_error (error, "--output %s: there is no folder %s", o.output, folder) > 0;
    if (g_file_test (o.output, G_FILE_TEST_IS_DIR))
        return cli_usage_error (error, "--output %s is a folder, expected the .onnx file to write",
                                o.output) > 0;
    if (o.resume && !g_file_test (checkpoint, G_FILE_TEST_EXISTS) &&
        !g_file_test (previous, G_FILE_TEST_EXISTS))
        return cli_usage_error (error, "--resume: there is no %s to go on from", checkpoint) > 0;
    return train_check_files (&o, error);
}

/* What was said of all that decides the result. Files and the device may have moved. */
static GHashTable *
list_settings (void)
{
    static const char *const others[] = { "device", "resume", "quiet", NULL };
    GHashTable *settings = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);

    for (const CliOption *option = options; option->name; option++) {
        char *value = NULL;
        if (option->type == CLI_PATH || g_strv_contains (others, option->name))
            continue;
        if (option->type == CLI_TEXT)
            value = g_strdup (*(char **) option->value);
        else if (option->type == CLI_REAL && *(double *) option->value != 0)
            value = g_strdup_printf ("%.9g", *(double *) option->value);
        else if (option->type != CLI_REAL && *(int *) option->value)
            value = g_strdup_printf ("%d", *(int *) option->value);
        if (value)
            g_hash_table_insert (settings, (gpointer) option->name, value);
    }
    return settings;
}

static int
run (char **args, GError **error)
{
    const TaskKind *kind = NULL;
    gboolean detector, ok;

    if (!args[0] || args[1])
        return cli_usage_error (error, "expected one DATA: a folder, or a file of labels or boxes");
    if (o.preview) {
        kind = kind_of (args[0], &detector);
        o.vector = o.vector ? o.vector : 64;
        return train_preview (&o, kind, args[0], error) ? CLI_OK : -1;
    }
    if (!o.output)
        return cli_usage_error (error, "--output is missing: expected the .onnx file to write");
    if (!check_words (error) || !check_output (error))
        return -1;
    kind = kind_of (args[0], &detector);
    if (detector && !o.model && !is_detector (o.recipe))
        return cli_usage_error (error,
                                "boxes need a detector: expected --model, its .onnx file, or "
                                "--recipe yolox, which starts from scratch");
    if (!detector && is_detector (o.recipe))
        return cli_usage_error (error, "--recipe yolox learns from boxes: see --annotations");
    if (!train_check_options (&o, goal_of (detector, kind), error) ||
        (goal_of (detector, kind) == TRAIN_CLASSES && !check_folder (args[0], error)))
        return -1;
    /* The kind of run decides what was not said. */
    o.epochs = o.epochs || detector ? o.epochs : 20;
    o.batch = o.batch ? o.batch : detector ? 8 : 32;
    o.vector = o.vector ? o.vector : 64;
    o.size = o.size || detector ? o.size : kind && kind->size ? kind->size : 64;
    if (!train_find_model (&o, error))
        return -1;
    o.settings = list_settings ();
    if (!o.classes) /* what is written in checkpoints of runs without it */
        g_hash_table_insert (o.settings, (gpointer) "classes", g_strdup ("2"));
    interrupt_catch ();
    ok = detector ? train_detect_run (&o, args[0], error)
         : kind   ? train_task_run (&o, kind, args[0], error)
                  : train_run (&o, args[0], error);
    train_start_clear (&o);
    train_start_explain (&o, kind ? kind->recipe : "residual", error);
    g_clear_pointer (&o.settings, g_hash_table_unref);
    if (!ok && !interrupted ())
        return -1;
    return interrupted () ? CLI_INTERRUPTED : CLI_OK;
}

const CliCommand command_train = {
    .name = "train",
    .args = "DATA --output FILE ",
    .summary = "Teaches a network from pictures.",
    .text = "DATA holds a folder for each class, named after it, with that class's pictures (for "
            "vectors: for each thing that is to be known again). For masks it holds NAME.mask.png "
            "beside NAME.png, for texts labels.txt; for tags it is a file, "
            "picture,label;label. For a detector DATA is a file of annotations (COCO's json), a "
            "folder with images/ and labels/ (YOLO's text files), tar shards, or with "
            "--annotations the folder of the pictures; --model is what it goes on from, or "
            "--recipe yolox learns from nothing.\n\n"
            "After each epoch the model, a checkpoint and the losses are written, so that an "
            "interruption (Ctrl-C, a power cut) costs an epoch at most. The same pictures, options "
            "and seed give the same model, whatever the number of threads.",
    .examples = examples,
    .options = options,
    .run = run,
};

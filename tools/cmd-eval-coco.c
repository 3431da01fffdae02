/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fovea eval coco: how well a detector finds what a data set's people marked.
 */
#include "commands.h"
#include "eval.h"
#include "interrupt.h"

#include <math.h>

#define EVAL_THRESHOLD 0.01
#define EVAL_IOU 0.7 /* precision is taken over the whole ranking: little is suppressed */
#define EVAL_DETECTIONS 100

static EvalOptions o = {
    .model = { .threshold = EVAL_THRESHOLD,
               .iou_threshold = EVAL_IOU,
               .max_detections = EVAL_DETECTIONS },
};

static const CliOption options[] = {
    { "images", 'i', CLI_PATH, &o.images, "DIR", "The folder with the pictures", "Data" },
    { "annotations", 'a', CLI_PATH, &o.annotations, "FILE",
      "What is on them: COCO's instances_*.json", "Data" },
    { "max-images", 0, CLI_INT, &o.max_images, "N", "Only the first N pictures", "Data", 1,
      G_MAXINT },
    { "detections", 0, CLI_PATH, &o.detections, "FILE",
      "Scores these COCO results (.json) instead of running a model", "Data" },
    MODEL_OPTION (o.model),
    DEVICE_OPTION (o.model),
    SELECTION_OPTIONS (o.model, "0.01", "0.7", "100"),
    INTAKE_OPTIONS (o.model),
    { "per-class", 0, CLI_FLAG, &o.per_class, NULL, "Also a table of all categories", "Output" },
    { "save-detections", 0, CLI_PATH, &o.save, "FILE", "Writes what was found as COCO results",
      "Output" },
    { "json", 0, CLI_FLAG, &o.json, NULL, "Prints one JSON object instead of text", "Output" },
    { "quiet", 'q', CLI_FLAG, &o.quiet, NULL, "No progress", "Output" },
    CLI_END,
};

static const CliExample examples[] = {
    { "fovea eval coco -m yolox_nano.onnx --images val2017 --annotations instances_val2017.json",
      "Prints AP and AP50, in percent." },
    { "fovea eval coco --detections results.json --annotations instances_val2017.json",
      "Scores what another program found." },
    { NULL, NULL },
};

/* ---- printing -------------------------------------------------------------- */

static void
print_percent (const char *name, double value, const char *what)
{
    if (isnan (value))
        printf ("%-10s   -   %s\n", name, what);
    else
        printf ("%-10s %5.1f  %s\n", name, value, what);
}

static void
print_classes (const FovData *data, FovCocoEval *eval)
{
    g_autoptr (Table) table = table_new ("lrr", 0);

    table_add (table, "category", "AP", "AP50");
    for (guint i = 0; i < fov_data_n_classes (data); i++) {
        double ap50, ap = fov_coco_eval_category (eval, (int) i, &ap50);
        if (isnan (ap))
            continue;
        table_cell (table, "%s", fov_data_class (data, i));
        table_cell (table, "%.1f", ap);
        table_cell (table, "%.1f", ap50);
    }
    table_print (table, stdout);
    printf ("\n");
}

static guint
count_objects (const FovData *data)
{
    guint n = 0;

    for (guint i = 0; i < fov_data_length (data); i++)
        n += fov_data_sample (data, i)->n_objects;
    return n;
}

static void
print_summary (const FovData *data, const FovCocoSummary *s)
{
    printf ("%u images, %u objects of %u categories\n", fov_data_length (data),
            count_objects (data), s->n_categories);
    print_percent ("AP", s->ap, "IoU 0.50 to 0.95, 100 detections an image");
    print_percent ("AP50", s->ap50, "IoU 0.50");
    print_percent ("AP75", s->ap75, "IoU 0.75");
    print_percent ("AP small", s->ap_small, "area below 32 x 32 pixels");
    print_percent ("AP medium", s->ap_medium, "between");
    print_percent ("AP large", s->ap_large, "area above 96 x 96 pixels");
    print_percent ("AR", s->ar100, "average recall, 100 detections an image");
    printf ("AP %.2f AP50 %.2f\n", s->ap, s->ap50);
}

static void
print_json (const FovData *data, FovCocoEval *eval, const FovCocoSummary *s)
{
    g_autoptr (JsonBuilder) b = json_builder_new ();
    g_autofree char *line = NULL;

    json_builder_begin_object (b);
    json_add_int (b, "images", fov_data_length (data));
    json_add_int (b, "objects", count_objects (data));
    json_add_int (b, "categories", s->n_categories);
    json_add_number (b, "ap", s->ap);
    json_add_number (b, "ap50", s->ap50);
    json_add_number (b, "ap75", s->ap75);
    json_add_number (b, "ap_small", s->ap_small);
    json_add_number (b, "ap_medium", s->ap_medium);
    json_add_number (b, "ap_large", s->ap_large);
    json_add_number (b, "ar100", s->ar100);
    json_builder_set_member_name (b, "per_class");
    json_builder_begin_array (b);
    for (guint i = 0; o.per_class && i < fov_data_n_classes (data); i++) {
        double ap50, ap = fov_coco_eval_category (eval, (int) i, &ap50);
        json_builder_begin_object (b);
        json_add_int (b, "id", fov_data_class_id (data, i));
        json_add_text (b, "name", fov_data_class (data, i));
        json_add_number (b, "ap", ap);
        json_add_number (b, "ap50", ap50);
        json_builder_end_object (b);
    }
    json_builder_end_array (b);
    json_builder_end_object (b);
    line = json_line (b);
    printf ("%s\n", line);
}

static void
score (const FovData *data, const GPtrArray *found)
{
    g_autoptr (FovCocoEval) eval = fov_coco_eval_new ();
    g_autoptr (GArray) truths = g_array_new (FALSE, FALSE, sizeof (FovCocoTruth));
    FovCocoSummary summary;

    for (guint i = 0; i < found->len; i++) {
        const FovSample *s = fov_data_sample (data, i);
        const GArray *of = found->pdata[i];
        g_array_set_size (truths, 0);
        for (guint k = 0; k < s->n_objects; k++) {
            const FovDataObject *object = &s->objects[k];
            const double area = object->area > 0 ? object->area : fov_box_area (object->box);
            const FovCocoTruth truth = { object->box, area, object->label, object->ignore };
            g_array_append_val (truths, truth);
        }
        fov_coco_eval_add (eval, (const FovCocoTruth *) (const void *) truths->data, truths->len,
                           (const FovDetection *) (const void *) of->data, of->len);
    }
    fov_coco_eval_summarize (eval, &summary);
    if (o.json) {
        print_json (data, eval, &summary);
        return;
    }
    if (o.per_class)
        print_classes (data, eval);
    print_summary (data, &summary);
}

/* ---- the command ----------------------------------------------------------- */

static int
check_usage (char **args, GError **error)
{
    if (args[0])
        return cli_usage_error (error, "'%s' is too much: expected options only, such as --model",
                                args[0]);
    if (!o.annotations)
        return cli_usage_error (error,
                                "--annotations is missing: expected COCO's instances_*.json");
    if (o.detections && o.model.model)
        return cli_usage_error (error, "--detections and --model exclude each other");
    if (!o.detections && !o.images)
        return cli_usage_error (error, "--images is missing: expected the folder of the pictures");
    if (!o.detections && !o.model.model)
        return cli_usage_error (error, MODEL_MISSING " (or --detections)");
    return 0;
}

static int
run (char **args, GError **error)
{
    g_autoptr (FovData) data = NULL;
    g_autoptr (GPtrArray) found = NULL;
    gboolean ok = TRUE;

    if (check_usage (args, error) < 0)
        return -1;
    interrupt_catch ();
    data = fov_data_open (o.annotations,
                          &(FovDataParams){ .format = FOV_DATA_COCO,
                                            .pictures = o.images,
                                            .most = (guint) o.max_images,
                                            .as_written = TRUE },
                          error);
    if (!data)
        return -1;
    if (o.detections) {
        found = fov_data_read_detections (data, o.detections, error);
        ok = found != NULL;
    } else {
        found = coco_new_found (data);
        ok = eval_run_model (&o, data, found, error);
    }
    if (ok && o.save)
        ok = coco_save_found (data, found, o.save, error);
    if (ok)
        score (data, found);
    return ok ? CLI_OK : -1;
}

const CliCommand command_eval_coco = {
    .name = "eval coco",
    .args = "--annotations FILE ",
    .summary = "Measures how well a model detects, with COCO's metric.",
    .text = "Runs the model on the pictures and compares with the annotations: average precision "
            "over IoU 0.50 to 0.95 (AP) and at 0.50 (AP50), in percent, by COCO's rules. A class "
            "is matched to the category of its name; where the names differ, by position. The last "
            "line is \"AP x AP50 y\".",
    .examples = examples,
    .options = options,
    .run = run,
};

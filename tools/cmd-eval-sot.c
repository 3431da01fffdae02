/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fovea eval sot: how well one object is followed from its box in the first
 * picture.
 */
#include "commands.h"
#include "print.h"
#include "sot-data.h"

static char **only, *results;
static gboolean json;

static const CliOption options[] = {
    { "results", 'r', CLI_PATH, &results, "RESULTS",
      "The files to score: RESULTS/SEQUENCE.txt, a row a frame", "Data" },
    { "sequence", 0, CLI_TEXTS, &only, "NAME", "Only this sequence; may be given several times",
      "Data" },
    { "json", 0, CLI_FLAG, &json, NULL, "Prints one JSON object instead of text", "Output" },
    CLI_END,
};

static const CliExample examples[] = {
    { "fovea eval sot --results boxes/ OTB100", "Scores the files that another tracker wrote." },
    { NULL, NULL },
};

/* One row of the outcome. */
typedef struct {
    const char *name;
    FovSotScores scores;
} Outcome;

/* ---- printing ------------------------------------------------------------------- */

static void
print_text (const Outcome *outcomes, guint n)
{
    int width = 0;

    for (guint i = 0; i + 1 < n; i++)
        width = MAX (width, (int) g_utf8_strlen (outcomes[i].name, -1));
    for (guint i = 0; i < n; i++) {
        const FovSotScores *s = &outcomes[i].scores;
        printf ("%-*s AUC %.1f P20 %.1f NP %.1f SR50 %.1f", i + 1 < n ? width : 0, outcomes[i].name,
                s->auc, s->precision, s->norm_precision, s->success);
        if (i + 1 < n)
            printf (" frames %u", s->n_frames);
        printf ("\n");
    }
}

static void
json_outcome (JsonBuilder *b, const Outcome *o)
{
    json_builder_begin_object (b);
    json_add_text (b, "name", o->name);
    json_add_number (b, "auc", o->scores.auc);
    json_add_number (b, "precision_20", o->scores.precision);
    json_add_number (b, "norm_precision", o->scores.norm_precision);
    json_add_number (b, "success_50", o->scores.success);
    json_add_int (b, "frames", o->scores.n_frames);
    json_builder_end_object (b);
}

static void
print_json (const Outcome *outcomes, guint n)
{
    g_autoptr (JsonBuilder) b = json_builder_new ();
    g_autofree char *line = NULL;

    json_builder_begin_object (b);
    json_builder_set_member_name (b, "sequences");
    json_builder_begin_array (b);
    for (guint i = 0; i + 1 < n; i++)
        json_outcome (b, &outcomes[i]);
    json_builder_end_array (b);
    json_builder_set_member_name (b, "mean");
    json_outcome (b, &outcomes[n - 1]);
    json_builder_end_object (b);
    line = json_line (b);
    printf ("%s\n", line);
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
}

static gboolean
evaluate (const SotSequence *s, Outcome *outcome, GError **error)
{
    g_autoptr (GArray) boxes = sot_data_results (s, results, error);

    outcome->name = s->name;
    if (!boxes)
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
    Outcome *mean = &outcomes[sequences->len];

    mean->name = "MEAN";
    for (guint i = 0; i < sequences->len; i++) {
        if (!evaluate (sequences->pdata[i], &outcomes[i], error))
            return FALSE;
        add_to_mean (mean, &outcomes[i], sequences->len);
    }
    if (json)
        print_json (outcomes, sequences->len + 1);
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
    if (!results)
        return cli_usage_error (error, "--results is missing: expected a folder of boxes");
    return 0;
}

static int
run (char **args, GError **error)
{
    g_autoptr (GPtrArray) sequences = NULL;

    if (check_usage (args, error) < 0)
        return -1;
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

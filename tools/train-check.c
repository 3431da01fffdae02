/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which options a run has a use for: one that does nothing would be taken for one that works. */
#include "cli.h"
#include "train.h"

#include <string.h>

static const struct {
    TrainGoal goal;
    const char *name;
} goals[] = {
    { TRAIN_CLASSES, "classes" }, { TRAIN_TAGS, "tags" },       { TRAIN_MASKS, "masks" },
    { TRAIN_TEXTS, "texts" },     { TRAIN_VECTORS, "vectors" }, { TRAIN_BOXES, "boxes" },
};

static char *
join_goals (guint set)
{
    GString *text = g_string_new (NULL);

    for (guint i = 0; i < G_N_ELEMENTS (goals); i++) {
        if (!(set & goals[i].goal))
            continue;
        set &= ~(guint) goals[i].goal;
        g_string_append_printf (text, "%s%s",
                                text->len == 0 ? ""
                                : set          ? ", "
                                               : " and ",
                                goals[i].name);
    }
    return g_string_free (text, FALSE);
}

static gboolean
has_dropout (const char *recipe)
{
    return !recipe || g_str_has_prefix (recipe, "residual") ||
           g_str_has_prefix (recipe, "depthwise") || g_str_has_prefix (recipe, "embedding");
}

static gboolean
check_learning (const TrainOptions *o, TrainGoal goal, GError **error)
{
    if (goal == TRAIN_VECTORS && o->batch && o->batch < 8)
        return cli_usage_error (error,
                                "--batch is %d, but a batch of vectors has four pictures of each "
                                "of its things: expected at least 8, for two of them",
                                o->batch) > 0;
    if (o->anchors && g_str_equal (o->anchors, "auto") && !o->model)
        return cli_usage_error (error, "--anchors auto is for an SSD that --model names") > 0;
    if (o->focal && o->label_smoothing > 0)
        return cli_usage_error (error, "--focal and --label-smoothing exclude each other") > 0;
    if (o->dropout > 0 && (o->model || !has_dropout (o->recipe)))
        return cli_usage_error (
                   error,
                   "--dropout goes into the recipes residual, depthwise and embedding, "
                   "not into %s",
                   o->model ? "a model" : o->recipe) > 0;
    return TRUE;
}

gboolean
train_check_options (const TrainOptions *o, TrainGoal goal, GError **error)
{
    const guint tasks = TRAIN_TAGS | TRAIN_MASKS | TRAIN_TEXTS | TRAIN_VECTORS;
    const struct {
        const char *name;
        gboolean given;
        guint goals;
    } uses[] = {
        { "class-weights", o->class_weights != NULL, TRAIN_CLASSES | TRAIN_TAGS | TRAIN_MASKS },
        { "focal", o->focal != NULL, TRAIN_CLASSES | TRAIN_TAGS | TRAIN_MASKS },
        { "label-smoothing", o->label_smoothing > 0, TRAIN_CLASSES | TRAIN_MASKS },
        { "smote", o->smote, TRAIN_CLASSES },
        { "dropout", o->dropout > 0, TRAIN_CLASSES | TRAIN_TAGS | TRAIN_VECTORS },
        { "balance", o->balance > 0, TRAIN_CLASSES | TRAIN_TAGS | TRAIN_BOXES },
        { "classes", o->classes > 0, TRAIN_MASKS },
        { "width", o->width > 0, TRAIN_TEXTS },
        { "vector", o->vector > 0, TRAIN_VECTORS },
        { "images", o->images != NULL, TRAIN_MASKS | TRAIN_BOXES },
        { "valid-annotations", o->valid_annotations != NULL, TRAIN_BOXES },
        { "valid-images", o->valid_images != NULL, TRAIN_BOXES },
        { "max-images", o->max_images > 0, TRAIN_BOXES },
        { "head", o->head != NULL, TRAIN_BOXES },
        { "anchors", o->anchors != NULL, TRAIN_BOXES },
        { "decoder", o->decoder != NULL, TRAIN_BOXES },
        { "unfold", o->unfold != NULL, TRAIN_CLASSES | TRAIN_BOXES },
        { "recalibrate", o->recalibrate, TRAIN_CLASSES | TRAIN_BOXES },
        { "frozen-norms", o->frozen_norms, TRAIN_CLASSES | TRAIN_BOXES },
        { "task", o->task != NULL, TRAIN_CLASSES | tasks },
    };

    for (guint i = 0; i < G_N_ELEMENTS (uses); i++) {
        g_autofree char *can = NULL, *found = NULL;
        if (!uses[i].given || (uses[i].goals & goal))
            continue;
        can = join_goals (uses[i].goals);
        found = join_goals (goal);
        return cli_usage_error (error,
                                "--%s is for %s, but this run learns %s (by DATA, --recipe or "
                                "--task)",
                                uses[i].name, can, found) > 0;
    }
    return check_learning (o, goal, error);
}

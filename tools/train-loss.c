/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How much each class counts. */
#include "train.h"

#include <math.h>
#include <string.h>

/* "A,B,...": float; NULL: error set. */
static GArray *
parse_numbers (const char *option, const char *text, GError **error)
{
    g_auto (GStrv) parts = g_strsplit (text, ",", -1);
    g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (float));

    for (char **part = parts; *part; part++) {
        char *end = *part;
        const float v = (float) g_ascii_strtod (*part, &end);
        if (end == *part || *end || !isfinite (v) || v < 0) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                         "--%s %s: '%s' is not a number of 0 or more", option, text, *part);
            return NULL;
        }
        g_array_append_val (numbers, v);
    }
    return g_steal_pointer (&numbers);
}

static char *
join_names (const GPtrArray *names)
{
    GString *text = g_string_new (NULL);

    for (guint i = 0; i < names->len && i < 10; i++)
        g_string_append_printf (text, "%s%s", i ? ", " : "", (char *) names->pdata[i]);
    return g_string_free (g_string_append (text, names->len > 10 ? ", ..." : ""), FALSE);
}

/* ---- weights ------------------------------------------------------------------ */

/* So that all classes count alike altogether (with one label or none: yes and no). */
static float *
even_weights (const double *counts, guint n, double total, gboolean yes_or_no)
{
    float *weights = g_new (float, n);

    for (guint i = 0; i < n; i++)
        weights[i] = counts[i] <= 0 ? 0
                     : yes_or_no    ? (float) (fmax (total - counts[i], 1) / counts[i])
                                    : (float) (total / (n * counts[i]));
    return weights;
}

static gboolean
is_zero (const GArray *numbers)
{
    for (guint i = 0; i < numbers->len; i++)
        if (g_array_index (numbers, float, i) > 0)
            return FALSE;
    return TRUE;
}

static float *
given_weights (const char *text, const GPtrArray *names, GError **error)
{
    g_autoptr (GArray) numbers = parse_numbers ("class-weights", text, error);
    g_autofree char *list = NULL;

    if (!numbers)
        return NULL;
    if (numbers->len == names->len && is_zero (numbers)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "--class-weights %s: nothing would be learned, expected a number above 0",
                     text);
        return NULL;
    }
    if (numbers->len == names->len)
        return (float *) (gpointer) g_array_free (g_steal_pointer (&numbers), FALSE);
    list = join_names (names);
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "--class-weights has %u numbers, expected one for each of %u classes: %s",
                 numbers->len, names->len, list);
    return NULL;
}

static void
use_weights (FovTrainerParams *params, const float *weights, guint n, gboolean yes_or_no)
{
    if (yes_or_no)
        params->positive_weights = weights;
    else
        params->class_weights = weights;
    params->n_class_weights = n;
}

/* ---- focal loss -------------------------------------------------------------------- */

/* GAMMA, or GAMMA and ALPHA. */
static GArray *
parse_focal (const TrainOptions *o, GError **error)
{
    g_autoptr (GArray) numbers = parse_numbers ("focal", o->focal, error);
    const float *v = numbers ? (const float *) (gpointer) numbers->data : NULL;

    if (!numbers)
        return NULL;
    if (numbers->len <= 2 && v[0] > 0 && v[0] <= 10 && (numbers->len < 2 || (v[1] > 0 && v[1] < 1)))
        return g_steal_pointer (&numbers);
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "--focal is '%s', expected GAMMA above 0, up to 10, or GAMMA,ALPHA with ALPHA "
                 "between 0 and 1",
                 o->focal);
    return NULL;
}

/* Lin et al. 2017: alpha of the rare one, 1 - alpha of the other. */
static gboolean
set_focal (const TrainOptions *o, const GPtrArray *names, const double *counts,
           FovTrainerParams *params, float **weights, gboolean yes_or_no, GError **error)
{
    g_autoptr (GArray) numbers = parse_focal (o, error);
    const gboolean alpha = numbers && numbers->len == 2;

    if (!numbers)
        return FALSE;
    if (o->class_weights && (alpha || yes_or_no)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "--class-weights and the ALPHA of --focal%s exclude each other",
                     yes_or_no ? " (tags have it in place of weights)" : "");
        return FALSE;
    }
    if (alpha && !yes_or_no && names->len != 2) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "--focal %s: ALPHA is of two classes, but there are %u; expected GAMMA alone, "
                     "with --class-weights auto",
                     o->focal, names->len);
        return FALSE;
    }
    params->focal_gamma = g_array_index (numbers, float, 0);
    params->focal_alpha = alpha ? g_array_index (numbers, float, 1) : -1;
    if (yes_or_no) {
        params->loss = FOV_LOSS_FOCAL;
    } else if (alpha) {
        const guint rare = counts[1] <= counts[0];
        *weights = g_new (float, 2);
        (*weights)[rare] = params->focal_alpha;
        (*weights)[!rare] = 1 - params->focal_alpha;
        use_weights (params, *weights, 2, FALSE);
    }
    return TRUE;
}

gboolean
train_set_loss (const TrainOptions *o, const GPtrArray *names, const double *counts, double total,
                FovTrainerParams *params, float **weights, GError **error)
{
    const gboolean yes_or_no = params->loss == FOV_LOSS_BCE;

    *weights = NULL;
    params->label_smoothing = (float) o->label_smoothing;
    if (o->class_weights) {
        *weights = g_str_equal (o->class_weights, "auto")
                       ? even_weights (counts, names->len, total, yes_or_no)
                       : given_weights (o->class_weights, names, error);
        if (!*weights)
            return FALSE;
        use_weights (params, *weights, names->len, yes_or_no);
    }
    return !o->focal || set_focal (o, names, counts, params, weights, yes_or_no, error);
}

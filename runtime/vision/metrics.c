/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fovea/metrics.h>
#include "vision/overlap.h"

#include <math.h>
#include <string.h>

#define N_IOU 10
#define N_RECALL 101
#define MAX_PER_IMAGE 100

typedef enum { RANGE_ALL, RANGE_SMALL, RANGE_MEDIUM, RANGE_LARGE, N_RANGES } AreaRange;

/* Square pixels, both ends inclusive. */
static const double area_range[N_RANGES][2] = {
    { 0, 1e10 }, { 0, 32 * 32 }, { 32 * 32, 96 * 96 }, { 96 * 96, 1e10 }
};

typedef struct {
    FovBox box;
    double area;
    gboolean crowd;
    guint image;
} Truth;

typedef struct {
    FovBox box;
    double area;
    float score;
    guint image;
} Found;

/* Truths and detections of one category; in the order of their images. */
typedef struct {
    GArray *truths;
    GArray *found;
} Category;

struct _FovCocoEval {
    GTree *categories; /* by id, so that sums run in one order whatever was added first */
    guint n_images;
};

/* What matching made of one detection: one bit for each IoU threshold. */
typedef struct {
    float score;
    guint16 matched;
    guint16 ignored;
} Outcome;

typedef struct {
    double ap[N_IOU];
    double recall[N_IOU];
    gboolean any; /* FALSE: no truth in this range, nothing to measure */
} Figures;

/* Scratch of matching one image, reused for all. */
typedef struct {
    GArray *found;   /* const Found *, best first */
    GArray *truths;  /* const Truth *, ignored ones last */
    GArray *iou;     /* double [found][truths] */
    GArray *taken;   /* guint16 bits for each truth */
    guint n_counted; /* truths that are not ignored */
} Scratch;

/* Against a crowd region it is the part of the detection that lies inside. */
static double
overlap (const Found *found, const Truth *truth)
{
    double truth_area = fov_exact_area (truth->box);
    if (found->area == 0 || truth_area == 0)
        return 0.0;
    double inter = fov_exact_intersection (found->box, truth->box);
    return inter / (truth->crowd ? found->area : found->area + truth_area - inter);
}

static double
iou_threshold (int t)
{
    return t == N_IOU - 1 ? 0.95 : 0.5 + t * ((0.95 - 0.5) / (N_IOU - 1));
}

static gboolean
out_of_range (double area, AreaRange range)
{
    return area < area_range[range][0] || area > area_range[range][1];
}

static void
category_free (gpointer data)
{
    Category *category = data;
    g_array_unref (category->truths);
    g_array_unref (category->found);
    g_free (category);
}

static int
compare_ids (gconstpointer a, gconstpointer b, gpointer user)
{
    int x = GPOINTER_TO_INT (a), y = GPOINTER_TO_INT (b);
    return (x > y) - (x < y);
}

FovCocoEval *
fov_coco_eval_new (void)
{
    FovCocoEval *eval = g_new0 (FovCocoEval, 1);
    eval->categories = g_tree_new_full (compare_ids, NULL, NULL, category_free);
    return eval;
}

void
fov_coco_eval_free (FovCocoEval *eval)
{
    if (!eval)
        return;
    g_tree_unref (eval->categories);
    g_free (eval);
}

static Category *
category_of (FovCocoEval *eval, int id)
{
    Category *category = g_tree_lookup (eval->categories, GINT_TO_POINTER (id));
    if (!category) {
        category = g_new0 (Category, 1);
        category->truths = g_array_new (FALSE, FALSE, sizeof (Truth));
        category->found = g_array_new (FALSE, FALSE, sizeof (Found));
        g_tree_insert (eval->categories, GINT_TO_POINTER (id), category);
    }
    return category;
}

void
fov_coco_eval_add (FovCocoEval *eval, const FovCocoTruth *truths, guint n_truths,
                   const FovDetection *detections, guint n_detections)
{
    for (guint i = 0; i < n_truths; i++) {
        const FovCocoTruth *t = &truths[i];
        Truth truth = { t->box, t->area, t->crowd, eval->n_images };
        g_array_append_val (category_of (eval, t->category)->truths, truth);
    }
    for (guint i = 0; i < n_detections; i++) {
        const FovDetection *d = &detections[i];
        Found found = { d->box, fov_exact_area (d->box), d->score, eval->n_images };
        if (isfinite (d->score))
            g_array_append_val (category_of (eval, d->label)->found, found);
    }
    eval->n_images++;
}

static int
by_score (gconstpointer a, gconstpointer b)
{
    const Found *x = *(const Found *const *) a, *y = *(const Found *const *) b;
    return (x->score < y->score) - (x->score > y->score);
}

static int
by_outcome_score (gconstpointer a, gconstpointer b)
{
    const Outcome *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

/* One image's part of the category; n_truth and n_found move past it. */
static void
gather (const Category *category, guint image, AreaRange range, guint *n_truth, guint *n_found,
        Scratch *s)
{
    guint first = *n_truth;

    g_array_set_size (s->truths, 0);
    g_array_set_size (s->found, 0);
    for (int ignored = 0; ignored < 2; ignored++) {
        guint i = first;
        for (; i < category->truths->len; i++) {
            const Truth *truth = &g_array_index (category->truths, Truth, i);
            if (truth->image != image)
                break;
            if ((truth->crowd || out_of_range (truth->area, range)) == (ignored == 1))
                g_array_append_val (s->truths, truth);
        }
        *n_truth = i;
        if (!ignored)
            s->n_counted = s->truths->len;
    }
    for (; *n_found < category->found->len; (*n_found)++) {
        const Found *found = &g_array_index (category->found, Found, *n_found);
        if (found->image != image)
            break;
        g_array_append_val (s->found, found);
    }
    g_array_sort (s->found, by_score);
    g_array_set_size (s->found, MIN (s->found->len, MAX_PER_IMAGE));
}

/*
 * The truth that a detection takes at one threshold, or -1: the free one of
 * best overlap, an ignored one only where no other fits; the later of equals.
 */
static int
best_truth (const Scratch *s, const double *iou, int t)
{
    double best = MIN (iou_threshold (t), 1 - 1e-10);
    int taken = -1;

    for (guint g = 0; g < s->truths->len; g++) {
        gboolean crowd = g_array_index (s->truths, const Truth *, g)->crowd;
        if (g_array_index (s->taken, guint16, g) >> t & 1 && !crowd)
            continue;
        if (taken >= 0 && (guint) taken < s->n_counted && g >= s->n_counted)
            break;
        if (iou[g] < best)
            continue;
        best = iou[g];
        taken = (int) g;
    }
    return taken;
}

static void
match_image (Scratch *s, AreaRange range, GArray *outcomes)
{
    guint n = s->truths->len;

    g_array_set_size (s->taken, 0);
    g_array_set_size (s->taken, n);
    g_array_set_size (s->iou, n);
    double *iou = (double *) (void *) s->iou->data;
    for (guint d = 0; d < s->found->len; d++) {
        const Found *found = g_array_index (s->found, const Found *, d);
        Outcome outcome = { .score = found->score };
        for (guint g = 0; g < n; g++)
            iou[g] = overlap (found, g_array_index (s->truths, const Truth *, g));
        for (int t = 0; t < N_IOU; t++) {
            int taken = best_truth (s, iou, t);
            guint16 bit = (guint16) (1u << t);
            if (taken >= 0) {
                outcome.matched |= bit;
                g_array_index (s->taken, guint16, taken) |= bit;
            }
            if (taken >= 0 ? (guint) taken >= s->n_counted : out_of_range (found->area, range))
                outcome.ignored |= bit;
        }
        g_array_append_val (outcomes, outcome);
    }
}

/*
 * Precision at 101 recall points, each the best at that recall or a higher one
 * (PASCAL VOC's interpolation, with COCO's number of points).
 */
static double
interpolate (const double *recall, double *precision, guint n)
{
    double sum = 0;
    guint i = 0;

    for (guint k = n; k-- > 1;)
        precision[k - 1] = MAX (precision[k - 1], precision[k]);
    for (int r = 0; r < N_RECALL; r++) {
        double point = r == N_RECALL - 1 ? 1.0 : r * 0.01;
        while (i < n && recall[i] < point)
            i++;
        if (i == n)
            break;
        sum += precision[i];
    }
    return sum / N_RECALL;
}

static void
measure (GArray *outcomes, guint n_truths, Figures *figures)
{
    g_autofree double *recall = g_new (double, outcomes->len + 1);
    g_autofree double *precision = g_new (double, outcomes->len + 1);

    for (int t = 0; t < N_IOU; t++) {
        guint hits = 0, misses = 0, n = 0;
        for (guint i = 0; i < outcomes->len; i++) {
            const Outcome *o = &g_array_index (outcomes, Outcome, i);
            if (o->ignored >> t & 1)
                continue;
            if (o->matched >> t & 1)
                hits++;
            else
                misses++;
            recall[n] = (double) hits / n_truths;
            precision[n++] = (double) hits / (hits + misses);
        }
        figures->recall[t] = n > 0 ? recall[n - 1] : 0.0;
        figures->ap[t] = interpolate (recall, precision, n);
    }
}

static Figures
evaluate (const Category *category, AreaRange range, guint n_images)
{
    g_autoptr (GArray) outcomes = g_array_new (FALSE, FALSE, sizeof (Outcome));
    Scratch s = { .found = g_array_new (FALSE, FALSE, sizeof (Found *)),
                  .truths = g_array_new (FALSE, FALSE, sizeof (Truth *)),
                  .iou = g_array_new (FALSE, FALSE, sizeof (double)),
                  .taken = g_array_new (FALSE, TRUE, sizeof (guint16)) };
    Figures figures = { 0 };
    guint n_truth = 0, n_found = 0, n_counted = 0;

    for (guint image = 0; image < n_images; image++) {
        gather (category, image, range, &n_truth, &n_found, &s);
        n_counted += s.n_counted;
        match_image (&s, range, outcomes);
    }
    if (n_counted > 0) {
        figures.any = TRUE;
        g_array_sort (outcomes, by_outcome_score);
        measure (outcomes, n_counted, &figures);
    }
    g_array_unref (s.found);
    g_array_unref (s.truths);
    g_array_unref (s.iou);
    g_array_unref (s.taken);
    return figures;
}

static double
percent_mean (const double *values)
{
    double sum = 0;
    for (int t = 0; t < N_IOU; t++)
        sum += values[t];
    return 100.0 * sum / N_IOU;
}

typedef struct {
    const FovCocoEval *eval;
    double ap[N_RANGES], ap50, ap75, recall;
    guint n[N_RANGES];
} Sums;

static gboolean
add_category (gpointer key, gpointer value, gpointer user)
{
    Sums *sums = user;
    for (int range = 0; range < N_RANGES; range++) {
        Figures f = evaluate (value, range, sums->eval->n_images);
        if (!f.any)
            continue;
        sums->n[range]++;
        sums->ap[range] += percent_mean (f.ap);
        if (range == RANGE_ALL) {
            sums->ap50 += 100.0 * f.ap[0];
            sums->ap75 += 100.0 * f.ap[5];
            sums->recall += percent_mean (f.recall);
        }
    }
    return FALSE;
}

static double
mean (double sum, guint n)
{
    return n > 0 ? sum / n : NAN;
}

void
fov_coco_eval_summarize (FovCocoEval *eval, FovCocoSummary *summary)
{
    Sums sums = { .eval = eval };
    g_tree_foreach (eval->categories, add_category, &sums);

    guint n = sums.n[RANGE_ALL];
    *summary = (FovCocoSummary){
        .ap = mean (sums.ap[RANGE_ALL], n),
        .ap50 = mean (sums.ap50, n),
        .ap75 = mean (sums.ap75, n),
        .ap_small = mean (sums.ap[RANGE_SMALL], sums.n[RANGE_SMALL]),
        .ap_medium = mean (sums.ap[RANGE_MEDIUM], sums.n[RANGE_MEDIUM]),
        .ap_large = mean (sums.ap[RANGE_LARGE], sums.n[RANGE_LARGE]),
        .ar100 = mean (sums.recall, n),
        .n_categories = n,
    };
}

double
fov_coco_eval_category (FovCocoEval *eval, int category, double *ap50)
{
    Category *found = g_tree_lookup (eval->categories, GINT_TO_POINTER (category));
    Figures f = { 0 };
    if (found)
        f = evaluate (found, RANGE_ALL, eval->n_images);
    if (ap50)
        *ap50 = f.any ? 100.0 * f.ap[0] : NAN;
    return f.any ? percent_mean (f.ap) : NAN;
}

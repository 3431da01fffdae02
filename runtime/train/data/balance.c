/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rare classes against common ones: seen more often, weighed more, or made up. */
#include "train/data/data-private.h"

#include "vision/random.h"

#include <math.h>
#include <string.h>

enum { STREAM_SMOTE = 0x530e };

void
fov_data_repeat_factors (const FovData *data, double power, double *factors)
{
    const guint n_classes = fov_data_n_classes (data);
    g_autofree guint64 *counts = g_new (guint64, n_classes + 1);
    guint64 most = 0;

    fov_data_count (data, counts);
    for (guint c = 0; c < n_classes; c++)
        most = MAX (most, counts[c]);
    for (guint i = 0; i < fov_data_length (data); i++) {
        const FovSample *s = fov_data_sample (data, i);
        guint64 least = most;
        for (guint k = 0; k < s->n_objects; k++)
            if (!s->objects[k].ignore)
                least = MIN (least, counts[s->objects[k].label]);
        for (guint k = 0; k < s->n_classes; k++)
            least = MIN (least, counts[s->classes[k]]);
        factors[i] = least ? pow ((double) most / (double) least, MAX (power, 0)) : 1;
    }
}

void
fov_data_class_weights (const FovData *data, double power, float *weights)
{
    const guint n_classes = fov_data_n_classes (data);
    g_autofree guint64 *counts = g_new (guint64, n_classes + 1);
    double sum = 0, total = 0;

    fov_data_count (data, counts);
    for (guint c = 0; c < n_classes; c++) {
        total += (double) counts[c];
        sum += counts[c] ? pow ((double) counts[c], 1 - power) : 0;
    }
    for (guint c = 0; c < n_classes; c++)
        weights[c] = counts[c] ? (float) (pow ((double) counts[c], -power) * total / sum) : 0;
}

/* ---- SMOTE --------------------------------------------------------------------- */

typedef struct {
    double distance;
    guint index;
} Near;

typedef struct {
    const float *features;
    guint n_features, k;
    GArray *new_features, *new_labels;
    FovRandom random;
} Smote;

static int
nearer (gconstpointer a, gconstpointer b)
{
    const Near *x = a, *y = b;

    if (x->distance != y->distance)
        return x->distance > y->distance ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

static double
distance (const Smote *s, guint a, guint b)
{
    const float *x = s->features + (gsize) a * s->n_features;
    const float *y = s->features + (gsize) b * s->n_features;
    double sum = 0;

    for (guint i = 0; i < s->n_features; i++) {
        const double d = (double) x[i] - (double) y[i];
        sum += d * d;
    }
    return sum;
}

/* Neighbours of members[at] among the others, the nearest first. */
static GArray *
neighbours (const Smote *s, const GArray *members, guint at)
{
    GArray *list = g_array_new (FALSE, FALSE, sizeof (Near));
    const guint self = g_array_index (members, guint, at);

    for (guint i = 0; i < members->len; i++) {
        const guint other = g_array_index (members, guint, i);
        const Near near = { i == at ? 0 : distance (s, self, other), other };
        if (i != at)
            g_array_append_val (list, near);
    }
    g_array_sort (list, nearer);
    return list;
}

static void
make_between (Smote *s, guint a, guint b, gint64 label)
{
    const float *x = s->features + (gsize) a * s->n_features;
    const float *y = s->features + (gsize) b * s->n_features;
    const float at = (float) fov_random_unit (&s->random);

    for (guint i = 0; i < s->n_features; i++) {
        const float v = x[i] + at * (y[i] - x[i]);
        g_array_append_val (s->new_features, v);
    }
    g_array_append_val (s->new_labels, label);
}

/* Members take turns, so that each gets as many new ones as any other, give or take one. */
static void
fill_class (Smote *s, const GArray *members, gint64 label, guint wanted)
{
    for (guint at = 0; at < MIN (members->len, wanted); at++) {
        const guint self = g_array_index (members, guint, at);
        g_autoptr (GArray) near = neighbours (s, members, at);
        const guint n = MIN (near->len, s->k);
        for (guint made = at; made < wanted; made += members->len) {
            const guint pick = n ? fov_random_below (&s->random, n) : 0;
            make_between (s, self, n ? g_array_index (near, Near, pick).index : self, label);
        }
    }
}

static gboolean
check_smote (const Smote *s, const gint64 *labels, guint n, guint n_classes, GError **error)
{
    for (guint i = 0; i < n; i++) {
        if (labels[i] < 0 || labels[i] >= n_classes) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                         "label %u is %" G_GINT64_FORMAT ", expected 0..%d", i, labels[i],
                         (int) n_classes - 1);
            return FALSE;
        }
        for (guint k = 0; k < s->n_features; k++)
            if (!isfinite (s->features[(gsize) i * s->n_features + k])) {
                g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                             "feature %u of vector %u is no finite number", k, i);
                return FALSE;
            }
    }
    return TRUE;
}

gboolean
fov_smote (const float *features, const gint64 *labels, guint n, guint n_features, guint n_classes,
           guint n_neighbours, guint64 seed, GArray *new_features, GArray *new_labels,
           GError **error)
{
    Smote s = { features, n_features, n_neighbours ? n_neighbours : 5, new_features, new_labels };
    g_autoptr (GPtrArray) classes = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
    guint most = 0;

    if (!check_smote (&s, labels, n, n_classes, error))
        return FALSE;
    for (guint c = 0; c < n_classes; c++)
        g_ptr_array_add (classes, g_array_new (FALSE, FALSE, sizeof (guint)));
    for (guint i = 0; i < n; i++) {
        GArray *members = classes->pdata[labels[i]];
        g_array_append_val (members, i);
        most = MAX (most, members->len);
    }
    for (guint c = 0; c < n_classes; c++) {
        const GArray *members = classes->pdata[c];
        s.random = fov_random (seed, STREAM_SMOTE, c);
        fill_class (&s, members, c, members->len ? most - members->len : 0);
    }
    return TRUE;
}

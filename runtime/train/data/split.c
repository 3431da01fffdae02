/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Cutting a list in two, videos by time. */
#include "train/data/data-private.h"

#include "vision/random.h"

#include <string.h>

enum { STREAM_SPLIT = 0x5917 };

typedef struct {
    guint index;
    gint64 number;
} Member;

static const char *
base_of (const char *name)
{
    const char *slash = strrchr (name, '/');

    return slash ? slash + 1 : name;
}

gboolean
fov_data_name_frame (const char *name, gsize length, char **video, gint64 *number)
{
    const char *base = base_of (name), *end = name + length, *start = end;

    while (start > base && g_ascii_isdigit (start[-1]))
        start--;
    if (start == end || end - start > 18)
        return FALSE;
    *video = g_strndup (name, (gsize) (start - name));
    *number = g_ascii_strtoll (start, NULL, 10);
    return TRUE;
}

/* The same of a picture's file. */
static gboolean
split_name (const char *name, char **video, gint64 *number)
{
    const char *dot = strrchr (base_of (name), '.');

    return fov_data_name_frame (name, dot ? (gsize) (dot - name) : strlen (name), video, number);
}

static void
add_member (GHashTable *videos, char *video, Member member)
{
    GArray *members = g_hash_table_lookup (videos, video);

    if (!members) {
        members = g_array_new (FALSE, FALSE, sizeof (Member));
        g_hash_table_insert (videos, video, members);
    } else {
        g_free (video);
    }
    g_array_append_val (members, member);
}

static int
by_time (gconstpointer a, gconstpointer b)
{
    const Member *x = a, *y = b;

    if (x->number != y->number)
        return x->number > y->number ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Whether all frames have numbers, and not all the same. */
static gboolean
is_numbered (const GArray *members)
{
    const Member *m = (const Member *) (gconstpointer) members->data;
    gboolean differ = FALSE;

    for (guint i = 0; i < members->len; i++) {
        if (m[i].number < 0)
            return FALSE;
        differ = differ || m[i].number != m[0].number;
    }
    return differ;
}

/* Takes the numbers that end the names; FALSE where one has none. */
static gboolean
number_by_name (const FovData *data, GArray *members)
{
    for (guint i = 0; i < members->len; i++) {
        Member *m = &g_array_index (members, Member, i);
        g_autofree char *video = NULL;
        if (!split_name (fov_data_sample (data, m->index)->name, &video, &m->number))
            return FALSE;
    }
    return is_numbered (members);
}

/* By time. */
static void
sort_video (const FovData *data, GArray *members)
{
    if (!is_numbered (members) && !number_by_name (data, members))
        for (guint i = 0; i < members->len; i++)
            g_array_index (members, Member, i).number = i;
    g_array_sort (members, by_time);
}

typedef struct {
    const FovData *data;
    float share;
    gint64 gap;
    guint64 seed;
    gint8 *side; /* 1: training, 2: validation, 0: neither */
} Cut;

/* How many numbers before the cut are left out: one frame at least, and never the whole beginning
 * but where that was asked for. */
static gint64
gap_of (const Member *m, guint n, guint start, gint64 asked)
{
    const gint64 before = m[start].number - m[0].number,
                 usual = MIN (25, (m[n - 1].number - m[0].number) / 10);

    if (asked < 0)
        return 0;
    return MAX (asked ? asked : MIN (usual, before - 1), m[start].number - m[start - 1].number);
}

/* Where so many other numbers are before; the length: nowhere. */
static guint
behind (const GArray *members, guint numbers)
{
    const Member *m = (const Member *) (gconstpointer) members->data;
    guint i = 0;

    while (++i < members->len)
        if (m[i].number != m[i - 1].number && !--numbers)
            break;
    return i;
}

/* Validation starts at the first frame of the last share; training ends a gap before. FALSE: it
 * has too few frames. */
static gboolean
cut_video (GArray *members, const Cut *cut)
{
    const guint n = members->len;
    const guint n_last = CLAMP ((guint) (n * cut->share + 0.5f), 1, n - 1);
    const Member *m;
    guint least, start = n - n_last;
    gint64 gap;

    sort_video (cut->data, members);
    m = (const Member *) (gconstpointer) members->data;
    least = behind (members, cut->gap < 0 ? 1 : 2);
    if (least == n)
        return FALSE;
    while (start > least && m[start].number == m[start - 1].number)
        start--;
    start = MAX (start, least);
    gap = gap_of (m, n, start, cut->gap);
    for (guint i = 0; i < n; i++) {
        const gint64 before = m[start].number - m[i].number;
        cut->side[m[i].index] = before <= 0 ? 2 : before > gap ? 1 : 0;
    }
    return TRUE;
}

/* What goes to one side whole: a picture, or a video. */
typedef struct {
    GArray *members; /* NULL: the first alone */
    guint first, n;
    guint32 lot;
} Whole;

static int
by_lot (gconstpointer a, gconstpointer b)
{
    const Whole *x = a, *y = b;

    if (x->lot != y->lot)
        return x->lot > y->lot ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

/* The picture's first class, counted from 1; 0: it has none. */
static guint
class_of (const FovData *data, guint index)
{
    const FovSample *s = fov_data_sample (data, index);

    return s->n_classes ? (guint) s->classes[0] + 1 : 0;
}

static void
put_whole (const Whole *w, const Cut *cut, gint8 side)
{
    cut->side[w->first] = side;
    for (guint i = 0; w->members && i < w->n; i++)
        cut->side[g_array_index (w->members, Member, i).index] = side;
}

/* Of each class its share, as near as whole videos come to it, so that a rare one is on both
 * sides. FALSE: validation gets nothing. */
static gboolean
deal (GArray *wholes, const Cut *cut)
{
    const guint n_classes = fov_data_n_classes (cut->data) + 1;
    g_autofree double *left = g_new0 (double, n_classes);
    gboolean any = FALSE;

    for (guint i = 0; i < wholes->len; i++) {
        Whole *w = &g_array_index (wholes, Whole, i);
        FovRandom random = fov_random (cut->seed, STREAM_SPLIT, w->first);
        w->lot = fov_random_word (&random);
        left[class_of (cut->data, w->first)] += w->n;
    }
    for (guint c = 0; c < n_classes; c++)
        left[c] *= (double) cut->share;
    g_array_sort (wholes, by_lot);
    for (guint i = 0; i < wholes->len; i++) {
        const Whole *w = &g_array_index (wholes, Whole, i);
        double *of_class = &left[class_of (cut->data, w->first)];
        const gboolean last = *of_class >= w->n / 2.0;
        put_whole (w, cut, last ? 2 : 1);
        *of_class -= last ? w->n : 0;
        any = any || last;
    }
    return any;
}

static int
by_length (gconstpointer a, gconstpointer b)
{
    const Whole *x = a, *y = b;

    return x->n != y->n ? (x->n < y->n ? 1 : -1) : by_lot (a, b);
}

/* A video whose share is no frame goes to one side; where that leaves nothing to measure on, the
 * longest one is cut all the same. */
static void
cut_videos (GHashTable *videos, GArray *wholes, const Cut *cut)
{
    GHashTableIter iter;
    gpointer value;
    gboolean any = FALSE;

    g_hash_table_iter_init (&iter, videos);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        GArray *members = value;
        const guint first = g_array_index (members, Member, 0).index;
        const Whole whole = { members->len > 1 ? members : NULL, first, members->len, 0 };
        if (members->len > 1 && members->len * cut->share >= 1 && cut_video (members, cut))
            any = TRUE;
        else
            g_array_append_val (wholes, whole);
    }
    any = deal (wholes, cut) || any;
    g_array_sort (wholes, by_length);
    for (guint i = 0; !any && i < wholes->len; i++) {
        GArray *members = g_array_index (wholes, Whole, i).members;
        any = members && cut_video (members, cut);
    }
}

void
fov_data_split (const FovData *data, const FovSplitParams *params, FovData **train,
                FovData **validation)
{
    static const FovSplitParams defaults;
    const FovSplitParams *p = params ? params : &defaults;
    const guint n = fov_data_length (data);
    g_autofree gint8 *side = g_new0 (gint8, n);
    const Cut cut = { data, p->share > 0 ? MIN (p->share, 1) : 0.2f, p->gap, p->seed, side };
    g_autoptr (GHashTable) videos =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_array_unref);
    g_autoptr (GArray) wholes = g_array_new (FALSE, FALSE, sizeof (Whole));

    for (guint i = 0; i < n; i++) {
        const FovSample *s = fov_data_sample (data, i);
        Member member = { i, s->frame };
        char *video = NULL;
        if (s->video)
            video = g_strdup (s->video);
        else if (!split_name (s->name, &video, &member.number)) {
            g_array_append_val (wholes, ((Whole){ NULL, i, 1, 0 }));
            continue;
        }
        add_member (videos, video, member);
    }
    cut_videos (videos, wholes, &cut);
    *train = fov_data_new_like (data);
    *validation = fov_data_new_like (data);
    for (guint i = 0; i < n; i++)
        if (side[i])
            fov_data_share (side[i] == 1 ? *train : *validation, data, i);
}

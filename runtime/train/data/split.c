/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Cutting a list in two, videos by time. */
#include "train/data/data-private.h"

#include "vision/random.h"

#include <string.h>

enum { STREAM_SPLIT = 0x5917 };

typedef struct {
    guint index;
    gint64 number;
    guint32 lot; /* of what is no frame: drawn */
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

static int
by_lot (gconstpointer a, gconstpointer b)
{
    const Member *x = a, *y = b;

    if (x->lot != y->lot)
        return x->lot > y->lot ? 1 : -1;
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
    gint8 *side; /* 1: training, 2: validation, 0: neither */
} Cut;

/* Validation starts at the first frame of the last share; training ends a gap before. */
static void
cut_video (GArray *members, const Cut *cut)
{
    const Member *m = &g_array_index (members, Member, 0);
    const guint n = members->len;
    const guint n_last = CLAMP ((guint) (n * cut->share + 0.5f), 1, n - 1);
    gint64 span, gap, first;

    sort_video (cut->data, members);
    span = m[n - 1].number - m[0].number;
    gap = cut->gap < 0 ? 0 : cut->gap ? cut->gap : MIN (25, span / 10);
    first = m[n - n_last].number;
    for (guint i = 0; i < n; i++) {
        if (m[i].number >= first)
            cut->side[m[i].index] = 2;
        else if (first - m[i].number > gap)
            cut->side[m[i].index] = 1;
    }
}

/* The picture's first class, counted from 1; 0: it has none. */
static guint
class_of (const FovData *data, guint index)
{
    const FovSample *s = fov_data_sample (data, index);

    return s->n_classes ? (guint) s->classes[0] + 1 : 0;
}

/* Of each class its share, so that a rare one is on both sides. */
static void
deal (const FovData *data, GArray *members, const Cut *cut, guint64 seed)
{
    g_autofree guint *left = g_new0 (guint, fov_data_n_classes (data) + 1);

    for (guint i = 0; i < members->len; i++) {
        Member *m = &g_array_index (members, Member, i);
        FovRandom random = fov_random (seed, STREAM_SPLIT, m->index);
        m->lot = fov_random_word (&random);
        left[class_of (data, m->index)]++;
    }
    for (guint c = 0; c <= fov_data_n_classes (data); c++)
        left[c] = (guint) (left[c] * cut->share + 0.5f);
    g_array_sort (members, by_lot);
    for (guint i = 0; i < members->len; i++) {
        const guint index = g_array_index (members, Member, i).index;
        guint *of_class = &left[class_of (data, index)];
        cut->side[index] = *of_class ? 2 : 1;
        *of_class -= *of_class > 0;
    }
}

/* One frame makes no video: its picture is dealt out with the others. */
static void
cut_videos (GHashTable *videos, GArray *others, const Cut *cut)
{
    GHashTableIter iter;
    gpointer members;

    g_hash_table_iter_init (&iter, videos);
    while (g_hash_table_iter_next (&iter, NULL, &members)) {
        const GArray *list = members;
        if (list->len > 1)
            cut_video (members, cut);
        else
            g_array_append_vals (others, list->data, 1);
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
    const Cut cut = { data, p->share > 0 ? MIN (p->share, 1) : 0.2f, p->gap, side };
    g_autoptr (GHashTable) videos =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_array_unref);
    g_autoptr (GArray) others = g_array_new (FALSE, FALSE, sizeof (Member));

    for (guint i = 0; i < n; i++) {
        const FovSample *s = fov_data_sample (data, i);
        Member member = { i, s->frame, 0 };
        char *video = NULL;
        if (s->video)
            video = g_strdup (s->video);
        else if (!split_name (s->name, &video, &member.number)) {
            g_array_append_val (others, member);
            continue;
        }
        add_member (videos, video, member);
    }
    cut_videos (videos, others, &cut);
    deal (data, others, &cut, p->seed);
    *train = fov_data_new_like (data);
    *validation = fov_data_new_like (data);
    for (guint i = 0; i < n; i++)
        if (side[i])
            fov_data_share (side[i] == 1 ? *train : *validation, data, i);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A thread that makes batches ahead of who learns from them. */
#include "train/load/chain.h"
#include "train/load/decode.h"
#include "train/load/order.h"

#include <math.h>
#include <string.h>

#define DEFAULT_BATCH 8
#define DEFAULT_OBJECTS 120
#define DEFAULT_AHEAD 2
#define DEFAULT_THREADS 2
#define DEFAULT_PAD 114
#define DEFAULT_CACHE (G_GINT64_CONSTANT (512) << 20)

typedef struct {
    guint64 epoch;
    guint cursor; /* into the epoch's order */
} Place;

typedef struct {
    float *pictures, *objects;
    gint64 *labels;
    guint *samples;
    Place from, to;
    GError *error;
} Made;

struct _FovLoader {
    FovData *data;
    FovLoaderParams p;
    float mean[3], scale[3];
    double *factors;

    /* the thread's own */
    FovChain *chain;
    FovDecoder *decoder;
    FovOrder order;
    Place next;
    FovScene *scenes;
    GArray *wanted;    /* guint: the batch's samples */
    GPtrArray *images; /* FovImage*: for each wanted */
    FovSceneResult result;

    GThread *thread;
    gboolean stop; /* under lock, as what follows */
    GMutex lock;
    GCond changed;
    GQueue ready, empty; /* Made */
    Made *made;          /* all of them */
    guint n_made;

    Made *out;   /* what the caller has */
    Place place; /* of the next batch handed out */
};

/* ---- making one batch ---------------------------------------------------------------- */

static void
next_picture (FovLoader *l)
{
    l->next.cursor++;
    while (!l->order.index || l->next.cursor >= l->order.n || l->order.epoch != l->next.epoch) {
        if (l->order.index && l->order.epoch == l->next.epoch && l->next.cursor >= l->order.n) {
            l->next.epoch++;
            l->next.cursor = 0;
        }
        fov_order_make (&l->order, l->factors, fov_data_length (l->data), l->p.in_order, l->p.seed,
                        l->next.epoch);
    }
}

static void
choose (FovLoader *l, Made *made)
{
    g_array_set_size (l->wanted, 0);
    for (guint i = 0; i < l->p.batch; i++) {
        FovScene *scene = &l->scenes[i];
        const guint64 place = l->next.epoch << 32 | l->next.cursor;
        *scene = fov_scene_choose (&l->p.augment, l->p.seed, place, l->order.index, l->order.n,
                                   l->next.cursor);
        g_array_append_vals (l->wanted, scene->sample, scene->n);
        made->samples[i] = scene->sample[0];
        next_picture (l);
    }
}

static float
target_area (const FovTarget *t)
{
    return (t->x2 - t->x1) * (t->y2 - t->y1);
}

static int
by_area (gconstpointer a, gconstpointer b)
{
    const float x = target_area (a), y = target_area (b);

    return (x < y) - (x > y);
}

static void
write_targets (FovLoader *l, float *rows)
{
    GArray *targets = l->result.targets;
    const guint n = MIN (targets->len, l->p.max_objects);

    if (targets->len > n)
        g_array_sort (targets, by_area);
    memset (rows, 0, (gsize) l->p.max_objects * sizeof (FovTarget));
    memcpy (rows, targets->data, n * sizeof (FovTarget));
}

static void
place_all (FovLoader *l, Made *made)
{
    const FovSceneFrame frame = { &l->p.augment, l->p.width, l->p.height, l->p.fit, l->p.seed };
    guint first = 0;

    for (guint i = 0; i < l->p.batch; i++) {
        const FovScene *scene = &l->scenes[i];
        const FovSample *own = fov_data_sample (l->data, scene->sample[0]);
        FovScenePicture pictures[FOV_SCENE_PICTURES];
        for (guint k = 0; k < scene->n; k++)
            pictures[k] = (FovScenePicture){ fov_data_sample (l->data, scene->sample[k]),
                                             l->images->pdata[first + k] };
        fov_scene_place (scene, &frame, pictures, &l->result);
        fov_chain_set (l->chain, i, &l->result, pictures);
        write_targets (l, made->objects + (gsize) i * l->p.max_objects * 6);
        made->labels[i] = own->n_classes ? own->classes[0] : -1;
        first += scene->n;
    }
}

static gboolean
make_batch (FovLoader *l, Made *made)
{
    made->from = l->next;
    choose (l, made);
    made->to = l->next;
    g_ptr_array_set_size (l->images, (int) l->wanted->len);
    if (!fov_decoder_get (l->decoder, (const guint *) (void *) l->wanted->data, l->wanted->len,
                          (const FovImage **) l->images->pdata, &made->error))
        return FALSE;
    place_all (l, made);
    return fov_chain_run (l->chain, made->pictures, &made->error);
}

/* ---- the thread ------------------------------------------------------------------------ */

static gpointer
make_batches (gpointer data)
{
    FovLoader *l = data;
    gboolean ok = TRUE;

    l->next.cursor--; /* to where the place says, whatever order was there before */
    next_picture (l);
    while (ok) {
        Made *made;
        g_mutex_lock (&l->lock);
        while (!l->stop && g_queue_is_empty (&l->empty))
            g_cond_wait (&l->changed, &l->lock);
        made = l->stop ? NULL : g_queue_pop_head (&l->empty);
        g_mutex_unlock (&l->lock);
        if (!made)
            break;
        ok = make_batch (l, made);
        g_mutex_lock (&l->lock);
        g_queue_push_tail (&l->ready, made);
        g_cond_broadcast (&l->changed);
        g_mutex_unlock (&l->lock);
    }
    return NULL;
}

static void
stop (FovLoader *l)
{
    if (!l->thread)
        return;
    g_mutex_lock (&l->lock);
    l->stop = TRUE;
    g_cond_broadcast (&l->changed);
    g_mutex_unlock (&l->lock);
    g_thread_join (l->thread);
    l->thread = NULL;
    l->stop = FALSE;
}

static void
start_at (FovLoader *l, Place place)
{
    stop (l);
    g_queue_clear (&l->ready);
    g_queue_clear (&l->empty);
    for (guint i = 0; i < l->n_made; i++) {
        g_clear_error (&l->made[i].error);
        g_queue_push_tail (&l->empty, &l->made[i]);
    }
    l->out = NULL;
    l->place = l->next = place;
    l->thread = g_thread_new ("fovea-loader", make_batches, l);
}

/* ---- making a loader ------------------------------------------------------------------- */

static gboolean
check (FovData *data, const FovLoaderParams *p, GError **error)
{
    const char *what = NULL;

    if (p->width < 1 || p->width > 32768 || p->height < 1 || p->height > 32768)
        what = "the network's input size must be 1..32768";
    else if (p->batch > 4096)
        what = "a batch has at most 4096 pictures";
    else if (p->threads > 256)
        what = "expected at most 256 threads";
    else if (p->ahead > 16)
        what = "at most 16 batches are made ahead";
    else if (p->max_objects > 10000)
        what = "a picture has at most 10000 rows of objects";
    else if (!(p->balance >= 0 && p->balance <= 1))
        what = "the power of balance must be 0..1";
    else if (!p->load)
        what = "there is no function that loads pictures";
    else if (!fov_data_length (data))
        what = "there are no pictures";
    if (!what)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "loader: %s", what);
    return FALSE;
}

static void
fill_in (FovLoader *l, const FovLoaderParams *params)
{
    FovLoaderParams *p = &l->p;

    *p = *params;
    for (int c = 0; c < 3; c++) {
        l->mean[c] = params->mean ? params->mean[c] : 0;
        l->scale[c] = params->scale ? params->scale[c] : 1;
    }
    p->mean = l->mean;
    p->scale = l->scale;
    p->batch = p->batch ? p->batch : DEFAULT_BATCH;
    p->max_objects = p->max_objects ? p->max_objects : DEFAULT_OBJECTS;
    p->ahead = p->ahead ? p->ahead : DEFAULT_AHEAD;
    p->threads = p->threads ? p->threads : DEFAULT_THREADS;
    p->pad = p->pad > 0 ? MIN (p->pad, 255) : p->pad < 0 ? 0 : DEFAULT_PAD;
    p->cache = p->cache ? p->cache : DEFAULT_CACHE;
}

static void
make_room (FovLoader *l)
{
    const gsize pixels = (gsize) l->p.width * l->p.height, batch = l->p.batch;

    l->n_made = l->p.ahead + 1; /* one is with the caller */
    l->made = g_new0 (Made, l->n_made);
    for (guint i = 0; i < l->n_made; i++) {
        l->made[i].pictures = g_new (float, batch * 3 * pixels);
        l->made[i].objects = g_new (float, batch * l->p.max_objects * 6);
        l->made[i].labels = g_new (gint64, batch);
        l->made[i].samples = g_new (guint, batch);
    }
    l->scenes = g_new0 (FovScene, batch);
    l->wanted = g_array_new (FALSE, FALSE, sizeof (guint));
    l->images = g_ptr_array_new ();
    l->result.targets = g_array_new (FALSE, FALSE, sizeof (FovTarget));
}

FovLoader *
fov_loader_new (FovData *data, const FovLoaderParams *params, GError **error)
{
    FovLoader *l;

    if (!check (data, params, error))
        return NULL;
    l = g_new0 (FovLoader, 1);
    g_mutex_init (&l->lock);
    g_cond_init (&l->changed);
    l->data = fov_data_ref (data);
    fill_in (l, params);
    l->factors = g_new (double, fov_data_length (data));
    fov_data_repeat_factors (data, l->p.balance, l->factors);
    make_room (l);
    l->chain = fov_chain_new (&l->p, error);
    l->decoder = l->chain ? fov_decoder_new (data, &l->p, error) : NULL;
    if (l->decoder) {
        start_at (l, (Place){ 0 });
        return l;
    }
    fov_loader_free (l);
    return NULL;
}

void
fov_loader_free (FovLoader *l)
{
    if (!l)
        return;
    stop (l);
    fov_decoder_free (l->decoder);
    fov_chain_free (l->chain);
    fov_order_clear (&l->order);
    for (guint i = 0; i < l->n_made; i++) {
        g_free (l->made[i].pictures);
        g_free (l->made[i].objects);
        g_free (l->made[i].labels);
        g_free (l->made[i].samples);
        g_clear_error (&l->made[i].error);
    }
    g_free (l->made);
    g_queue_clear (&l->ready);
    g_queue_clear (&l->empty);
    g_free (l->scenes);
    g_array_unref (l->wanted);
    g_ptr_array_unref (l->images);
    g_array_unref (l->result.targets);
    g_free (l->factors);
    fov_data_unref (l->data);
    g_mutex_clear (&l->lock);
    g_cond_clear (&l->changed);
    g_free (l);
}

/* ---- batches ---------------------------------------------------------------------------- */

guint
fov_loader_batches (FovLoader *l)
{
    double n = 0;

    for (guint i = 0; i < fov_data_length (l->data); i++)
        n += l->factors[i];
    return MAX ((guint) (n / l->p.batch), 1);
}

gboolean
fov_loader_next (FovLoader *l, FovBatch *batch, GError **error)
{
    const gint64 n = l->p.batch;
    Made *made;

    g_mutex_lock (&l->lock);
    if (l->out && !l->out->error) {
        g_queue_push_tail (&l->empty, l->out);
        g_cond_broadcast (&l->changed);
        l->out = NULL;
    }
    while (!l->out && g_queue_is_empty (&l->ready))
        g_cond_wait (&l->changed, &l->lock);
    made = l->out = l->out ? l->out : g_queue_pop_head (&l->ready);
    g_mutex_unlock (&l->lock);
    if (made->error) {
        g_propagate_error (error, g_error_copy (made->error));
        return FALSE;
    }
    l->place = made->to;
    *batch = (FovBatch){
        .pictures = { FOV_F32, { 4, { n, 3, l->p.height, l->p.width } }, made->pictures },
        .objects = { FOV_F32, { 3, { n, l->p.max_objects, 6 } }, made->objects },
        .labels = { FOV_I64, { 1, { n } }, made->labels },
        .samples = made->samples,
        .epoch = made->from.epoch,
    };
    return TRUE;
}

/* ---- places ------------------------------------------------------------------------------ */

char *
fov_loader_place (FovLoader *l)
{
    return g_strdup_printf ("1 %" G_GUINT64_FORMAT " %u %" G_GUINT64_FORMAT " %u", l->p.seed,
                            fov_data_length (l->data), l->place.epoch, l->place.cursor);
}

static gboolean
read_numbers (const char *text, guint64 v[5])
{
    g_auto (GStrv) words = g_strsplit (text, " ", -1);

    if (g_strv_length (words) != 5)
        return FALSE;
    for (int i = 0; i < 5; i++)
        if (!g_ascii_string_to_unsigned (words[i], 10, 0, G_MAXUINT64, &v[i], NULL))
            return FALSE;
    return v[0] == 1 && v[3] < G_MAXUINT32 && v[4] < G_MAXUINT32;
}

gboolean
fov_loader_seek (FovLoader *l, const char *place, GError **error)
{
    guint64 v[5];

    if (!read_numbers (place, v)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "'%s' is no place of a loader", place);
        return FALSE;
    }
    if (v[1] != l->p.seed || v[2] != fov_data_length (l->data)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "the place is of seed %" G_GUINT64_FORMAT " and %" G_GUINT64_FORMAT
                     " pictures, not %" G_GUINT64_FORMAT " and %u",
                     v[1], v[2], l->p.seed, fov_data_length (l->data));
        return FALSE;
    }
    start_at (l, (Place){ v[3], (guint) v[4] });
    return TRUE;
}

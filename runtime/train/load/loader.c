/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A thread that makes batches ahead of who learns from them. */
#include "train/load/chain.h"
#include "train/load/decode.h"
#include "train/load/maps.h"
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
    float *pictures, *objects, *classes, *points;
    gint64 *labels, *masks;
    gint32 *instances;
    guint *samples;
    Place from, to;
    GError *error;
} Made;

struct _FovLoader {
    FovData *data;
    FovLoaderParams p;
    float mean[3], scale[3];
    double *factors;
    int *first_class; /* of each picture, -1: none; NULL: they do not come in groups */
    guint n_classes, n_points;

    /* the thread's own */
    FovChain *chain;
    FovMaps *maps; /* NULL: no masks */
    FovDecoder *decoder;
    FovOrder order;
    Place next;
    FovScene *scenes;
    GArray *wanted;    /* guint: the batch's samples */
    GPtrArray *images; /* FovDecoded*: for each wanted */
    FovSceneResult result;
    GArray *rows;     /* int: of each object of each layer of the batch its row, -1: none */
    guint *first_row; /* [batch, FOV_AUGMENT_LAYERS] into rows */

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
        if (l->first_class)
            fov_order_group (&l->order, l->first_class, l->p.group, l->p.seed);
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

/* Where they are more than there are rows, the last row is about those that are left over. */
static guint
rows_taken (const FovLoader *l)
{
    const guint n = l->result.targets->len, most = l->p.max_objects;

    return n > most && most > 1 ? most - 1 : MIN (n, most);
}

/* What nobody tells the network of must not be learned as background. */
static void
write_rest (const GArray *targets, guint first, float *row)
{
    const FovTarget *t = &g_array_index (targets, FovTarget, first);
    const float region[6] = { t->x1, t->y1, t->x2, t->y2, -1, -1 };

    memcpy (row, region, sizeof region);
    for (guint i = first + 1; i < targets->len; i++) {
        t = &g_array_index (targets, FovTarget, i);
        row[0] = MIN (row[0], t->x1);
        row[1] = MIN (row[1], t->y1);
        row[2] = MAX (row[2], t->x2);
        row[3] = MAX (row[3], t->y2);
    }
}

static void
write_targets (FovLoader *l, Made *made, guint picture)
{
    GArray *targets = l->result.targets;
    const guint n = rows_taken (l), n_points = l->n_points;
    float *rows = made->objects + (gsize) picture * l->p.max_objects * 6;
    float *points = made->points + (gsize) picture * l->p.max_objects * n_points * 3;

    if (targets->len > n)
        g_array_sort (targets, by_area);
    memset (rows, 0, (gsize) l->p.max_objects * 6 * sizeof *rows);
    memset (points, 0, (gsize) l->p.max_objects * n_points * 3 * sizeof *points);
    for (guint i = 0; i < n; i++) {
        const FovTarget *t = &g_array_index (targets, FovTarget, i);
        const float row[6] = { t->x1, t->y1, t->x2, t->y2, t->label, t->weight };
        memcpy (rows + 6 * (gsize) i, row, sizeof row);
        for (guint k = 0; k < n_points; k++) {
            const FovDataPoint p =
                g_array_index (l->result.points, FovDataPoint, t->points * n_points + k);
            const float point[3] = { p.x, p.y, (float) p.state };
            memcpy (points + 3 * ((gsize) i * n_points + k), point, sizeof point);
        }
    }
    if (n < MIN (targets->len, l->p.max_objects))
        write_rest (targets, n, rows + 6 * (gsize) n);
}

/* Pictures that share a place share its label. */
static void
write_classes (FovLoader *l, const FovScene *scene, float *classes)
{
    memset (classes, 0, l->n_classes * sizeof *classes);
    for (guint k = 0; k < scene->n; k++) {
        const FovSample *s = fov_data_sample (l->data, scene->sample[k]);
        for (guint i = 0; i < s->n_classes; i++)
            classes[s->classes[i]] += l->result.share[k];
    }
    for (guint c = 0; c < l->n_classes; c++)
        classes[c] = MIN (classes[c], 1);
}

/* Where layer by layer each object's row in the batch is noted: the maps are run later, for all. */
static void
note_rows (FovLoader *l, const FovScenePicture *pictures, guint picture)
{
    guint *first = l->first_row + (gsize) picture * FOV_AUGMENT_LAYERS;
    const int none = -1;

    for (int k = 0; k < FOV_AUGMENT_LAYERS; k++) {
        const int of = l->result.picture[k];
        first[k] = l->rows->len;
        for (guint i = 0; of >= 0 && i < pictures[of].sample->n_objects; i++)
            g_array_append_val (l->rows, none);
    }
    for (guint i = 0; i < rows_taken (l); i++) {
        const FovTarget *t = &g_array_index (l->result.targets, FovTarget, i);
        if (t->layer >= 0)
            g_array_index (l->rows, int, first[t->layer] + t->object) = (int) i;
    }
}

static gint32
instance_of (const FovLoader *l, guint picture, FovMapPixel at)
{
    int row;

    if (at.label < 0 || at.layer < 0)
        return -1;
    if (!at.object)
        return 0;
    row = g_array_index (l->rows, int,
                         l->first_row[(gsize) picture * FOV_AUGMENT_LAYERS + (guint) at.layer] +
                             at.object - 1);
    return row < 0 ? -1 : row + 1;
}

static void
write_masks (FovLoader *l, const Made *made)
{
    const gsize pixels = (gsize) l->p.width * l->p.height;

    for (guint n = 0; n < l->p.batch; n++)
        for (gsize i = 0; i < pixels; i++) {
            const FovMapPixel at = fov_maps_at (l->maps, n, i);
            made->masks[n * pixels + i] = at.label;
            made->instances[n * pixels + i] = instance_of (l, n, at);
        }
}

static void
place_all (FovLoader *l, Made *made)
{
    const FovSceneFrame frame = { &l->p.augment, l->p.width, l->p.height,
                                  l->p.fit,      l->p.seed,  l->data };
    guint first = 0;

    g_array_set_size (l->rows, 0);
    for (guint i = 0; i < l->p.batch; i++) {
        const FovScene *scene = &l->scenes[i];
        const FovSample *own = fov_data_sample (l->data, scene->sample[0]);
        FovScenePicture pictures[FOV_SCENE_PICTURES];
        for (guint k = 0; k < scene->n; k++) {
            const FovDecoded *d = l->images->pdata[first + k];
            pictures[k] = (FovScenePicture){ fov_data_sample (l->data, scene->sample[k]), &d->image,
                                             l->maps ? &d->map : NULL };
        }
        fov_scene_place (scene, &frame, pictures, &l->result);
        fov_chain_set (l->chain, i, &l->result, pictures);
        write_targets (l, made, i);
        write_classes (l, scene, made->classes + (gsize) i * l->n_classes);
        made->labels[i] = own->n_classes ? own->classes[0] : -1;
        if (l->maps) {
            fov_maps_set (l->maps, i, &l->result, pictures);
            note_rows (l, pictures, i);
        }
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
                          (const FovDecoded **) l->images->pdata, &made->error))
        return FALSE;
    place_all (l, made);
    if (l->maps && !fov_maps_run (l->maps, &made->error))
        return FALSE;
    if (l->maps)
        write_masks (l, made);
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
    else if (p->masks && fov_data_mask_classes (data) > 255)
        what = "masks have at most 255 classes";
    else if (p->group > 4096)
        what = "a group has at most 4096 pictures";
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
        /* Some where there are none too: what clears them wants an address. */
        l->made[i].points = g_new (float, batch * l->p.max_objects * l->n_points * 3 + 1);
        l->made[i].classes = g_new (float, batch * l->n_classes + 1);
        l->made[i].masks = g_new (gint64, l->p.masks ? batch * pixels : 0);
        l->made[i].instances = g_new (gint32, l->p.masks ? batch * pixels : 0);
        l->made[i].labels = g_new (gint64, batch);
        l->made[i].samples = g_new (guint, batch);
    }
    l->rows = g_array_new (FALSE, FALSE, sizeof (int));
    l->first_row = g_new (guint, batch * FOV_AUGMENT_LAYERS);
    l->result.points = g_array_new (FALSE, TRUE, sizeof (FovDataPoint));
    l->scenes = g_new0 (FovScene, batch);
    l->wanted = g_array_new (FALSE, FALSE, sizeof (guint));
    l->images = g_ptr_array_new ();
    l->result.targets = g_array_new (FALSE, FALSE, sizeof (FovTarget));
}

static void
note_classes (FovLoader *l)
{
    const guint n = fov_data_length (l->data);

    l->first_class = g_new (int, n);
    for (guint i = 0; i < n; i++) {
        const FovSample *s = fov_data_sample (l->data, i);
        l->first_class[i] = s->n_classes ? s->classes[0] : -1;
    }
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
    l->n_classes = fov_data_n_classes (data);
    l->n_points = fov_data_n_points (data);
    if (l->p.group > 1)
        note_classes (l);
    make_room (l);
    l->chain = fov_chain_new (&l->p, error);
    if (l->chain && l->p.masks)
        l->maps = fov_maps_new (&l->p, error);
    l->decoder = l->chain && (l->maps || !l->p.masks) ? fov_decoder_new (data, &l->p, error) : NULL;
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
    fov_maps_free (l->maps);
    fov_order_clear (&l->order);
    for (guint i = 0; i < l->n_made; i++) {
        g_free (l->made[i].pictures);
        g_free (l->made[i].objects);
        g_free (l->made[i].points);
        g_free (l->made[i].classes);
        g_free (l->made[i].masks);
        g_free (l->made[i].instances);
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
    g_array_unref (l->result.points);
    g_array_unref (l->rows);
    g_free (l->first_row);
    g_free (l->first_class);
    g_free (l->factors);
    fov_data_unref (l->data);
    g_mutex_clear (&l->lock);
    g_cond_clear (&l->changed);
    g_free (l);
}

/* ---- batches ---------------------------------------------------------------------------- */

/* On average, as fov_order_make and fov_order_group have them. */
static double
count_pictures (const FovLoader *l)
{
    g_autofree double *of_class = g_new0 (double, l->n_classes + 1);
    double n = 0;

    for (guint i = 0; i < fov_data_length (l->data); i++)
        of_class[l->first_class ? l->first_class[i] + 1 : 0] += l->factors[i];
    for (guint c = 0; c <= l->n_classes; c++)
        n += l->first_class ? l->p.group * ceil (of_class[c] / l->p.group) : of_class[c];
    return n;
}

guint
fov_loader_batches (FovLoader *l)
{
    return MAX ((guint) (count_pictures (l) / l->p.batch), 1);
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
        .classes = { FOV_F32, { 2, { n, l->n_classes } }, l->n_classes ? made->classes : NULL },
        .samples = made->samples,
        .epoch = made->from.epoch,
    };
    if (l->maps) {
        const FovShape shape = { 3, { n, l->p.height, l->p.width } };
        batch->masks = (FovView){ FOV_I64, shape, made->masks };
        batch->instances = (FovView){ FOV_I32, shape, made->instances };
    }
    if (l->n_points)
        batch->points =
            (FovView){ FOV_F32, { 4, { n, l->p.max_objects, l->n_points, 3 } }, made->points };
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/load/decode.h"

#include "train/load/paint.h"

typedef struct {
    guint index;
    FovDecoded out;
    gint64 bytes;
    GError *error;
} Job;

struct _FovDecoder {
    FovData *data;
    FovLoadPicture load;
    gpointer load_data;
    gboolean masks;
    GThreadPool *pool;
    GHashTable *kept; /* index -> Job*: stays */
    GHashTable *now;  /* index -> Job*: of the last call */
    gint64 room;      /* bytes that may still be kept */

    GMutex lock;
    GCond done;
    guint waiting; /* jobs not yet done; under lock */
};

static void
job_free (gpointer data)
{
    Job *job = data;

    g_free (job->out.image.plane[0]);
    g_free (job->out.map.plane[0]);
    g_clear_error (&job->error);
    g_free (job);
}

/* ---- one picture, in a thread of the pool ------------------------------------------ */

static gboolean
check (const FovSample *s, const FovImage *image, GError **error)
{
    if (!s->width || (s->width == image->width && s->height == image->height))
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                 "the picture is %dx%d, its annotations are for %dx%d", image->width, image->height,
                 s->width, s->height);
    return FALSE;
}

static gboolean
make_rgb (FovImage *image, GError **error)
{
    FovImage rgb;

    if (image->format == FOV_PIXEL_RGB || image->format == FOV_PIXEL_RGBX ||
        image->format == FOV_PIXEL_GRAY)
        return TRUE;
    if (!fov_image_alloc (&rgb, FOV_PIXEL_RGB, image->width, image->height, error) ||
        !fov_image_convert (image, &rgb, error))
        return FALSE;
    g_free (image->plane[0]);
    *image = rgb;
    return TRUE;
}

static gboolean
load_image (FovDecoder *d, const FovSample *s, FovImage *image, GError **error)
{
    if (d->load (s, image, d->load_data, error))
        return fov_image_check (image, error) && make_rgb (image, error);
    if (!*error)
        g_set_error (error, FOV_ERROR, FOV_ERROR_FAILED, "cannot be read");
    return FALSE;
}

static gboolean
load_map (FovDecoder *d, const FovSample *s, FovDecoded *out, GError **error)
{
    const FovSample file = { .name = s->mask, .bytes = s->mask_bytes };
    FovImage classes = { 0 };
    gboolean ok;

    if (s->mask && !load_image (d, &file, &classes, error)) {
        g_prefix_error (error, "mask '%s': ", s->mask);
        g_free (classes.plane[0]);
        return FALSE;
    }
    ok = fov_paint_map (s, out->image.width, out->image.height, s->mask ? &classes : NULL,
                        fov_data_n_classes (d->data), fov_data_half_grey (d->data), &out->map,
                        error);
    g_free (classes.plane[0]);
    return ok;
}

static void
decode (gpointer data, gpointer user_data)
{
    FovDecoder *d = user_data;
    Job *job = data;
    FovDecoded *out = &job->out;
    const FovSample *s = fov_data_sample (d->data, job->index);

    if (load_image (d, s, &out->image, &job->error) && check (s, &out->image, &job->error) &&
        (!d->masks || load_map (d, s, out, &job->error)))
        job->bytes = (gint64) out->image.stride[0] * out->image.height +
                     (gint64) out->map.stride[0] * out->map.height;
    if (job->error)
        g_prefix_error (&job->error, "picture '%s': ", s->name);
    g_mutex_lock (&d->lock);
    if (--d->waiting == 0)
        g_cond_signal (&d->done);
    g_mutex_unlock (&d->lock);
}

/* ---- a batch ------------------------------------------------------------------------ */

FovDecoder *
fov_decoder_new (FovData *data, const FovLoaderParams *p, GError **error)
{
    FovDecoder *d = g_new0 (FovDecoder, 1);
    GError *found = NULL;

    g_mutex_init (&d->lock);
    g_cond_init (&d->done);
    d->data = fov_data_ref (data);
    d->load = p->load;
    d->load_data = p->load_data;
    d->masks = p->masks;
    d->room = MAX (p->cache, 0);
    d->kept = g_hash_table_new_full (NULL, NULL, NULL, job_free);
    d->now = g_hash_table_new_full (NULL, NULL, NULL, job_free);
    d->pool = g_thread_pool_new (decode, d, (int) p->threads, FALSE, &found);
    if (!found)
        return d;
    g_set_error (error, FOV_ERROR, FOV_ERROR_FAILED, "cannot start threads: %s", found->message);
    g_error_free (found);
    fov_decoder_free (d);
    return NULL;
}

void
fov_decoder_free (FovDecoder *d)
{
    if (!d)
        return;
    if (d->pool)
        g_thread_pool_free (d->pool, FALSE, TRUE);
    g_hash_table_unref (d->kept);
    g_hash_table_unref (d->now);
    fov_data_unref (d->data);
    g_mutex_clear (&d->lock);
    g_cond_clear (&d->done);
    g_free (d);
}

/* What came first stays: where not all fits, a full pass then always finds the same share. */
static void
keep (FovDecoder *d)
{
    GHashTableIter iter;
    gpointer key, value;

    g_hash_table_iter_init (&iter, d->now);
    while (g_hash_table_iter_next (&iter, &key, &value)) {
        Job *job = value;
        if (job->error || job->bytes > d->room)
            continue;
        d->room -= job->bytes;
        g_hash_table_iter_steal (&iter);
        g_hash_table_insert (d->kept, key, job);
    }
}

static Job *
find (FovDecoder *d, guint index)
{
    Job *job = g_hash_table_lookup (d->kept, GUINT_TO_POINTER (index));

    return job ? job : g_hash_table_lookup (d->now, GUINT_TO_POINTER (index));
}

static void
start (FovDecoder *d, guint index)
{
    Job *job = g_new0 (Job, 1);

    job->index = index;
    g_hash_table_insert (d->now, GUINT_TO_POINTER (index), job);
    g_mutex_lock (&d->lock);
    d->waiting++;
    g_mutex_unlock (&d->lock);
    g_thread_pool_push (d->pool, job, NULL);
}

gboolean
fov_decoder_get (FovDecoder *d, const guint *samples, guint n, const FovDecoded **decoded,
                 GError **error)
{
    keep (d);
    g_hash_table_remove_all (d->now);
    for (guint i = 0; i < n; i++)
        if (!find (d, samples[i]))
            start (d, samples[i]);
    g_mutex_lock (&d->lock);
    while (d->waiting)
        g_cond_wait (&d->done, &d->lock);
    g_mutex_unlock (&d->lock);
    for (guint i = 0; i < n; i++) {
        const Job *job = find (d, samples[i]);
        if (job->error) {
            g_propagate_error (error, g_error_copy (job->error));
            return FALSE;
        }
        decoded[i] = &job->out;
    }
    return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs: a ticket belongs to one run, which holds a slot of the session until its
 * few rows are fetched, and then the rows until the caller asks for them. So a caller
 * may leave tickets unasked for as long as it likes: whoever needs the slot
 * fetches the oldest run's rows.
 */
#include "detect/net.h"
#include "detect/picture.h"
#include "model/session.h"

#include <math.h>
#include <string.h>

#define DEFAULT_THRESHOLD 0.25f
#define DEFAULT_IOU 0.45f
#define DEFAULT_DETECTIONS 300
#define MAX_DETECTIONS 1000
#define DEFAULT_IN_FLIGHT 2
#define FULL_HD_BYTES (1920 * 1088 * 3 / 2)

typedef enum { RUN_FREE, RUN_UNDER_WAY, RUN_FETCHING, RUN_DONE } RunState;

typedef struct {
    FovTicket ticket;
    RunState state;
    gboolean claimed; /* a wait is on it */
    guint slot;
    guint n; /* pictures */
    FovLetterbox *maps;
    FovBox *limits; /* what boxes are cut to */
    float *rows;
    gint32 *counts;
    GError *error;
} Run;

struct _FovDetector {
    gatomicrefcount refs;
    FovDevice *device;
    FovSession *session;
    const FovFamily *family;
    FovLabels *labels;
    int label_base;
    FovIntake intake;
    int width, height;
    guint batch, max_detections, max_in_flight;
    gboolean class_agnostic, in_place;

    GMutex submit_lock; /* one submit at a time: slots are filled in order */
    gsize capacity;     /* of the pictures input; under submit_lock */

    GMutex lock; /* guards what follows */
    GCond changed;
    float threshold, iou_threshold;
    GPtrArray *runs; /* Run, never shrinks; FREE ones are reused */
    FovTicket last_ticket;
};

/* ---- making one ------------------------------------------------------- */

static void
run_free (Run *run)
{
    g_free (run->maps);
    g_free (run->limits);
    g_free (run->rows);
    g_free (run->counts);
    g_clear_error (&run->error);
    g_free (run);
}

static Run *
run_new (FovDetector *d)
{
    Run *run = g_new0 (Run, 1);

    run->maps = g_new0 (FovLetterbox, d->batch);
    run->limits = g_new0 (FovBox, d->batch);
    run->rows = g_new0 (float, (gsize) d->batch * d->max_detections * 6);
    run->counts = g_new0 (gint32, d->batch);
    g_ptr_array_add (d->runs, run);
    return run;
}

static float
clamp_unit (float x)
{
    return isnan (x) ? 0 : CLAMP (x, 0.0f, 1.0f);
}

static float
default_unit (float x, float fallback)
{
    return x == 0 ? fallback : clamp_unit (x);
}

static gboolean
check_params (const FovDetectorParams *p, GError **error)
{
    if (p->max_detections > MAX_DETECTIONS) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "max_detections is %u, expected 1..%d",
                     p->max_detections, MAX_DETECTIONS);
        return FALSE;
    }
    return TRUE;
}

static gboolean
open_session (FovDetector *d, FovDetectNet *net, const FovDetectorParams *p, GError **error)
{
    FovSessionParams session = { .max_in_flight = d->max_in_flight,
                                 .profile = p->profile,
                                 .progress = p->progress,
                                 .progress_data = p->progress_data };
    FovGraph *graph;

    /* In place, pictures are never copied: their tensor is an address alone. */
    gboolean copies = fov_device_kind (d->device) == FOV_DEVICE_VULKAN;
    d->capacity =
        (copies ? FULL_HD_BYTES + FOV_PICTURE_SLACK : FOV_PICTURE_SLACK) * (gsize) d->batch;
    graph = fov_detect_net_graph (net, d->capacity / d->batch, d->max_detections, error);
    if (graph)
        d->session = fov_session_new_from_graph (d->device, graph, &session, error);
    if (d->session)
        d->in_place = fov_session_reads_in_place (d->session);
    return d->session != NULL;
}

FovDetector *
fov_detector_new (FovDevice *device, FovModel *model, const FovDetectorParams *params,
                  GError **error)
{
    static const FovDetectorParams defaults;
    g_autoptr (FovDetectNet) net = NULL;
    g_autoptr (FovDetector) d = NULL;
    const FovDetectorParams *p = params ? params : &defaults;

    if (!check_params (p, error))
        return NULL;
    net = fov_detect_net_new (model, p, NULL, error);
    if (!net) {
        g_prefix_error (error, "%s: ", fov_model_path (model));
        return NULL;
    }
    d = g_new0 (FovDetector, 1);
    g_atomic_ref_count_init (&d->refs);
    g_mutex_init (&d->submit_lock);
    g_mutex_init (&d->lock);
    g_cond_init (&d->changed);
    d->runs = g_ptr_array_new_with_free_func ((GDestroyNotify) run_free);
    d->device = fov_device_ref (device);
    d->family = net->family;
    d->labels = net->labels ? fov_labels_ref (net->labels) : NULL;
    d->label_base = net->label_base;
    d->intake = net->match.intake;
    d->width = net->net.width;
    d->height = net->net.height;
    d->batch = (guint) net->net.n;
    d->max_detections = p->max_detections ? p->max_detections : DEFAULT_DETECTIONS;
    d->max_in_flight = p->max_in_flight ? p->max_in_flight : DEFAULT_IN_FLIGHT;
    d->class_agnostic = p->class_agnostic_nms;
    d->threshold = default_unit (p->threshold, DEFAULT_THRESHOLD);
    d->iou_threshold = default_unit (p->iou_threshold, DEFAULT_IOU);
    if (!open_session (d, net, p, error)) {
        g_prefix_error (error, "%s: ", fov_model_path (model));
        return NULL;
    }
    return g_steal_pointer (&d);
}

FovDetector *
fov_detector_ref (FovDetector *d)
{
    g_atomic_ref_count_inc (&d->refs);
    return d;
}

static void fetch (FovDetector *d, Run *run);

void
fov_detector_unref (FovDetector *d)
{
    if (!d || !g_atomic_ref_count_dec (&d->refs))
        return;
    g_mutex_lock (&d->lock);
    for (guint i = 0; i < d->runs->len; i++)
        fetch (d, d->runs->pdata[i]);
    g_mutex_unlock (&d->lock);
    g_clear_pointer (&d->session, fov_session_unref);
    g_clear_pointer (&d->device, fov_device_unref);
    g_clear_pointer (&d->labels, fov_labels_unref);
    g_ptr_array_unref (d->runs);
    g_mutex_clear (&d->submit_lock);
    g_mutex_clear (&d->lock);
    g_cond_clear (&d->changed);
    g_free (d);
}

/* ---- runs ------------------------------------------------------------- */

/* Takes the rows out of the run's slot and frees that. Called with the lock held, which it
 * gives away while it waits. */
static void
fetch (FovDetector *d, Run *run)
{
    FovTicket ticket = run->ticket;
    gboolean ok;

    while (run->ticket == ticket && run->state == RUN_FETCHING)
        g_cond_wait (&d->changed, &d->lock);
    if (run->ticket != ticket || run->state != RUN_UNDER_WAY)
        return;
    run->state = RUN_FETCHING;
    g_mutex_unlock (&d->lock);
    ok = fov_session_wait (d->session, run->slot, &run->error);
    if (ok) {
        memcpy (run->counts, fov_session_slot_output (d->session, run->slot, 1),
                run->n * sizeof *run->counts);
        memcpy (run->rows, fov_session_slot_output (d->session, run->slot, 0),
                (gsize) run->n * d->max_detections * 6 * sizeof *run->rows);
    }
    fov_session_end (d->session, run->slot);
    g_mutex_lock (&d->lock);
    run->state = RUN_DONE;
    g_cond_broadcast (&d->changed);
}

/* Fetches until at most most runs hold slots, the oldest first. With the lock held. */
static void
drain (FovDetector *d, guint most)
{
    for (;;) {
        Run *oldest = NULL;
        guint n = 0;
        for (guint i = 0; i < d->runs->len; i++) {
            Run *run = d->runs->pdata[i];
            if (run->state != RUN_UNDER_WAY && run->state != RUN_FETCHING)
                continue;
            n++;
            if (!oldest || run->ticket < oldest->ticket)
                oldest = run;
        }
        if (n <= most)
            return;
        fetch (d, oldest);
    }
}

static Run *
take_run (FovDetector *d)
{
    for (guint i = 0; i < d->runs->len; i++)
        if (((Run *) d->runs->pdata[i])->state == RUN_FREE)
            return d->runs->pdata[i];
    return run_new (d);
}

static Run *
find_run (FovDetector *d, FovTicket ticket)
{
    for (guint i = 0; ticket && i < d->runs->len; i++) {
        Run *run = d->runs->pdata[i];
        if (run->ticket == ticket && run->state != RUN_FREE)
            return run;
    }
    return NULL;
}

/* ---- pictures --------------------------------------------------------- */

static FovBox
region_of (const FovImage *image, const FovBox *region)
{
    FovBox whole = { 0, 0, (float) image->width, (float) image->height };

    if (!region)
        return whole;
    FovBox cut = fov_box_clip (*region, whole.x2, whole.y2);
    return fov_box_area (cut) > 0 ? cut : whole;
}

static void
fill_frames (FovDetector *d, Run *run, const FovImage *images, const FovBox *regions,
             FovFrameInfo *frames, guint8 *copies)
{
    gsize at = 0;

    for (guint i = 0; i < d->batch; i++) {
        const FovImage *image = &images[MIN (i, run->n - 1)]; /* a short batch repeats its last */
        FovBox region = region_of (image, regions ? &regions[MIN (i, run->n - 1)] : NULL);
        FovFrameInfo frame = { .class_agnostic = d->class_agnostic };
        run->maps[i] = fov_letterbox (region, d->width, d->height, d->intake.fit);
        run->limits[i] = (FovBox){ 0, 0, (float) image->width, (float) image->height };
        fov_frame_set_picture (&frame, image, region, &run->maps[i]);
        if (!copies) {
            fov_picture_point (image, &frame, images[0].plane[0]);
        } else if (i < run->n) {
            at = fov_picture_copy (image, &frame, copies, at);
        } else {
            memcpy (&frame, &frames[run->n - 1], sizeof frame);
        }
        g_mutex_lock (&d->lock);
        frame.threshold = d->threshold;
        frame.iou_threshold = d->iou_threshold;
        g_mutex_unlock (&d->lock);
        memcpy (&frames[i], &frame, sizeof frame);
    }
}

/* ---- submit ----------------------------------------------------------- */

static gboolean
check_batch (FovDetector *d, const FovImage *images, guint n, GError **error)
{
    if (n < 1 || n > d->batch) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "%u pictures, expected 1..%u (batch)", n,
                     d->batch);
        return FALSE;
    }
    for (guint i = 0; i < n; i++)
        if (!fov_image_check (&images[i], error))
            return FALSE;
    return TRUE;
}

/* Room for these pictures in every slot. Under submit_lock. */
static gboolean
reserve (FovDetector *d, const FovImage *images, guint n, GError **error)
{
    gsize need = FOV_PICTURE_SLACK;

    for (guint i = 0; i < n; i++)
        need += fov_picture_bytes (&images[i]);
    if (d->in_place || need <= d->capacity)
        return TRUE;
    g_mutex_lock (&d->lock);
    drain (d, 0);
    g_mutex_unlock (&d->lock);
    if (!fov_session_reserve_input (d->session, 0, need, error))
        return FALSE;
    d->capacity = need;
    return TRUE;
}

static gboolean
start (FovDetector *d, Run *run, const FovImage *images, const FovBox *regions, GError **error)
{
    FovFrameInfo *frames;
    guint8 *copies = NULL;

    run->slot = fov_session_begin (d->session, error);
    if (!run->slot)
        return FALSE;
    frames = fov_session_slot_input (d->session, run->slot, 1);
    if (d->in_place)
        fov_session_slot_bind (d->session, run->slot, 0, images[0].plane[0]);
    else
        copies = fov_session_slot_input (d->session, run->slot, 0);
    fill_frames (d, run, images, regions, frames, copies);
    if (fov_session_submit (d->session, run->slot, error))
        return TRUE;
    fov_session_end (d->session, run->slot);
    return FALSE;
}

FovTicket
fov_detector_submit_batch (FovDetector *d, const FovImage *images, const FovBox *regions, guint n,
                           GError **error)
{
    FovTicket ticket = 0;
    Run *run;

    if (!check_batch (d, images, n, error))
        return 0;
    g_mutex_lock (&d->submit_lock);
    if (reserve (d, images, n, error)) {
        g_mutex_lock (&d->lock);
        drain (d, d->max_in_flight - 1);
        run = take_run (d);
        run->n = n;
        run->claimed = FALSE;
        g_mutex_unlock (&d->lock);
        if (start (d, run, images, regions, error)) {
            g_mutex_lock (&d->lock);
            run->ticket = ticket = ++d->last_ticket;
            run->state = RUN_UNDER_WAY;
            g_mutex_unlock (&d->lock);
        }
    }
    g_mutex_unlock (&d->submit_lock);
    return ticket;
}

FovTicket
fov_detector_submit (FovDetector *d, const FovImage *image, GError **error)
{
    return fov_detector_submit_batch (d, image, NULL, 1, error);
}

/* ---- wait ------------------------------------------------------------- */

static void
read_rows (FovDetector *d, const Run *run, guint picture, GArray *detections)
{
    const float *rows = run->rows + (gsize) picture * d->max_detections * 6;
    gint32 n = CLAMP (run->counts[picture], 0, (gint32) d->max_detections);
    FovBox limit = run->limits[picture];

    g_array_set_size (detections, 0);
    for (gint32 i = 0; i < n; i++) {
        const float *r = rows + (gsize) i * 6;
        FovDetection made = { .score = r[4], .label = (int) r[5] + d->label_base };
        FovBox box = { r[0], r[1], r[2], r[3] };
        made.box =
            fov_box_clip (fov_letterbox_unmap (&run->maps[picture], box), limit.x2, limit.y2);
        if (fov_box_area (made.box) > 0)
            g_array_append_val (detections, made);
    }
}

static Run *
claim (FovDetector *d, FovTicket ticket, GError **error)
{
    Run *run = find_run (d, ticket);

    if (!run || run->claimed) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "ticket %" G_GUINT64_FORMAT " is not under way: it was waited for already, or "
                     "is not this detector's",
                     ticket);
        return NULL;
    }
    run->claimed = TRUE;
    return run;
}

gboolean
fov_detector_wait_batch (FovDetector *d, FovTicket ticket, GArray *const *detections, guint n,
                         GError **error)
{
    gboolean ok = FALSE;
    Run *run;

    g_mutex_lock (&d->lock);
    run = claim (d, ticket, error);
    if (run) {
        fetch (d, run);
        ok = run->error == NULL;
        if (run->error)
            g_propagate_error (error, g_steal_pointer (&run->error));
        for (guint i = 0; i < n && ok; i++) {
            if (i < run->n)
                read_rows (d, run, i, detections[i]);
            else
                g_array_set_size (detections[i], 0);
        }
        run->state = RUN_FREE;
    }
    g_mutex_unlock (&d->lock);
    return ok;
}

gboolean
fov_detector_wait (FovDetector *d, FovTicket ticket, GArray *detections, GError **error)
{
    return fov_detector_wait_batch (d, ticket, &detections, 1, error);
}

gboolean
fov_detector_ready (FovDetector *d, FovTicket ticket)
{
    gboolean ready = FALSE;
    Run *run;

    g_mutex_lock (&d->lock);
    run = find_run (d, ticket);
    if (run && run->state == RUN_UNDER_WAY)
        ready = fov_session_done (d->session, run->slot);
    else if (run)
        ready = run->state == RUN_DONE;
    g_mutex_unlock (&d->lock);
    return ready;
}

/* ---- small things ----------------------------------------------------- */

void
fov_detector_set_threshold (FovDetector *d, float threshold)
{
    g_mutex_lock (&d->lock);
    d->threshold = clamp_unit (threshold);
    g_mutex_unlock (&d->lock);
}

void
fov_detector_set_iou_threshold (FovDetector *d, float iou_threshold)
{
    g_mutex_lock (&d->lock);
    d->iou_threshold = clamp_unit (iou_threshold);
    g_mutex_unlock (&d->lock);
}

FovLabels *
fov_detector_labels (FovDetector *d)
{
    return d->labels;
}

const char *
fov_detector_family (FovDetector *d)
{
    return d->family->name;
}

FovDevice *
fov_detector_device (FovDetector *d)
{
    return d->device;
}

void
fov_detector_input_size (FovDetector *d, int *width, int *height)
{
    *width = d->width;
    *height = d->height;
}

void
fov_detector_info (FovDetector *d, FovSessionInfo *info)
{
    fov_session_info (d->session, info);
}

GArray *
fov_detector_profile (FovDetector *d)
{
    return fov_session_profile (d->session);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Crops to embeddings: fov.Preprocess -> the network, planned for batches of 1, 2, 4, ... */
#include <fovea/embedder.h>

#include "detect/intake.h"
#include "detect/picture.h"
#include "model/session.h"

#include <math.h>
#include <string.h>

#define MAX_BATCH 64
#define MAX_DIM 4096
#define MAX_RUNS 8 /* 1, 2, 4, ... 64, and one that is no power of two */
#define FREE_WIDTH 128
#define FREE_HEIGHT 256
#define HOST_BATCH 4 /* larger ones leave the caches: OSNet x0.25 costs 2.2 ms a crop up to 4 */
#define DEVICE_BATCH 16
#define FULL_HD_BYTES (1920 * 1088 * 3 / 2)

/* One session and how many crops it takes. */
typedef struct {
    FovSession *session;
    guint batch;
    gsize capacity; /* of the picture input, where it is copied */
} Run;

struct _FovEmbedder {
    gatomicrefcount refs;
    GMutex lock;
    Run runs[MAX_RUNS]; /* by rising batch */
    guint n_runs;
    FovIntake intake;
    int width, height;
    guint dim;
    gboolean in_place;
};

/* ---- making one ------------------------------------------------------- */

static gboolean
check_params (const FovEmbedderParams *p, GError **error)
{
    if (p->max_batch > MAX_BATCH) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "max_batch is %u, expected 1..%d",
                     p->max_batch, MAX_BATCH);
        return FALSE;
    }
    return TRUE;
}

/* ImageNet's mean and deviation, which practically every published embedding model takes. */
static const FovIntake default_intake = {
    .fit = FOV_FIT_STRETCH,
    .mean = { 123.675f, 116.28f, 103.53f },
    .scale = { 1 / 58.395f, 1 / 57.12f, 1 / 57.375f },
};

static gboolean
is_vector (const FovTensor *t, gint64 batch, gint64 *dim)
{
    gint64 n = fov_tensor_elements (t);

    if (t->dtype != FOV_F32 || t->shape.rank < 2 || t->shape.dim[0] != batch || n < 0)
        return FALSE;
    for (int d = 2; d < t->shape.rank; d++)
        if (t->shape.dim[d] != 1)
            return FALSE;
    *dim = t->shape.dim[1];
    return *dim >= 2 && *dim <= MAX_DIM;
}

/* Keeps the first output that is a vector, and no other. */
static gboolean
choose_output (FovEmbedder *e, FovGraph *graph, gint64 batch, GError **error)
{
    g_autoptr (GString) found = g_string_new (NULL);
    gint64 dim;

    for (guint i = 0; i < graph->outputs->len; i++) {
        FovTensor *t = graph->outputs->pdata[i];
        g_autofree char *shape = fov_shape_to_string (&t->shape);
        if (is_vector (t, batch, &dim)) {
            for (guint k = 0; k < graph->outputs->len; k++)
                ((FovTensor *) graph->outputs->pdata[k])->is_output = k == i;
            g_ptr_array_set_size (graph->outputs, 0);
            g_ptr_array_add (graph->outputs, t);
            e->dim = (guint) dim;
            return TRUE;
        }
        g_string_append_printf (found, "%soutput '%s' is %s %s", i ? ", " : "", t->name,
                                fov_dtype_name (t->dtype), shape);
    }
    g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                 "%s; an embedding model gives one vector a picture: float32 1xD or 1xDx1x1, D "
                 "2..%d",
                 found->len ? found->str : "there is no output", MAX_DIM);
    return FALSE;
}

/* The model's graph at that batch, from picture bytes to vectors. */
static FovGraph *
make_graph (FovEmbedder *e, FovModel *model, const FovEmbedderParams *p, guint batch,
            gsize capacity, GError **error)
{
    g_autoptr (FovGraph) graph = fov_graph_copy (fov_model_graph (model));
    FovPictureInput input = { 0 };
    FovIntakeWishes wishes = { p->color_order, p->fit, p->mean, p->scale };

    if (!fov_picture_input_find (&input, graph, "an embedder", error) ||
        !fov_picture_input_size (&input, (int) batch, p->width, p->height, FREE_WIDTH, FREE_HEIGHT,
                                 error) ||
        !fov_graph_specialize (graph, NULL, error) || !choose_output (e, graph, batch, error))
        return NULL;
    e->intake = default_intake;
    e->width = input.width;
    e->height = input.height;
    if (!fov_intake_apply (&e->intake, fov_picture_input_prepares_itself (&input), &wishes,
                           error) ||
        !fov_picture_input_attach (&input, graph, &e->intake, capacity, error))
        return NULL;
    return g_steal_pointer (&graph);
}

static gboolean
add_run (FovEmbedder *e, FovDevice *device, FovModel *model, const FovEmbedderParams *p,
         guint batch, GError **error)
{
    FovSessionParams params = { .max_in_flight = 1,
                                .profile = p->profile,
                                .progress = p->progress,
                                .progress_data = p->progress_data };
    Run *run = &e->runs[e->n_runs];
    gboolean copies = fov_device_kind (device) == FOV_DEVICE_VULKAN;
    gsize capacity = (copies ? FULL_HD_BYTES : 0) / batch + FOV_PICTURE_SLACK;
    FovGraph *graph = make_graph (e, model, p, batch, capacity, error);

    if (graph)
        run->session = fov_session_new_from_graph (device, graph, &params, error);
    if (!run->session)
        return FALSE;
    e->in_place = fov_session_reads_in_place (run->session);
    run->batch = batch;
    run->capacity = capacity * batch;
    e->n_runs++;
    return TRUE;
}

/* The model for batches of that size, or NULL where its graph knows one picture only. */
static FovModel *
batched (FovModel *model, guint batch)
{
    g_autoptr (GError) why = NULL;
    g_autofree FovShape *shapes = g_new0 (FovShape, fov_model_n_inputs (model) + 1);
    FovModel *made;

    for (guint i = 0; i < fov_model_n_inputs (model); i++) {
        FovTensorInfo info;
        fov_model_input (model, i, &info);
        shapes[i] = info.shape;
        if (info.shape.rank == 4)
            shapes[i].dim[0] = batch;
    }
    made = fov_model_reshape (model, shapes, &why);
    if (!made)
        g_debug ("no batch of %u: %s", batch, why->message);
    return made;
}

static gboolean
add_runs (FovEmbedder *e, FovDevice *device, FovModel *model, const FovEmbedderParams *p,
          GError **error)
{
    guint most = p->max_batch                                    ? p->max_batch
                 : fov_device_kind (device) == FOV_DEVICE_VULKAN ? DEVICE_BATCH
                                                                 : HOST_BATCH;

    for (guint batch = 1, next; batch <= most; batch = next) {
        g_autoptr (FovModel) made = batched (model, batch);
        g_autoptr (GError) why = NULL;
        if (add_run (e, device, made ? made : model, p, batch, &why)) {
            next = batch == most ? most + 1 : MIN (batch * 2, most);
            continue;
        }
        if (batch > 1) /* what runs for one picture is used so */
            return TRUE;
        g_propagate_error (error, g_steal_pointer (&why));
        return FALSE;
    }
    return TRUE;
}

FovEmbedder *
fov_embedder_new (FovDevice *device, FovModel *model, const FovEmbedderParams *params,
                  GError **error)
{
    static const FovEmbedderParams defaults;
    const FovEmbedderParams *p = params ? params : &defaults;
    g_autoptr (FovEmbedder) e = NULL;

    if (!check_params (p, error))
        return NULL;
    e = g_new0 (FovEmbedder, 1);
    g_atomic_ref_count_init (&e->refs);
    g_mutex_init (&e->lock);
    if (!add_runs (e, device, model, p, error)) {
        g_prefix_error (error, "%s: ", fov_model_path (model));
        return NULL;
    }
    return g_steal_pointer (&e);
}

FovEmbedder *
fov_embedder_ref (FovEmbedder *e)
{
    g_atomic_ref_count_inc (&e->refs);
    return e;
}

void
fov_embedder_unref (FovEmbedder *e)
{
    if (!e || !g_atomic_ref_count_dec (&e->refs))
        return;
    for (guint i = 0; i < e->n_runs; i++)
        fov_session_unref (e->runs[i].session);
    g_mutex_clear (&e->lock);
    g_free (e);
}

/* ---- one run ---------------------------------------------------------- */

static FovBox
region_of (const FovImage *image, FovBox box)
{
    float w = (float) image->width, h = (float) image->height;
    FovBox cut = fov_box_clip (box, w, h);

    if (fov_box_area (cut) > 0)
        return cut;
    cut.x1 = isfinite (box.x1) ? CLAMP (floorf (box.x1), 0, w - 1) : 0;
    cut.y1 = isfinite (box.y1) ? CLAMP (floorf (box.y1), 0, h - 1) : 0;
    return (FovBox){ cut.x1, cut.y1, cut.x1 + 1, cut.y1 + 1 };
}

/* All frames look at one picture; a short batch repeats its last box. */
static void
fill_frames (FovEmbedder *e, const Run *run, const FovImage *image, const FovBox *boxes, guint n,
             FovFrameInfo *frames, guint8 *copy)
{
    FovFrameInfo first = { 0 };

    for (guint i = 0; i < run->batch; i++) {
        FovBox region = region_of (image, boxes[MIN (i, n - 1)]);
        FovLetterbox map = fov_letterbox (region, e->width, e->height, e->intake.fit);
        FovFrameInfo frame = { 0 };
        fov_frame_set_picture (&frame, image, region, &map);
        if (!copy) {
            fov_picture_point (image, &frame, image->plane[0]);
        } else if (i == 0) {
            fov_picture_copy (image, &frame, copy, 0);
            first = frame;
        } else {
            frame.kind = first.kind;
            memcpy (frame.offset, first.offset, sizeof frame.offset);
            memcpy (frame.stride, first.stride, sizeof frame.stride);
        }
        memcpy (&frames[i], &frame, sizeof frame);
    }
}

static gboolean
reserve (FovEmbedder *e, Run *run, const FovImage *image, GError **error)
{
    gsize need = fov_picture_bytes (image) + FOV_PICTURE_SLACK;

    if (e->in_place || need <= run->capacity)
        return TRUE;
    if (!fov_session_reserve_input (run->session, 0, need, error))
        return FALSE;
    run->capacity = need;
    return TRUE;
}

static void
normalise (const float *from, float *to, guint dim)
{
    double sum = 0;

    for (guint i = 0; i < dim; i++)
        sum += (double) from[i] * from[i];
    sum = isfinite (sum) && sum > 0 ? 1 / sqrt (sum) : 0;
    for (guint i = 0; i < dim; i++)
        to[i] = sum > 0 ? (float) (from[i] * sum) : 0;
}

static gboolean
run_batch (FovEmbedder *e, Run *run, const FovImage *image, const FovBox *boxes, guint n,
           float *out, GError **error)
{
    FovSession *session = run->session;
    guint8 *copy = NULL;
    gboolean ok;
    guint slot;

    if (!reserve (e, run, image, error))
        return FALSE;
    slot = fov_session_begin (session, error);
    if (!slot)
        return FALSE;
    if (e->in_place)
        fov_session_slot_bind (session, slot, 0, image->plane[0]);
    else
        copy = fov_session_slot_input (session, slot, 0);
    fill_frames (e, run, image, boxes, n, fov_session_slot_input (session, slot, 1), copy);
    ok = fov_session_submit (session, slot, error) && fov_session_wait (session, slot, error);
    for (guint i = 0; ok && i < n; i++) {
        const float *rows = fov_session_slot_output (session, slot, 0);
        normalise (rows + (gsize) i * e->dim, out + (gsize) i * e->dim, e->dim);
    }
    fov_session_end (session, slot);
    return ok;
}

/* On the host a crop costs the same in any batch, so none is wasted on filling one; a GPU
 * rather fills one than runs twice. */
static Run *
choose_run (FovEmbedder *e, guint left)
{
    guint i = 0;

    while (i + 1 < e->n_runs && e->runs[i].batch < left)
        i++;
    if (e->in_place && e->runs[i].batch > left)
        i--;
    return &e->runs[i];
}

gboolean
fov_embedder_embed (gpointer embedder, const FovImage *image, const FovBox *boxes, guint n,
                    float *out, GError **error)
{
    FovEmbedder *e = embedder;
    gboolean ok = fov_image_check (image, error);

    g_mutex_lock (&e->lock);
    for (guint done = 0, now; ok && done < n; done += now) {
        Run *run = choose_run (e, n - done);
        now = MIN (run->batch, n - done);
        ok = run_batch (e, run, image, boxes + done, now, out + (gsize) done * e->dim, error);
    }
    g_mutex_unlock (&e->lock);
    return ok;
}

/* ---- small things ----------------------------------------------------- */

guint
fov_embedder_dim (FovEmbedder *e)
{
    return e->dim;
}

void
fov_embedder_input_size (FovEmbedder *e, int *width, int *height)
{
    *width = e->width;
    *height = e->height;
}

guint
fov_embedder_max_batch (FovEmbedder *e)
{
    return e->runs[e->n_runs - 1].batch;
}

void
fov_embedder_info (FovEmbedder *e, gboolean of_max_batch, FovSessionInfo *info)
{
    fov_session_info (e->runs[of_max_batch ? e->n_runs - 1 : 0].session, info);
}

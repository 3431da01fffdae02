/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/siamese-net.h"

#include <math.h>
#include <string.h>

#define FREE_SIZE 255 /* of a search crop where the backbone leaves it free, as SiamFC has it */
#define MAX_CELLS 64
#define MAX_CHANNELS 4096

/* A model planned for batches of 1, 2, 4, ... */
typedef struct {
    FovSession *session[4];
    guint n;
} Sessions;

struct _FovSiameseNet {
    FovDevice *device;
    FovSiameseShape shape;
    Sessions template, search, head;
    int template_input, score_output; /* which of the head's two; the other is the other's */
};

static gboolean
wrong (GError **error, FovModel *model, const char *what, const FovTensorInfo *info,
       const char *expected)
{
    g_autofree char *shape = fov_shape_to_string (&info->shape);

    g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED, "%s: %s '%s' is %s %s, expected %s",
                 fov_model_path (model), what, info->name, fov_dtype_name (info->dtype), shape,
                 expected);
    return FALSE;
}

static gboolean
count (GError **error, FovModel *model, guint n_inputs, guint n_outputs, const char *what)
{
    if (fov_model_n_inputs (model) == n_inputs && fov_model_n_outputs (model) == n_outputs)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                 "%s: %u inputs and %u outputs, expected %s", fov_model_path (model),
                 fov_model_n_inputs (model), fov_model_n_outputs (model), what);
    return FALSE;
}

/* ---- the backbone ----------------------------------------------------- */

static FovShape
crop_shape (gint64 batch, int size)
{
    return (FovShape){ 4, { batch, 3, size, size } };
}

/* Cells a side and channels of what the backbone makes of a crop of that size; 0 where it can
 * not. */
static int
backbone_cells (FovModel *backbone, int size, int *channels, FovTensorInfo *info)
{
    FovShape shape = crop_shape (1, size);
    g_autoptr (FovModel) made = fov_model_reshape (backbone, &shape, NULL);
    FovTensorInfo named;

    if (!made)
        return 0;
    fov_model_output (made, 0, info);
    fov_model_output (backbone, 0, &named);
    info->name = named.name; /* which outlives made's */
    *channels = (int) CLAMP (info->shape.dim[1], 0, MAX_CHANNELS + 1);
    if (info->dtype != FOV_F32 || info->shape.rank != 4 || info->shape.dim[0] != 1 ||
        info->shape.dim[2] != info->shape.dim[3] || info->shape.dim[2] > MAX_CELLS ||
        *channels < 1 || *channels > MAX_CHANNELS)
        return 0;
    return (int) info->shape.dim[2];
}

static gboolean
read_backbone (FovSiameseNet *net, FovModel *model, GError **error)
{
    FovSiameseShape *s = &net->shape;
    FovTensorInfo in, out = { 0 };

    if (!count (error, model, 1, 1, "a backbone: one crop in, one feature map out"))
        return FALSE;
    fov_model_input (model, 0, &in);
    const FovShape *shape = &in.shape;
    if (in.dtype != FOV_F32 || shape->rank != 4 || shape->dim[0] > 1 ||
        (shape->dim[1] != 3 && shape->dim[1] >= 0) || shape->dim[2] != shape->dim[3] ||
        (shape->dim[2] >= 0 && (shape->dim[2] < 32 || shape->dim[2] > 1024)))
        return wrong (error, model, "input", &in,
                      "a square crop, float32 1x3xSxS with S 32..1024 (NanoTrack: 1x3x255x255)");
    s->search_size = shape->dim[2] < 0 ? FREE_SIZE : (int) shape->dim[2];
    fov_model_output (model, 0, &out);
    s->search_cells = backbone_cells (model, s->search_size, &s->channels, &out);
    if (s->search_cells < 4)
        return wrong (error, model, "output", &out,
                      "a square feature map, float32 1xCxNxN with N 4..64 (NanoTrack: 1x48x16x16)");
    s->stride = (int) lround ((double) s->search_size / s->search_cells);
    return TRUE;
}

/* ---- the head --------------------------------------------------------- */

static gboolean
is_features (const FovSiameseNet *net, const FovTensorInfo *info, gint64 cells)
{
    const FovShape *s = &info->shape;

    return info->dtype == FOV_F32 && s->rank == 4 && (s->dim[0] < 0 || s->dim[0] == 1) &&
           (s->dim[1] < 0 || s->dim[1] == net->shape.channels) && s->dim[2] == s->dim[3] &&
           (s->dim[2] < 0 || s->dim[2] == cells ||
            (cells == 0 && s->dim[2] >= 2 && s->dim[2] < net->shape.search_cells));
}

/* A free size may be a template's. */
static gint64
cells_of (const FovSiameseNet *net, const FovTensorInfo *info)
{
    gboolean known = info->shape.rank == 4 && info->shape.dim[2] >= 0;

    return known ? info->shape.dim[2] : net->shape.search_cells - 1;
}

/* The template is the smaller one; where both sizes are free, the first. */
static gboolean
read_head_inputs (FovSiameseNet *net, FovModel *head, GError **error)
{
    g_autofree char *template =
        g_strdup_printf ("a template's features, float32 1x%dxNxN with N 2..%d",
                         net->shape.channels, net->shape.search_cells - 1);
    g_autofree char *search =
        g_strdup_printf ("a search crop's features as the backbone makes them, float32 1x%dx%dx%d",
                         net->shape.channels, net->shape.search_cells, net->shape.search_cells);
    FovTensorInfo in[2];

    if (!count (error, head, 2, 2,
                "a head: a template's and a search crop's features in, scores and boxes out"))
        return FALSE;
    for (guint i = 0; i < 2; i++)
        fov_model_input (head, i, &in[i]);
    net->template_input = cells_of (net, &in[1]) < cells_of (net, &in[0]);
    const FovTensorInfo *t = &in[net->template_input], *s = &in[!net->template_input];
    if (!is_features (net, t, 0))
        return wrong (error, head, "input", t, template);
    if (!is_features (net, s, net->shape.search_cells))
        return wrong (error, head, "input", s, search);
    net->shape.template_cells = t->shape.dim[2] < 0 ? 0 : (int) t->shape.dim[2];
    return TRUE;
}

/* The crop size whose features are as large as the head's template. */
static gboolean
find_template_size (FovSiameseNet *net, FovModel *backbone, FovModel *head, GError **error)
{
    FovSiameseShape *s = &net->shape;
    int half = (s->search_size - 1) / 2, channels;
    int asked = s->template_cells * s->search_size / s->search_cells;
    const int sizes[] = { half, half + 1, asked, asked - 1, asked + 1 };
    FovTensorInfo info;

    for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
        int cells = sizes[i] >= 16 ? backbone_cells (backbone, sizes[i], &channels, &info) : 0;
        if (cells < 2 || channels != s->channels ||
            (s->template_cells && cells != s->template_cells))
            continue;
        s->template_size = sizes[i];
        s->template_cells = cells;
        return TRUE;
    }
    g_set_error (
        error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
        "%s: the head's template is %d cells a side, but %s makes that of no crop of about "
        "half the search crop's %d pixels",
        fov_model_path (head), s->template_cells, fov_model_path (backbone), s->search_size);
    return FALSE;
}

static void
head_shapes (const FovSiameseNet *net, gint64 batch, FovShape shapes[2])
{
    const FovSiameseShape *s = &net->shape;

    shapes[net->template_input] =
        (FovShape){ 4, { batch, s->channels, s->template_cells, s->template_cells } };
    shapes[!net->template_input] =
        (FovShape){ 4, { batch, s->channels, s->search_cells, s->search_cells } };
}

static gboolean
is_map (const FovTensorInfo *info, gint64 channels, gint64 map)
{
    const FovShape *s = &info->shape;

    return info->dtype == FOV_F32 && s->rank == 4 && s->dim[0] == 1 && s->dim[1] == channels &&
           s->dim[2] == s->dim[3] && s->dim[2] >= 3 && s->dim[2] <= MAX_CELLS &&
           (map == 0 || s->dim[2] == map);
}

static gboolean
read_head (FovSiameseNet *net, FovModel *head, GError **error)
{
    g_autoptr (FovModel) made = NULL;
    FovTensorInfo out[2];
    FovShape shapes[2];

    head_shapes (net, 1, shapes);
    made = fov_model_reshape (head, shapes, error);
    if (!made)
        return FALSE;
    for (guint i = 0; i < 2; i++)
        fov_model_output (made, i, &out[i]);
    net->score_output = is_map (&out[1], 2, 0);
    const FovTensorInfo *score = &out[net->score_output], *box = &out[!net->score_output];
    if (!is_map (score, 2, 0))
        return wrong (error, head, "output", score,
                      "scores of background and target, float32 1x2xMxM with M 3..64");
    net->shape.map = (int) score->shape.dim[2];
    if (!is_map (box, 4, net->shape.map))
        return wrong (error, head, "output", box,
                      "distances to four edges on the scores' map, float32 1x4xMxM");
    return TRUE;
}

/* ---- planning --------------------------------------------------------- */

static FovSession *
plan (FovDevice *device, FovModel *model, const FovShape *shapes, GError **error)
{
    FovSessionParams params = { .max_in_flight = 1 };
    g_autoptr (FovModel) made = fov_model_reshape (model, shapes, error);

    return made ? fov_session_new (device, made, &params, error) : NULL;
}

static void
sessions_clear (Sessions *s)
{
    for (guint i = 0; i < s->n; i++)
        fov_session_unref (s->session[i]);
}

/* Batches gain nothing on the host (measured: the same time a crop, and larger arenas). */
static guint
most_batches (FovDevice *device)
{
    return fov_device_kind (device) == FOV_DEVICE_VULKAN ? 4 : 1;
}

static gboolean
plan_backbone (FovSiameseNet *net, Sessions *s, FovModel *model, int size, GError **error)
{
    for (guint i = 0; i < most_batches (net->device); i++) {
        FovShape shape = crop_shape (1 << i, size);
        s->session[i] = plan (net->device, model, &shape, i ? NULL : error);
        if (!s->session[i])
            return i > 0;
        s->n++;
    }
    return TRUE;
}

static gboolean
plan_head (FovSiameseNet *net, FovModel *model, GError **error)
{
    for (guint i = 0; i < most_batches (net->device); i++) {
        FovShape shapes[2];
        head_shapes (net, 1 << i, shapes);
        net->head.session[i] = plan (net->device, model, shapes, i ? NULL : error);
        if (!net->head.session[i])
            return i > 0;
        net->head.n++;
    }
    return TRUE;
}

static gboolean
open_pair (FovSiameseNet *net, FovModel *backbone, FovModel *head, GError **error)
{
    FovSiameseShape *s = &net->shape;

    if (!read_backbone (net, backbone, error) || !read_head_inputs (net, head, error) ||
        !find_template_size (net, backbone, head, error) || !read_head (net, head, error))
        return FALSE;
    s->template_floats = s->channels * s->template_cells * s->template_cells;
    s->search_floats = s->channels * s->search_cells * s->search_cells;
    return plan_backbone (net, &net->template, backbone, s->template_size, error) &&
           plan_backbone (net, &net->search, backbone, s->search_size, error) &&
           plan_head (net, head, error);
}

FovSiameseNet *
fov_siamese_net_new (FovDevice *device, FovModel *backbone, FovModel *head, GError **error)
{
    g_autoptr (FovSiameseNet) net = g_new0 (FovSiameseNet, 1);

    net->device = device ? fov_device_ref (device) : fov_device_open ("cpu", error);
    if (!net->device || !open_pair (net, backbone, head, error))
        return NULL;
    return g_steal_pointer (&net);
}

void
fov_siamese_net_free (FovSiameseNet *net)
{
    if (!net)
        return;
    sessions_clear (&net->template);
    sessions_clear (&net->search);
    sessions_clear (&net->head);
    g_clear_pointer (&net->device, fov_device_unref);
    g_free (net);
}

const FovSiameseShape *
fov_siamese_net_shape (const FovSiameseNet *net)
{
    return &net->shape;
}

guint
fov_siamese_net_batch (const FovSiameseNet *net)
{
    return 1u << (MAX (net->search.n, net->head.n) - 1);
}

/* ---- running ---------------------------------------------------------- */

/* The largest planned batch that n fill; log2 of it. */
static guint
choose (const Sessions *s, guint n)
{
    guint i = 0;

    while (i + 1 < s->n && (2u << i) <= n)
        i++;
    return i;
}

static gboolean
run_backbone (Sessions *s, int size, int floats, const float *crops, guint n, float *features,
              GError **error)
{
    gsize crop = 3 * (gsize) size * (gsize) size;

    for (guint done = 0, i; done < n; done += 1 << i) {
        i = choose (s, n - done);
        FovView in = { FOV_F32, crop_shape (1 << i, size), (float *) crops + done * crop };
        FovView out;
        if (!fov_session_run (s->session[i], &in, &out, error))
            return FALSE;
        memcpy (features + (gsize) done * (gsize) floats, out.data,
                ((gsize) floats << i) * sizeof (float));
    }
    return TRUE;
}

gboolean
fov_siamese_net_template (FovSiameseNet *net, const float *crops, guint n, float *features,
                          GError **error)
{
    return run_backbone (&net->template, net->shape.template_size, net->shape.template_floats,
                         crops, n, features, error);
}

gboolean
fov_siamese_net_search (FovSiameseNet *net, const float *crops, guint n, float *features,
                        GError **error)
{
    return run_backbone (&net->search, net->shape.search_size, net->shape.search_floats, crops, n,
                         features, error);
}

/* Softmax of background and target. */
static void
read_scores (const float *logits, int cells, float *scores)
{
    for (int k = 0; k < cells; k++)
        scores[k] = 1 / (1 + expf (logits[k] - logits[cells + k]));
}

gboolean
fov_siamese_net_head (FovSiameseNet *net, const float *templates, const float *searches, guint n,
                      float *scores, float *boxes, GError **error)
{
    const FovSiameseShape *s = &net->shape;
    int cells = s->map * s->map;

    for (guint done = 0, i; done < n; done += 1 << i) {
        FovView in[2], out[2];
        FovShape shapes[2];
        i = choose (&net->head, n - done);
        head_shapes (net, 1 << i, shapes);
        for (int k = 0; k < 2; k++)
            in[k] = (FovView){ FOV_F32, shapes[k],
                               k == net->template_input
                                   ? (float *) templates + done * (gsize) s->template_floats
                                   : (float *) searches + done * (gsize) s->search_floats };
        if (!fov_session_run (net->head.session[i], in, out, error))
            return FALSE;
        const float *logits = out[net->score_output].data;
        for (guint k = 0; k < 1u << i; k++)
            read_scores (logits + k * 2 * (gsize) cells, cells,
                         scores + (done + k) * (gsize) cells);
        memcpy (boxes + done * 4 * (gsize) cells, out[!net->score_output].data,
                (4 * (gsize) cells << i) * sizeof (float));
    }
    return TRUE;
}

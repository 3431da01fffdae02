/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Conv and ConvTranspose under training by Winograd's way: weights that stay are better packed
 * once, as they are. A task transforms the input of some tiles, multiplies plane by plane and
 * transforms back; the weights' transform comes first, or, where there are few tiles but many
 * weights, each task makes that of its own output channels.
 */
#include "ops/host-winograd.h"

#include "ops/host-conv.h"

#define WANTED_TASKS 8
#define WORK_BYTES (512 * 1024) /* of a task's planes */
#define FEW_CHUNKS 4            /* of tiles: then weights are transformed where they are used, */
#define OWN_CHANNELS 64         /* so many input channels at a time */

/* ---- tiles ------------------------------------------------------------- */

/* Tiles that go together: enough to use weights well, but few enough for the cache. */
static int
chunk_size (int channels, int out_channels)
{
    const gsize bytes = FOV_WINOGRAD_PLANES * sizeof (float) * (gsize) (channels + out_channels);

    return (int) CLAMP (WORK_BYTES / bytes / 14 * 14, 28, 56);
}

gboolean
fov_host_winograd_pays (int channels, const FovShape *output, int block, FovWinogradTiles *tiles)
{
    const double pixels = (double) output->dim[0] * (double) output->dim[2] * output->dim[3];
    const double in = (channels + block - 1) / block, out = (output->dim[1] + block - 1) / block;
    const double weights = (double) channels * out;
    double cost; /* in vector operations */

    tiles->images = (int) output->dim[0];
    tiles->down = (int) (output->dim[2] + 3) / 4;
    tiles->across = (int) (output->dim[3] + 3) / 4;
    tiles->most = chunk_size (channels, (int) output->dim[1]);
    tiles->block = block;
    cost = (double) fov_host_winograd_count (tiles) * (40 * weights + 250 * in + 200 * out) +
           200 * weights;
    return cost < 0.8 * 9 * pixels * weights;
}

gsize
fov_host_winograd_count (const FovWinogradTiles *tiles)
{
    return (gsize) tiles->images * tiles->down * tiles->across;
}

/* An odd number of cache lines, so that the planes of one tile lie in different sets. */
static gsize
odd_lines (gsize floats)
{
    return ((floats + 15) / 16 | 1) * 16;
}

gsize
fov_host_winograd_step (const FovWinogradTiles *tiles, int blocks)
{
    return odd_lines ((gsize) blocks * tiles->most * tiles->block);
}

/* A tile and where it is in its image. */
typedef struct {
    gsize image;
    int y, x;
} Place;

static Place
place_of (const FovWinogradTiles *t, gsize tile)
{
    return (Place){ tile / t->across / t->down, (int) (tile / t->across % t->down),
                    (int) (tile % t->across) };
}

static void
go_on (const FovWinogradTiles *t, Place *place)
{
    if (++place->x < t->across)
        return;
    place->x = 0;
    if (++place->y < t->down)
        return;
    place->y = 0;
    place->image++;
}

static gsize
offset_of (const FovWinogradTiles *t, const FovWinogradPicture *p, const Place *place)
{
    return p->base + place->image * p->image +
           4 * (place->y * p->row + (gsize) place->x * t->block);
}

void
fov_host_winograd_take (const FovWinogradTiles *tiles, const FovWinogradPicture *picture,
                        const float *data, int block0, int block1, gsize first, int n,
                        FovWinogradTransform transform, float *v)
{
    const gsize step = fov_host_winograd_step (tiles, block1 - block0);

    for (int block = block0; block < block1; block++) {
        const float *x = data + block * picture->block;
        float *to = v + (gsize) (block - block0) * tiles->most * tiles->block;
        Place place = place_of (tiles, first);
        for (int i = 0; i < n; i++, go_on (tiles, &place))
            transform (x + offset_of (tiles, picture, &place), picture->row,
                       picture->rows - 4 * place.y, picture->columns - 4 * place.x,
                       to + i * tiles->block, step);
    }
}

/* ---- the convolution --------------------------------------------------- */

typedef struct {
    FovWinogradTiles tiles;
    FovWinogradPicture x, y;
    int channels, in_blocks, out_channels, out_blocks, n_parts;
    gsize out_step, in_step; /* of weights */
    gboolean flipped;
    gboolean own_weights; /* each task transforms those of its parts */
    guint n_chunks, n_splits;
    gsize u_step, u_part, v_step, v_floats; /* u: [part][36][channel][two blocks]; own: one part */
} Winograd;

static int
part_blocks (const Winograd *s, int part)
{
    return MIN (2, s->out_blocks - 2 * part);
}

/* Of one block of output channels, from l on, and n channels, 16 at most, from c on: turned round
 * to [channel][tap][output channel], transformed, to u. */
static void
transform_block (const Winograd *s, const float *w, int l, int c, int n, float *u, int lanes)
{
    const FovHostKernels *kernels = fov_host_kernels ();
    const int b = s->tiles.block;
    const int there = MIN (b, s->out_channels - l);
    float taps[16 * 9 * 16];

    w += l * s->out_step + c * s->in_step;
    if (s->flipped)
        for (int i = 0; i < n; i++)
            kernels->interleave (w + i * s->in_step, s->out_step, there, taps + i * 9 * b, 9);
    else
        kernels->interleave (w, s->out_step, there, taps, 9 * n);
    for (int i = 0; i < n; i++)
        kernels->winograd_weights (taps + (i * 9 + (s->flipped ? 8 : 0)) * b, s->flipped ? -b : b,
                                   u + i * lanes, s->u_step);
}

/* Of input channels [c0, c1). */
static void
transform_weights (const Winograd *s, const float *w, int part, int c0, int c1, float *u)
{
    const int b = s->tiles.block, blocks = part_blocks (s, part), lanes = blocks * b;

    for (int c = c0; c < c1; c += 16)
        for (int o = 0; o < blocks; o++)
            transform_block (s, w, (2 * part + o) * b, c, MIN (16, c1 - c),
                             u + (c - c0) * lanes + o * b, lanes);
}

static void
winograd_first (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Winograd *s = step->state;

    transform_weights (s, fov_host_in (frame, step->step.in[1]), (int) task, 0, s->channels,
                       (float *) frame->scratch + task * s->u_part);
}

/* Plane by plane, [36][tiles][channels] times [36][channels][two blocks], of input channels
 * [c0, c1), where u begins: sets m, a part's, or, from c0 > 0 on, adds to it. */
static void
multiply (const Winograd *s, int part, int c0, int c1, int n, const float *v, const float *u,
          float *m, gsize m_step)
{
    static const float zeros[2 * 16];
    const int b = s->tiles.block;
    const gsize line = (gsize) s->tiles.most * b;
    FovConvPart one = { .bias = zeros, .channels = c1 - c0, .blocks = part_blocks (s, part) };
    FovConvArgs a = { .kh = 1,
                      .kw = 1,
                      .width = n,
                      .x_pixel = b,
                      .x_block = line,
                      .y_block = line,
                      .r_block = line,
                      .parts = &one };

    for (int plane = 0; plane < FOV_WINOGRAD_PLANES; plane++) {
        a.x = v + plane * s->v_step + c0 / b * line;
        a.y = m + plane * m_step;
        a.r = c0 ? a.y : NULL;
        one.w = u + plane * s->u_step;
        fov_host_kernels ()->conv (&a, 0, 1, 0, 1);
    }
}

/* The output's tiles of one channel block, out of m, the block's own first plane. */
static void
give_block (const Winograd *s, const float *bias, int block, gsize first, int n, const float *m,
            gsize m_step, float *y)
{
    const int b = s->tiles.block;
    float padded[16] = { 0 };
    Place place = place_of (&s->tiles, first);

    if (bias)
        memcpy (padded, bias + block * b, MIN (b, s->out_channels - block * b) * sizeof (float));
    for (int i = 0; i < n; i++, go_on (&s->tiles, &place))
        fov_host_kernels ()->winograd_output (m + i * b, m_step, padded,
                                              y + offset_of (&s->tiles, &s->y, &place), s->y.row,
                                              s->y.rows - 4 * place.y, s->y.columns - 4 * place.x);
}

static void
winograd_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Winograd *s = step->state;
    const guint chunk = task / s->n_splits, split = task % s->n_splits;
    const gsize count = fov_host_winograd_count (&s->tiles);
    const gsize first = fov_host_cut (count, s->n_chunks, chunk);
    const int n = (int) (fov_host_cut (count, s->n_chunks, chunk + 1) - first);
    const int part0 = (int) fov_host_cut (s->n_parts, s->n_splits, split);
    const int part1 = (int) fov_host_cut (s->n_parts, s->n_splits, split + 1);
    const gsize m_step = fov_host_winograd_step (&s->tiles, 2 * (part1 - part0));
    const gsize m_block = (gsize) s->tiles.most * s->tiles.block;
    const float *bias = fov_in (step->step.node, 2) ? fov_host_in (frame, step->step.in[2]) : NULL;
    float *v = frame->own, *m = v + s->v_floats, *u = m + FOV_WINOGRAD_PLANES * m_step;

    fov_host_winograd_take (&s->tiles, &s->x, fov_host_in (frame, step->step.in[0]), 0,
                            s->in_blocks, first, n, fov_host_kernels ()->winograd_input, v);
    for (int p = part0; p < part1; p++) {
        float *part_m = m + 2 * (p - part0) * m_block;
        if (!s->own_weights)
            multiply (s, p, 0, s->channels, n, v, (float *) frame->scratch + p * s->u_part, part_m,
                      m_step);
        for (int c = 0; s->own_weights && c < s->channels; c += OWN_CHANNELS) {
            const int end = MIN (c + OWN_CHANNELS, s->channels);
            transform_weights (s, fov_host_in (frame, step->step.in[1]), p, c, end, u);
            multiply (s, p, c, end, n, v, u, part_m, m_step);
        }
    }
    for (int block = 2 * part0; block < MIN (2 * part1, s->out_blocks); block++)
        give_block (s, bias, block, first, n, m + (block - 2 * part0) * m_block, m_step,
                    fov_host_out (frame, step->step.out[0]) + block * s->y.block);
}

/* ---- preparation ------------------------------------------------------- */

static gboolean
is_transposed (const FovNode *node)
{
    return fov_node_is (node, "ConvTranspose");
}

gboolean
fov_host_winograd_fits (const FovHostStep *step)
{
    const FovNode *node = step->step.node;
    const FovConvParams *p = node->params;
    const FovOperand *x = step->step.in[0], *y = step->step.out[0];
    FovWinogradTiles tiles;

    for (int i = 0; i < 2; i++)
        if (p->kernel_shape.v[i] != 3 || p->strides.v[i] != 1 || p->dilations.v[i] != 1)
            return FALSE;
    return p->group == 1 && p->act.kind == FOV_ACT_NONE && !fov_in (node, 3) &&
           x->format.layout == FOV_BLOCKED && !fov_host_conv_is_constant (node) &&
           fov_host_winograd_pays ((int) x->shape.dim[1], &y->shape, y->format.block, &tiles);
}

static void
set_pictures (const FovHostStep *step, Winograd *s)
{
    const FovConvParams *p = step->step.node->params;
    const FovOperand *x = step->step.in[0], *y = step->step.out[0];
    const FovBlockedStrides xs = fov_host_strides (x), ys = fov_host_strides (y);
    const int rows = (int) y->shape.dim[2], columns = (int) y->shape.dim[3];
    gssize top = -p->pads.v[0], left = -p->pads.v[1];

    if (is_transposed (step->step.node)) {
        top = p->pads.v[0] - 2;
        left = p->pads.v[1] - 2;
    }
    s->x = (FovWinogradPicture){ xs.base, xs.image, xs.block, xs.row, rows + 2, columns + 2 };
    s->x.base += top * (gssize) xs.row + left * s->tiles.block;
    s->y = (FovWinogradPicture){ ys.base, ys.image, ys.block, ys.row, rows, columns };
}

/* Into chunks of tiles and, where those are few, of output channels; the same whatever threads
 * there are. */
static void
cut_work (FovHostStep *step, Winograd *s)
{
    const gsize count = fov_host_winograd_count (&s->tiles);
    const int lanes = 2 * s->tiles.block;
    int most_parts;

    s->n_chunks = (guint) ((count + s->tiles.most - 1) / s->tiles.most);
    s->n_splits = (WANTED_TASKS + s->n_chunks - 1) / s->n_chunks;
    s->n_splits = MIN (s->n_splits, (guint) s->n_parts);
    s->own_weights = s->n_chunks < FEW_CHUNKS;
    s->u_step = odd_lines (
        (gsize) (s->own_weights ? MIN (s->channels, OWN_CHANNELS) : s->channels) * lanes);
    s->u_part = FOV_WINOGRAD_PLANES * s->u_step;
    s->v_step = fov_host_winograd_step (&s->tiles, s->in_blocks);
    s->v_floats = FOV_WINOGRAD_PLANES * s->v_step;
    most_parts = (s->n_parts + (int) s->n_splits - 1) / (int) s->n_splits;
    step->own_bytes =
        sizeof (float) *
        (s->v_floats + FOV_WINOGRAD_PLANES * fov_host_winograd_step (&s->tiles, 2 * most_parts));
    if (s->own_weights)
        step->own_bytes += s->u_part * sizeof (float);
    else
        step->scratch_bytes = s->n_parts * s->u_part * sizeof (float);
    step->n_tasks = s->n_chunks * s->n_splits;
}

void
fov_host_winograd_prepare (FovHostStep *step)
{
    const FovOperand *x = step->step.in[0], *y = step->step.out[0];
    const int block = y->format.block;
    Winograd *s = g_new0 (Winograd, 1);

    s->channels = (int) x->shape.dim[1];
    s->out_channels = (int) y->shape.dim[1];
    fov_host_winograd_pays (s->channels, &y->shape, block, &s->tiles);
    s->in_blocks = (s->channels + block - 1) / block;
    s->out_blocks = (s->out_channels + block - 1) / block;
    s->n_parts = (s->out_blocks + 1) / 2;
    s->flipped = is_transposed (step->step.node);
    s->out_step = s->flipped ? 9 : (gsize) s->channels * 9;
    s->in_step = s->flipped ? (gsize) s->out_channels * 9 : 9;
    set_pictures (step, s);
    cut_work (step, s);
    step->state = s;
    step->free_state = g_free;
    step->run = winograd_run;
    if (!s->own_weights) {
        step->first = winograd_first;
        step->n_first = (guint) s->n_parts;
    }
}

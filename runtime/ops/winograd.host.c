/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Conv and ConvTranspose by Winograd's way. A task transforms the input of some tiles, multiplies
 * plane by plane and transforms back. Where output channels are shared out among tasks too, tiles
 * come first, in tasks of their own. Constant weights are transformed when the step is prepared,
 * and kept in that form alone; others first in each run, or, where there are few tiles but many
 * weights, each task makes those of its own output channels.
 */
#include "ops/host-winograd.h"

#include "ops/host-conv.h"

#include <math.h>
#include <stdlib.h>

#define WANTED_TASKS 8
#define WORK_BYTES (512 * 1024) /* of a task's planes */
#define FEW_CHUNKS 4            /* of tiles: then live weights are transformed where used, */
#define OWN_CHANNELS 64         /* so many input channels at a time */

/* ---- tiles ------------------------------------------------------------- */

/* Tiles that go together: enough to use weights well, but few enough for the cache. */
static int
chunk_size (int channels, int out_channels)
{
    const gsize bytes = FOV_WINOGRAD_PLANES * sizeof (float) * (gsize) (channels + out_channels);

    return (int) CLAMP (WORK_BYTES / bytes / 14 * 14, 28, 56);
}

/*
 * In vector operations, as they were measured. A product of a tile costs 40, not 36, for planes
 * are short lines; the transforms 250 and 200 a block. Weights that change are transformed: 200.
 * Constant ones come from memory instead, 36 vectors for each that the other way reads, and what
 * keeps small layers away is the start of each plane's product, with weights the cache has not.
 */
gboolean
fov_host_winograd_pays (int channels, const FovShape *output, int block, gboolean constant,
                        FovWinogradTiles *tiles)
{
    const double pixels = (double) output->dim[0] * (double) output->dim[2] * output->dim[3];
    const double in = (channels + block - 1) / block, out = (output->dim[1] + block - 1) / block;
    const double weights = (double) channels * out;
    double cost;

    tiles->images = (int) output->dim[0];
    tiles->down = (int) (output->dim[2] + 3) / 4;
    tiles->across = (int) (output->dim[3] + 3) / 4;
    tiles->most = chunk_size (channels, (int) output->dim[1]);
    tiles->block = block;
    cost = (double) fov_host_winograd_count (tiles) * (40 * weights + 250 * in + 200 * out);
    if (constant)
        cost += 300 * weights + FOV_WINOGRAD_PLANES * 600 * ceil (out / 2);
    else
        cost += 200 * weights;
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
                        FovWinogradTransform transform, float *v, gsize step)
{
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
    FovWinogradPicture x;
    FovConvArgs to; /* how results are given, but for y and r */
    int rows;
    gsize y_base, y_image, r_base, r_image;
    int channels, in_blocks, out_channels, out_blocks, n_parts;
    gsize out_step, in_step; /* of weights */
    gboolean flipped;
    gboolean own_weights;  /* each task transforms those of its parts */
    gboolean shares_input; /* tiles are transformed first, for all splits */
    guint n_chunks, n_splits;
    gsize u_step, u_part, v_step, v_floats; /* u: [36][part][channel][two blocks]; own: one part */
    float *weights;                         /* transformed once; NULL: they change */
} Winograd;

/* Where results of a run go, and what is added to them. */
typedef struct {
    const float *bias, *r;
    float *y;
} Outputs;

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

/* Plane by plane, [36][tiles][channels] times [36][part][channels][two blocks], of input channels
 * [c0, c1) and parts [part0, part1), where u begins: sets m, of these parts, or, from c0 > 0 on,
 * adds to it. */
static void
multiply (const Winograd *s, int part0, int part1, int c0, int c1, int n, const float *v,
          const float *u, float *m, gsize m_step)
{
    static const float zeros[2 * 16];
    const int b = s->tiles.block;
    const gsize line = (gsize) s->tiles.most * b;
    FovConvPart one = { .bias = zeros, .channels = c1 - c0 };
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
        for (int p = part0; p < part1; p++) {
            one.out_block = 2 * (p - part0);
            one.blocks = part_blocks (s, p);
            one.w = u + plane * s->u_step + (p - part0) * s->u_part;
            fov_host_kernels ()->conv (&a, 0, 1, 0, 1);
        }
    }
}

/* The output's tiles of one channel block, out of m, the block's own first plane. */
static void
give_block (const Winograd *s, const Outputs *outputs, int block, gsize first, int n,
            const float *m, gsize m_step)
{
    const int b = s->tiles.block;
    FovConvArgs to = s->to;
    float padded[16] = { 0 };
    Place place = place_of (&s->tiles, first);

    if (outputs->bias)
        memcpy (padded, outputs->bias + block * b,
                MIN (b, s->out_channels - block * b) * sizeof (float));
    for (int i = 0; i < n; i++, go_on (&s->tiles, &place)) {
        to.y = outputs->y + place.image * s->y_image;
        if (outputs->r)
            to.r = outputs->r + place.image * s->r_image;
        fov_host_kernels ()->winograd_output (m + i * b, m_step, padded, &to, block, 4 * place.y,
                                              4 * place.x, s->rows - 4 * place.y,
                                              s->to.width - 4 * place.x);
    }
}

/* What comes in, and goes out, in one run. */
static Outputs
outputs_of (const FovHostStep *step, const FovHostFrame *frame)
{
    const Winograd *s = step->state;
    const FovNode *node = step->step.node;
    Outputs o = { .y = fov_host_out (frame, step->step.out[0]) + s->y_base };

    if (fov_in (node, 2))
        o.bias = fov_host_in (frame, step->step.in[2]);
    if (fov_in (node, 3))
        o.r = fov_host_in (frame, step->step.in[3]) + s->r_base;
    return o;
}

/* Tiles of one chunk. */
static gsize
chunk_of (const Winograd *s, guint chunk, int *n)
{
    const gsize count = fov_host_winograd_count (&s->tiles);
    const gsize first = fov_host_cut (count, s->n_chunks, chunk);

    *n = (int) (fov_host_cut (count, s->n_chunks, chunk + 1) - first);
    return first;
}

/* Blocks [block0, block1) of a chunk's input, to v. */
static void
take_chunk (const FovHostStep *step, const FovHostFrame *frame, guint chunk, int block0, int block1,
            float *v)
{
    const Winograd *s = step->state;
    int n;
    const gsize first = chunk_of (s, chunk, &n);

    fov_host_winograd_take (&s->tiles, &s->x, fov_host_in (frame, step->step.in[0]), block0, block1,
                            first, n, fov_host_kernels ()->winograd_input,
                            v + (gsize) block0 * s->tiles.most * s->tiles.block, s->v_step);
}

/* Inputs that several tasks see: a task for each block of a chunk. */
static void
input_first (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Winograd *s = step->state;
    const int block = (int) (task % s->in_blocks);
    const guint chunk = task / s->in_blocks;

    take_chunk (step, frame, chunk, block, block + 1,
                (float *) frame->scratch + chunk * s->v_floats);
}

static void
winograd_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Winograd *s = step->state;
    const guint chunk = task / s->n_splits, split = task % s->n_splits;
    const int part0 = (int) fov_host_cut (s->n_parts, s->n_splits, split);
    const int part1 = (int) fov_host_cut (s->n_parts, s->n_splits, split + 1);
    const gsize m_step = fov_host_winograd_step (&s->tiles, 2 * (part1 - part0));
    const gsize m_block = (gsize) s->tiles.most * s->tiles.block;
    const Outputs outputs = outputs_of (step, frame);
    float *v = s->shares_input ? (float *) frame->scratch + chunk * s->v_floats : frame->own;
    float *m = s->shares_input ? frame->own : v + s->v_floats;
    float *u = m + FOV_WINOGRAD_PLANES * m_step;
    int n;
    const gsize first = chunk_of (s, chunk, &n);

    if (!s->shares_input)
        take_chunk (step, frame, chunk, 0, s->in_blocks, v);
    if (!s->own_weights)
        multiply (s, part0, part1, 0, s->channels, n, v,
                  (s->weights ? s->weights : (float *) frame->scratch) + part0 * s->u_part, m,
                  m_step);
    for (int p = part0; s->own_weights && p < part1; p++)
        for (int c = 0; c < s->channels; c += OWN_CHANNELS) {
            const int end = MIN (c + OWN_CHANNELS, s->channels);
            transform_weights (s, fov_host_in (frame, step->step.in[1]), p, c, end, u);
            multiply (s, p, p + 1, c, end, n, v, u, m + 2 * (p - part0) * m_block, m_step);
        }
    for (int block = 2 * part0; block < MIN (2 * part1, s->out_blocks); block++)
        give_block (s, &outputs, block, first, n, m + (block - 2 * part0) * m_block, m_step);
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
    return p->group == 1 && x->format.layout == FOV_BLOCKED &&
           fov_host_winograd_pays ((int) x->shape.dim[1], &y->shape, y->format.block,
                                   fov_host_conv_is_constant (node), &tiles);
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
    s->rows = rows;
    s->y_base = ys.base;
    s->y_image = ys.image;
    s->to = (FovConvArgs){ .y_block = ys.block,
                           .y_row = ys.row,
                           .width = columns,
                           .act = p->act,
                           .residual_last = p->residual_last,
                           .tail = s->out_channels % s->tiles.block,
                           .tail_block = s->out_channels / s->tiles.block };
    fov_conv_simplify (&s->to);
    if (fov_in (step->step.node, 3)) {
        const FovBlockedStrides rs = fov_host_strides (step->step.in[3]);
        s->r_base = rs.base;
        s->r_image = rs.image;
        s->to.r_block = rs.block;
        s->to.r_row = rs.row;
    }
}

/* Into chunks of tiles and, where those are few, of output channels; the same whatever threads
 * there are. */
static void
cut_work (FovHostStep *step, Winograd *s)
{
    const gsize count = fov_host_winograd_count (&s->tiles);
    const int lanes = 2 * s->tiles.block;
    int most_parts;
    gsize own;

    s->n_chunks = (guint) ((count + s->tiles.most - 1) / s->tiles.most);
    s->n_splits = (WANTED_TASKS + s->n_chunks - 1) / s->n_chunks;
    s->n_splits = MIN (s->n_splits, (guint) s->n_parts);
    s->v_step = fov_host_winograd_step (&s->tiles, s->in_blocks);
    s->v_floats = FOV_WINOGRAD_PLANES * s->v_step;
    s->u_part = (gsize) s->channels * lanes;
    s->u_step = odd_lines (s->n_parts * s->u_part);
    most_parts = (s->n_parts + (int) s->n_splits - 1) / (int) s->n_splits;
    own = FOV_WINOGRAD_PLANES * fov_host_winograd_step (&s->tiles, 2 * most_parts);
    if (fov_host_conv_is_constant (step->step.node)) {
        s->shares_input = s->n_splits > 1;
    } else if (s->n_chunks < FEW_CHUNKS) {
        s->own_weights = TRUE;
        s->u_step = odd_lines (MIN (s->channels, OWN_CHANNELS) * (gsize) lanes);
        own += FOV_WINOGRAD_PLANES * s->u_step;
    } else {
        step->first = winograd_first;
        step->n_first = (guint) s->n_parts;
        step->scratch_bytes = FOV_WINOGRAD_PLANES * s->u_step * sizeof (float);
    }
    if (s->shares_input) {
        step->first = input_first;
        step->n_first = s->n_chunks * (guint) s->in_blocks;
        step->scratch_bytes = s->n_chunks * s->v_floats * sizeof (float);
    } else {
        own += s->v_floats;
    }
    step->own_bytes = own * sizeof (float);
    step->n_tasks = s->n_chunks * s->n_splits;
}

static void
winograd_free (gpointer data)
{
    Winograd *s = data;

    free (s->weights);
    g_free (s);
}

/* Weights that stay: once, in the only form that is kept. */
static void
transform_constant (Winograd *s, const float *w)
{
    s->weights = fov_host_alloc (FOV_WINOGRAD_PLANES * s->u_step * sizeof (float));
    for (int p = 0; p < s->n_parts; p++)
        transform_weights (s, w, p, 0, s->channels, s->weights + p * s->u_part);
}

void
fov_host_winograd_prepare (FovHostStep *step)
{
    const FovNode *node = step->step.node;
    const FovOperand *x = step->step.in[0], *y = step->step.out[0];
    const int block = y->format.block;
    Winograd *s = g_new0 (Winograd, 1);

    s->channels = (int) x->shape.dim[1];
    s->out_channels = (int) y->shape.dim[1];
    fov_host_winograd_pays (s->channels, &y->shape, block, fov_host_conv_is_constant (node),
                            &s->tiles);
    s->in_blocks = (s->channels + block - 1) / block;
    s->out_blocks = (s->out_channels + block - 1) / block;
    s->n_parts = (s->out_blocks + 1) / 2;
    s->flipped = is_transposed (node);
    s->out_step = s->flipped ? 9 : (gsize) s->channels * 9;
    s->in_step = s->flipped ? (gsize) s->out_channels * 9 : 9;
    set_pictures (step, s);
    cut_work (step, s);
    if (fov_host_conv_is_constant (node))
        transform_constant (s, fov_host_constant (node->inputs[1]));
    step->state = s;
    step->free_state = winograd_free;
    step->run = winograd_run;
}

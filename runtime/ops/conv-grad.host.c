/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fov.ConvGradWeight on the host. A task adds up one tile, the weights between one part of the
 * output channels and one block of the input's, over some images; the tiles of all groups of
 * images are added up behind, in order. How images are grouped depends on shapes alone, so the
 * result does not depend on the number of threads. Those of 3x3 and stride 1 go Winograd's way:
 * a task adds up all tiles of some output channels, over some of the pictures' tiles.
 */
#include "ops/host-winograd.h"

#define WANTED_TASKS 12
#define WINOGRAD_TASKS 8
#define WINOGRAD_GROUP 56      /* tiles of pictures, at least */
#define BAND_BYTES (48 * 1024) /* of x and dy rows that a tile's taps read again */

typedef struct {
    int out_block, blocks; /* output channel blocks */
    int in_block;
    guint first; /* of the tiles of these output channels */
} Tile;

typedef struct {
    FovConvGradArgs args; /* but for x, dy, rows, blocks, lanes, acc */
    FovBlockedStrides xs, ys;
    gsize x_base;
    Tile *tiles;
    guint n_tiles, n_groups;
    int images, rows, band, block, taps;
    int channels, out_channels, group;
    gboolean depthwise;
    gsize tile_floats;
    FovWinogradTiles winograd;
    FovWinogradPicture x, dy;
    int in_blocks, out_blocks, n_parts; /* a part is two blocks of output channels */
    guint n_splits;                     /* of the parts */
    gsize v_step, plane_floats;         /* a plane's: of x, and of a sum of weights */
} ConvGrad;

static void
conv_grad_free (gpointer data)
{
    g_free (((ConvGrad *) data)->tiles);
    g_free (data);
}

/* Blocks of output channels of so many parts. */
static int
part_blocks (const ConvGrad *s, int part0, int part1)
{
    return MIN (2 * part1, s->out_blocks) - 2 * part0;
}

static void
conv_grad_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const ConvGrad *s = step->state;
    const Tile *tile = &s->tiles[task % s->n_tiles];
    const guint group = task / s->n_tiles;
    const int image0 = (int) fov_host_cut (s->images, s->n_groups, group);
    const int image1 = (int) fov_host_cut (s->images, s->n_groups, group + 1);
    const float *x = fov_host_in (frame, step->step.in[0]) + s->x_base;
    const float *dy = fov_host_in (frame, step->step.in[1]) + s->ys.base;
    FovConvGradArgs a = s->args;

    a.acc = (float *) frame->scratch + task * s->tile_floats;
    a.blocks = tile->blocks;
    a.lanes = MIN (s->block, s->channels - tile->in_block * s->block);
    memset (a.acc, 0, s->tile_floats * sizeof (float));
    for (int image = image0; image < image1; image++) {
        for (int row = 0; row < s->rows; row += s->band) {
            a.rows = MIN (s->band, s->rows - row);
            a.x = x + image * s->xs.image + tile->in_block * s->xs.block + row * a.x_row;
            a.dy = dy + image * s->ys.image + tile->out_block * s->ys.block + row * a.dy_row;
            if (s->depthwise)
                fov_host_kernels ()->depthwise_grad (&a);
            else
                fov_host_kernels ()->conv_grad (&a);
        }
    }
}

/* ---- Winograd's way ---------------------------------------------------- */

/* n tiles, as planes of x and dy, of one block of input channels and a part: adds to its weights.
 * sums is for those of the planes. */
static void
add_tiles (const ConvGrad *s, int in_block, int part, int n, const float *v, const float *m,
           gsize m_step, float *sums, float *tile)
{
    const int b = s->block;
    const gsize line = (gsize) s->winograd.most * b;
    FovConvGradArgs a = { .x_pixel = b, .dy_block = line, .kh = 1, .kw = 1, .rows = 1, .width = n };

    a.acc_step = s->args.acc_step;
    a.blocks = part_blocks (s, part, part + 1);
    a.lanes = MIN (b, s->channels - in_block * b);
    memset (sums, 0, FOV_WINOGRAD_PLANES * s->plane_floats * sizeof (float));
    for (int plane = 0; plane < FOV_WINOGRAD_PLANES; plane++) {
        a.x = v + plane * s->v_step + in_block * line;
        a.dy = m + plane * m_step;
        a.acc = sums + plane * s->plane_floats;
        fov_host_kernels ()->conv_grad (&a);
    }
    for (int c = 0; c < a.lanes; c++)
        for (int o = 0; o < a.blocks; o++) {
            const gsize at = c * a.acc_step + o * b;
            fov_host_kernels ()->winograd_weights_grad (sums + at, s->plane_floats, tile + at,
                                                        b * a.acc_step);
        }
}

static void
winograd_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const ConvGrad *s = step->state;
    const FovHostKernels *kernels = fov_host_kernels ();
    const guint group = task / s->n_splits, split = task % s->n_splits;
    const int part0 = (int) fov_host_cut (s->n_parts, s->n_splits, split);
    const int part1 = (int) fov_host_cut (s->n_parts, s->n_splits, split + 1);
    const int blocks = part_blocks (s, part0, part1);
    const gsize count = fov_host_winograd_count (&s->winograd), most = s->winograd.most;
    const gsize end = fov_host_cut (count, s->n_groups, group + 1);
    const gsize m_step = fov_host_winograd_step (&s->winograd, blocks);
    float *v = frame->own, *m = v + FOV_WINOGRAD_PLANES * s->v_step;
    float *sums = m + FOV_WINOGRAD_PLANES * m_step, *tiles = frame->scratch;
    int n;

    tiles += (group * s->n_tiles + (gsize) part0 * s->in_blocks) * s->tile_floats;
    memset (tiles, 0, (part1 - part0) * s->in_blocks * s->tile_floats * sizeof (float));
    for (gsize at = fov_host_cut (count, s->n_groups, group); at < end; at += n) {
        n = (int) ((end - at) / ((end - at + most - 1) / most)); /* evenly */
        fov_host_winograd_take (&s->winograd, &s->x, fov_host_in (frame, step->step.in[0]), 0,
                                s->in_blocks, at, n, kernels->winograd_input, v, s->v_step);
        fov_host_winograd_take (&s->winograd, &s->dy, fov_host_in (frame, step->step.in[1]),
                                2 * part0, 2 * part0 + blocks, at, n, kernels->winograd_output_grad,
                                m, m_step);
        for (int p = part0; p < part1; p++)
            for (int k = 0; k < s->in_blocks; k++)
                add_tiles (s, k, p, n, v, m + 2 * (p - part0) * most * s->block, m_step, sums,
                           tiles + ((p - part0) * s->in_blocks + k) * s->tile_floats);
    }
}

/* ---- what both have behind them ---------------------------------------- */

/* Where weight (m, c of its group, tap 0) lies in a group of images' tiles. */
static gsize
tile_weight (const ConvGrad *s, const Tile *tile, int m, int c)
{
    const int b = s->block, per = s->channels / s->group;
    const int channel = m / (s->out_channels / s->group) * per + c;
    const guint i = tile->first + (channel / b - s->tiles[tile->first].in_block);

    if (s->depthwise)
        return tile->first * s->tile_floats + m % b;
    return i * s->tile_floats + channel % b * s->args.acc_step + (m - tile->out_block * b);
}

/* y = the sum of n vectors of b floats, step apart, in order. */
static void
add_groups (const float *x, gsize step, guint n, int b, float *y)
{
    memcpy (y, x, b * sizeof (float));
    for (guint g = 1; g < n; g++)
        for (int l = 0; l < b; l++)
            y[l] += x[g * step + l];
}

/* The first tile of an output channel. */
static const Tile *
tile_of (const ConvGrad *s, int m)
{
    guint i = 0;

    while (m / s->block >= s->tiles[i].out_block + s->tiles[i].blocks)
        i++;
    return &s->tiles[i];
}

/*
 * One group: a tile's sums over all groups of images, [tap][channel][output channel] of one block,
 * turned round to weights.
 */
static void
whole_last (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const ConvGrad *s = step->state;
    const int b = s->block, in_block = (int) task % s->in_blocks, block = (int) task / s->in_blocks;
    const Tile *first = tile_of (s, block * b);
    const int channels = MIN (b, s->channels - in_block * b);
    const gsize per = (gsize) s->channels * s->taps;
    const gsize group_step = s->n_tiles * s->tile_floats;
    const float *tile =
        (const float *) frame->scratch + tile_weight (s, first, block * b, in_block * b);
    float *w = fov_host_out (frame, step->step.out[0]) + block * b * per;

    w += (gsize) in_block * b * s->taps;
    for (int c = 0; c < channels; c++, tile += s->args.acc_step, w += s->taps) {
        float *turned = frame->own;
        for (int tap = 0; tap < s->taps; tap++)
            add_groups (tile + tap * b * s->args.acc_step, group_step, s->n_groups, b,
                        turned + tap * b);
        fov_host_kernels ()->deinterleave (turned, w, per, MIN (b, s->out_channels - block * b),
                                           s->taps);
    }
}

/* One output channel's weights, out of the tiles. */
static void
conv_grad_last (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const ConvGrad *s = step->state;
    const int per = s->channels / s->group, m = (int) task;
    const gsize tap_step = s->depthwise ? (gsize) s->block : s->block * s->args.acc_step;
    const Tile *first = tile_of (s, m);
    float *w = fov_host_out (frame, step->step.out[0]) + (gsize) m * per * s->taps;

    for (int c = 0; c < per; c++) {
        const float *tile = (const float *) frame->scratch + tile_weight (s, first, m, c);
        for (int tap = 0; tap < s->taps; tap++) {
            float sum = 0;
            for (guint g = 0; g < s->n_groups; g++)
                sum += tile[g * s->n_tiles * s->tile_floats + tap * tap_step];
            w[c * s->taps + tap] = sum;
        }
    }
}

/* Of every part of the output channels, the blocks of input channels that their groups see. */
static void
list_tiles (ConvGrad *s)
{
    const int b = s->block, n_blocks = (s->out_channels + b - 1) / b;
    const int m = s->out_channels / s->group, c = s->channels / s->group;
    const int step = !s->depthwise && (s->group == 1 || m % (2 * b) == 0) ? 2 : 1;
    g_autoptr (GArray) tiles = g_array_new (FALSE, FALSE, sizeof (Tile));

    for (int o = 0; o < n_blocks; o += step) {
        const int blocks = MIN (step, n_blocks - o);
        const int last = MIN ((o + blocks) * b, s->out_channels) - 1;
        const int c0 = o * b / m * c, c1 = (last / m + 1) * c;
        for (int k = c0 / b; k <= (c1 - 1) / b; k++) {
            const Tile tile = { o, blocks, s->depthwise ? o : k, tiles->len - (k - c0 / b) };
            g_array_append_val (tiles, tile);
            if (s->depthwise)
                break;
        }
    }
    s->n_tiles = tiles->len;
    s->tiles = g_memdup2 (tiles->data, tiles->len * sizeof (Tile));
}

/* How tiles are shared out; FALSE: Winograd's way is not worth it. */
static gboolean
prepare_winograd (FovHostStep *step, ConvGrad *s)
{
    const FovConvGradParams *p = step->step.node->params;
    const FovOperand *dy = step->step.in[1];
    const int b = s->block, rows = (int) dy->shape.dim[2], columns = (int) dy->shape.dim[3];
    int most_parts;

    for (int i = 0; i < 2; i++)
        if (p->kernel_shape.v[i] != 3 || p->strides.v[i] != 1 || p->dilations.v[i] != 1)
            return FALSE;
    if (s->group != 1 || !fov_host_winograd_pays (s->channels, &dy->shape, b, FALSE, &s->winograd))
        return FALSE;
    s->x = (FovWinogradPicture){ s->x_base, s->xs.image, s->xs.block,
                                 s->xs.row, rows + 2,    columns + 2 };
    s->dy = (FovWinogradPicture){ s->ys.base, s->ys.image, s->ys.block, s->ys.row, rows, columns };
    s->n_groups =
        (guint) CLAMP (fov_host_winograd_count (&s->winograd) / WINOGRAD_GROUP, 1, WINOGRAD_TASKS);
    s->n_splits = CLAMP ((WINOGRAD_TASKS + s->n_groups / 2) / s->n_groups, 1, (guint) s->n_parts);
    s->winograd.most = 64;
    s->v_step = fov_host_winograd_step (&s->winograd, s->in_blocks);
    s->plane_floats = b * s->args.acc_step + 16; /* not all in the same sets of the cache */
    most_parts = (s->n_parts + (int) s->n_splits - 1) / (int) s->n_splits;
    step->own_bytes =
        FOV_WINOGRAD_PLANES * sizeof (float) *
        (s->v_step + fov_host_winograd_step (&s->winograd, 2 * most_parts) + s->plane_floats);
    step->run = winograd_run;
    step->n_tasks = s->n_groups * s->n_splits;
    return TRUE;
}

static gboolean
conv_grad_prepare (FovHostStep *step, GError **error)
{
    const FovConvGradParams *p = step->step.node->params;
    const FovOperand *x = step->step.in[0], *dy = step->step.in[1];
    ConvGrad *s = g_new0 (ConvGrad, 1);
    const gsize b = x->format.block;

    step->state = s;
    step->free_state = conv_grad_free;
    step->run = conv_grad_run;
    step->last = conv_grad_last;
    s->xs = fov_host_strides (x);
    s->ys = fov_host_strides (dy);
    s->x_base = s->xs.base - p->pads.v[0] * s->xs.row - p->pads.v[1] * b;
    s->block = (int) b;
    s->images = (int) x->shape.dim[0];
    s->rows = (int) dy->shape.dim[2];
    s->channels = (int) x->shape.dim[1];
    s->out_channels = (int) dy->shape.dim[1];
    s->group = (int) p->group;
    s->taps = (int) (p->kernel_shape.v[0] * p->kernel_shape.v[1]);
    s->depthwise = s->group > 1 && s->group == s->channels && s->group == s->out_channels;
    s->args = (FovConvGradArgs){ .x_row = s->xs.row * p->strides.v[0],
                                 .x_pixel = b * p->strides.v[1],
                                 .dy_block = s->ys.block,
                                 .dy_row = s->ys.row,
                                 .tap_row = s->xs.row * p->dilations.v[0],
                                 .tap_pixel = b * p->dilations.v[1],
                                 .kh = (int) p->kernel_shape.v[0],
                                 .kw = (int) p->kernel_shape.v[1],
                                 .width = (int) dy->shape.dim[3],
                                 .acc_step = 2 * b };
    s->band = (int) CLAMP (BAND_BYTES / ((s->args.x_row + 2 * s->ys.row) * sizeof (float)), 1,
                           (gsize) s->rows);
    s->tile_floats = s->taps * (s->depthwise ? b : b * s->args.acc_step);
    s->in_blocks = (s->channels + (int) b - 1) / (int) b;
    s->out_blocks = (s->out_channels + (int) b - 1) / (int) b;
    s->n_parts = (s->out_blocks + 1) / 2;
    list_tiles (s);
    if (!prepare_winograd (step, s)) {
        s->n_groups = CLAMP ((WANTED_TASKS + s->n_tiles - 1) / s->n_tiles, 1, (guint) s->images);
        step->n_tasks = s->n_tiles * s->n_groups;
    }
    step->n_last = (guint) s->out_channels;
    if (s->group == 1) {
        step->last = whole_last;
        step->n_last = (guint) (s->in_blocks * s->out_blocks);
        step->own_bytes = MAX (step->own_bytes, s->taps * b * sizeof (float));
    }
    step->scratch_bytes = s->n_groups * s->n_tiles * s->tile_floats * sizeof (float);
    return TRUE;
}

static guint
conv_grad_formats (const FovNode *node, int block)
{
    const FovConvGradParams *p = node->params;

    if (!fov_host_can_block (node->inputs[0]) || !fov_host_can_block (node->inputs[1]) ||
        fov_tensor_elements (node->inputs[1]) < 1)
        return 0;
    for (int i = 0; i < 4; i++)
        if (p->pads.v[i] > 512)
            return 0;
    return FOV_CAN_BLOCKED | FOV_WANTS_BLOCKED;
}

static int
conv_grad_halo (const FovNode *node, guint index)
{
    const FovConvGradParams *p = node->params;
    gint64 halo = 0;

    for (int i = 0; index == 0 && i < 4; i++)
        halo = MAX (halo, p->pads.v[i]);
    return (int) halo;
}

const FovHostOp fov_host_conv_grad = { conv_grad_formats, conv_grad_halo, conv_grad_prepare };

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fov.ConvGradWeight on the host. A task adds up one tile, the weights between one part of the
 * output channels and one block of the input's, over some images; the tiles of all groups of
 * images are added up behind, in order. How images are grouped depends on shapes alone, so the
 * result does not depend on the number of threads.
 */
#include "ops/host-op.h"

#define WANTED_TASKS 12
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
} ConvGrad;

static void
conv_grad_free (gpointer data)
{
    g_free (((ConvGrad *) data)->tiles);
    g_free (data);
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

/* The first tile of an output channel. */
static const Tile *
tile_of (const ConvGrad *s, int m)
{
    guint i = 0;

    while (m / s->block >= s->tiles[i].out_block + s->tiles[i].blocks)
        i++;
    return &s->tiles[i];
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
    s->n_groups = CLAMP ((WANTED_TASKS + s->n_tiles - 1) / s->n_tiles, 1, (guint) s->images);
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
    list_tiles (s);
    step->n_tasks = s->n_tiles * s->n_groups;
    step->n_last = (guint) s->out_channels;
    step->scratch_bytes = step->n_tasks * s->tile_floats * sizeof (float);
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Conv on the host: picks the kernel, packs the weights and cuts the output
 * into tasks of rows and parts (pairs of output channel blocks).
 */
#include "ops/host-conv.h"
#include "ops/host-winograd.h"

#include <math.h>
#include <stdlib.h>

/* ---- weights ----------------------------------------------------------- */

void
fov_host_conv_free (gpointer data)
{
    FovHostConv *s = data;

    free (s->weights);
    free (s->bias);
    fov_host_gather_free (s->gather);
    g_free (s->parts);
    g_free (s);
}

/* The input channels that output channels [first, last) see, from a block's start on. */
static void
input_range (const FovConvWeights *cw, int first, int last, int block, FovConvPart *part)
{
    const int m = cw->out_channels / cw->group, c = cw->in_channels / cw->group;

    last = MIN (last, cw->out_channels);
    part->in_block = first / m * c / block;
    part->channels = ((last - 1) / m + 1) * c - part->in_block * block;
}

/* Weight of output channel o for input channel c; 0 across groups. */
static float
weight_at (const FovConvWeights *cw, int o, int c, int tap)
{
    const int m = cw->out_channels / cw->group, per = cw->in_channels / cw->group;

    if (o >= cw->out_channels || o / m != c / per)
        return 0.0f;
    return cw->at (cw, o, c, tap);
}

/* The same of one group: weights are packed in every training step. */
static void
pack_one_group (const FovConvWeights *cw, const FovConvPart *part, int block, float *w)
{
    const int first = part->out_block * block, lanes = part->blocks * block;
    const int there = MIN (lanes, cw->out_channels - first);
    const float *from = cw->w + (gsize) first * cw->out_step;

    for (int c0 = 0; c0 < part->channels; c0 += block)
        for (int tap = 0; tap < cw->taps; tap++)
            for (int k = c0; k < MIN (c0 + block, part->channels); k++, w += lanes) {
                const float *v =
                    from + (gsize) k * cw->in_step + (cw->tap_index ? cw->tap_index[tap] : tap);
                for (int l = 0; l < there; l++)
                    w[l] = v[(gsize) l * cw->out_step];
                for (int l = there; l < lanes; l++)
                    w[l] = 0;
            }
}

static void
pack_dense (const FovConvWeights *cw, const FovConvPart *part, int block, float *w)
{
    const int first = part->out_block * block, lanes = part->blocks * block;

    for (int c0 = 0; c0 < part->channels; c0 += block)
        for (int tap = 0; tap < cw->taps; tap++)
            for (int k = c0; k < MIN (c0 + block, part->channels); k++)
                for (int l = 0; l < lanes; l++)
                    *w++ = weight_at (cw, first + l, part->in_block * block + k, tap);
}

static void
pack_depthwise (const FovConvWeights *cw, int block, int part, float *w)
{
    const int end = MIN ((part + 1) * block, cw->out_channels);

    for (int o = part * block; o < end; o++)
        for (int tap = 0; tap < cw->taps; tap++)
            w[((gsize) part * cw->taps + tap) * block + o % block] = cw->at (cw, o, o, tap);
}

static void
layout_parts (FovHostConv *s, int block)
{
    const FovConvWeights *cw = &s->cw;
    const int n_blocks = (cw->out_channels + block - 1) / block;
    const int per_group = cw->out_channels / cw->group;
    const int step = cw->group == 1 || per_group % (2 * block) == 0 ? 2 : 1;
    gsize size = 0;

    s->parts = g_new0 (FovConvPart, (n_blocks + step - 1) / step);
    for (int o = 0; o < n_blocks; o += step) {
        FovConvPart *part = &s->parts[s->n_parts++];
        part->out_block = o;
        part->blocks = MIN (step, n_blocks - o);
        part->bias = s->bias + (gsize) o * block;
        input_range (cw, o * block, (o + part->blocks) * block, block, part);
        size += (gsize) part->channels * cw->taps * part->blocks * block;
    }
    s->weight_bytes = size * sizeof (float);
    s->weights = fov_host_alloc (s->weight_bytes);
    float *w = s->weights;
    for (int i = 0; i < s->n_parts; i++) {
        s->parts[i].w = w;
        w += (gsize) s->parts[i].channels * cw->taps * s->parts[i].blocks * block;
    }
    s->args.parts = s->parts;
}

void
fov_host_conv_layout (FovHostConv *s, int block)
{
    const int n_blocks = (s->cw.out_channels + block - 1) / block;

    s->bias = fov_host_alloc ((gsize) (n_blocks + 1) * block * sizeof (float));
    if (!s->depthwise) {
        layout_parts (s, block);
        return;
    }
    s->n_parts = n_blocks;
    s->weight_bytes = (gsize) n_blocks * block * s->cw.taps * sizeof (float);
    s->weights = fov_host_alloc (s->weight_bytes);
    s->args.w = s->weights;
    s->args.bias = s->bias;
}

void
fov_host_conv_pack_part (const FovHostConv *s, const float *w, const float *bias, int block,
                         int part)
{
    const int out_block = s->depthwise ? part : s->parts[part].out_block;
    const int blocks = s->depthwise ? 1 : s->parts[part].blocks;
    const int first = out_block * block, n = MIN (blocks * block, s->cw.out_channels - first);
    FovConvWeights cw = s->cw;

    cw.w = w;
    if (bias)
        memcpy (s->bias + first, bias + first, n * sizeof (float));
    if (s->depthwise)
        pack_depthwise (&cw, block, part, s->weights);
    else if (cw.group == 1)
        pack_one_group (&cw, &s->parts[part], block, (float *) s->parts[part].w);
    else
        pack_dense (&cw, &s->parts[part], block, (float *) s->parts[part].w);
}

void
fov_host_conv_pack (const FovHostConv *s, const float *w, const float *bias, int block)
{
    for (int i = 0; i < s->n_parts; i++)
        fov_host_conv_pack_part (s, w, bias, block, i);
}

/* ---- tasks ------------------------------------------------------------- */

#define GROUP_BYTES (160 * 1024) /* of input rows that are read again for every part */

void
fov_host_conv_cut (FovHostConv *s, double flops, gsize row_bytes)
{
    const guint wanted = fov_host_tasks (flops / (s->depthwise ? 25e9 : 100e9), 1 << 20);
    const gsize input_bytes = row_bytes * s->rows;
    const gsize cache_rows = MAX (GROUP_BYTES / MAX (row_bytes, 1), 1);

    if (s->weight_bytes > input_bytes && !s->depthwise) {
        s->part_cuts = MIN (wanted, (guint) s->n_parts);
        s->row_cuts = MIN ((wanted + s->part_cuts - 1) / s->part_cuts, (guint) s->rows);
    } else {
        const guint for_cache = s->depthwise ? 1 : (s->rows + cache_rows - 1) / cache_rows;
        s->row_cuts = MIN (MAX (wanted, for_cache), (guint) s->rows);
        s->part_cuts = MIN ((wanted + s->row_cuts - 1) / s->row_cuts, (guint) s->n_parts);
    }
    if (s->depthwise && s->n_parts >= (int) wanted) { /* whole planes: neighbouring rows stay */
        s->part_cuts = wanted;
        s->row_cuts = 1;
    }
    s->row_cuts = MAX (s->row_cuts, 1);
    s->part_cuts = MAX (s->part_cuts, 1);
}

/* Rows of a planar picture: gathered, then convolved. */
static void
run_gathered (const FovHostConv *s, FovConvArgs *args, const float *x, int part0, int part1,
              int row0, int row1)
{
    for (int row = row0; row < row1;) {
        const int end = MIN (row + fov_host_gather_rows (s->gather), row1);
        guint slot;
        args->x = fov_host_gather_take (s->gather, x, row, end, &slot) - row * args->x_row;
        fov_host_kernels ()->conv (args, part0, part1, row, end);
        fov_host_gather_give (s->gather, slot);
        row = end;
    }
}

static void
conv_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const FovHostConv *s = step->state;
    const guint rows = task % s->row_cuts, parts = task / s->row_cuts % s->part_cuts;
    const gsize image = task / s->row_cuts / s->part_cuts;
    const int part0 = (int) fov_host_cut (s->n_parts, s->part_cuts, parts);
    const int part1 = (int) fov_host_cut (s->n_parts, s->part_cuts, parts + 1);
    const int row0 = (int) fov_host_cut (s->rows, s->row_cuts, rows);
    const int row1 = (int) fov_host_cut (s->rows, s->row_cuts, rows + 1);
    FovConvArgs args = s->args;

    args.x = fov_host_in (frame, step->step.in[0]) + s->x_base + image * s->x_image;
    args.y = fov_host_out (frame, step->step.out[0]) + s->y_base + image * s->y_image;
    if (s->residual)
        args.r = fov_host_in (frame, step->step.in[3]) + s->r_base + image * s->r_image;
    if (s->gather)
        run_gathered (s, &args, args.x, part0, part1, row0, row1);
    else if (s->depthwise)
        fov_host_kernels ()->depthwise (&args, part0, part1, row0, row1);
    else
        fov_host_kernels ()->conv (&args, part0, part1, row0, row1);
}

/* ---- geometry ---------------------------------------------------------- */

/*
 * A 1x1 convolution without halos sees one line of pixels: cut it into rows
 * whose width fills the tiles (a divisor of the number of pixels).
 */
static int
flat_width (int pixels, int width, int tile)
{
    int best = width;
    double best_score = 0;

    for (int w = 1; w <= MIN (pixels, 1024); w++) {
        const int tiles = (w + tile - 1) / tile;
        double score = (double) w / tiles / tile;
        if (pixels % w)
            continue;
        if (pixels / w >= 16 || w == pixels)
            score += 0.02; /* enough rows to share out */
        if (score > best_score + 1e-9) {
            best_score = score;
            best = w;
        }
    }
    return best;
}

static gsize
residual_halo (const FovHostStep *step, gboolean residual)
{
    return residual ? fov_host_halo (step->step.in[3]) : 0;
}

static void
set_geometry (FovHostStep *step, FovHostConv *s, const FovConvParams *p)
{
    const FovOperand *x = step->step.in[0], *y = step->step.out[0];
    const FovBlockedStrides xs = fov_host_strides (x), ys = fov_host_strides (y);
    const gsize b = y->format.block;
    FovConvArgs *a = &s->args;

    s->rows = (int) y->shape.dim[2];
    s->x_base = xs.base - p->pads.v[0] * xs.row - p->pads.v[1] * b;
    s->x_image = xs.image;
    s->y_base = ys.base;
    s->y_image = ys.image;
    a->x_block = xs.block;
    a->x_row = xs.row * p->strides.v[0];
    a->x_pixel = b * p->strides.v[1];
    a->y_block = ys.block;
    a->y_row = ys.row;
    a->tap_row = xs.row * p->dilations.v[0];
    a->tap_pixel = b * p->dilations.v[1];
    a->kh = (int) p->kernel_shape.v[0];
    a->kw = (int) p->kernel_shape.v[1];
    a->width = (int) y->shape.dim[3];
    if (s->residual) {
        const FovBlockedStrides rs = fov_host_strides (step->step.in[3]);
        s->r_base = rs.base;
        s->r_image = rs.image;
        a->r_block = rs.block;
        a->r_row = rs.row;
    }
    if (s->gather) {
        s->x_base = 0;
        s->x_image = fov_shape_span (&x->shape, 1, 4);
        fov_host_gather_strides (s->gather, p, a);
    } else if (a->kh == 1 && a->kw == 1 && p->strides.v[0] == 1 && p->strides.v[1] == 1 &&
               !fov_host_halo (x) && !fov_host_halo (y) && !residual_halo (step, s->residual) &&
               !p->pads.v[0] && !p->pads.v[1]) {
        const int pixels = s->rows * a->width;
        a->width = flat_width (pixels, a->width, b == 16 ? 14 : 6);
        s->rows = pixels / a->width;
        a->x_row = a->y_row = a->r_row = (gsize) a->width * b;
    }
}

static float
conv_weight (const FovConvWeights *cw, int o, int c, int tap)
{
    const int per = cw->in_channels / cw->group;

    return cw->w[((gsize) o * per + c % per) * cw->taps + tap];
}

/* Weights or a bias under training: packed again in each run. */
static void
conv_first (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const FovHostConv *s = step->state;

    fov_host_conv_pack_part (s, fov_host_in (frame, step->step.in[1]),
                             fov_in (step->step.node, 2) ? fov_host_in (frame, step->step.in[2])
                                                         : NULL,
                             step->step.out[0]->format.block, (int) task);
}

gboolean
fov_host_conv_is_constant (const FovNode *node)
{
    const FovTensor *bias = fov_in (node, 2);

    return node->inputs[1]->data && (!bias || bias->data);
}

static gboolean
conv_prepare (FovHostStep *step, GError **error)
{
    const FovNode *node = step->step.node;
    const FovConvParams *p = node->params;
    const FovOperand *x = step->step.in[0], *y = step->step.out[0];
    const int block = y->format.block;
    FovHostConv *s;
    FovConvWeights *cw;

    if (fov_host_winograd_fits (step)) {
        fov_host_winograd_prepare (step);
        return TRUE;
    }
    s = g_new0 (FovHostConv, 1);
    cw = &s->cw;
    *cw = (FovConvWeights){ .in_channels = (int) x->shape.dim[1],
                            .out_channels = (int) y->shape.dim[1],
                            .group = (int) p->group,
                            .taps = (int) (p->kernel_shape.v[0] * p->kernel_shape.v[1]),
                            .at = conv_weight };
    cw->out_step = cw->in_channels * cw->taps;
    cw->in_step = cw->taps;
    step->state = s;
    step->free_state = fov_host_conv_free;
    step->run = conv_run;
    s->residual = fov_in (node, 3) != NULL;
    s->args.act = p->act;
    s->args.residual_last = p->residual_last;
    s->args.tail = cw->out_channels % block;
    s->args.tail_block = cw->out_channels / block;
    if (x->format.layout == FOV_PLANAR)
        s->gather = fov_host_gather_new (node, block);
    set_geometry (step, s, p);
    s->depthwise = !s->gather && cw->group == cw->in_channels && cw->group == cw->out_channels &&
                   cw->group > 1;
    fov_host_conv_layout (s, block);
    if (fov_host_conv_is_constant (node)) {
        fov_host_conv_pack (s, fov_host_constant (node->inputs[1]),
                            fov_in (node, 2) ? fov_host_constant (node->inputs[2]) : NULL, block);
    } else {
        step->first = conv_first;
        step->n_first = (guint) s->n_parts;
    }
    fov_host_conv_cut (s, node->op->flops (node) / MAX (y->shape.dim[0], 1),
                       s->args.x_row * ((cw->in_channels + block - 1) / block) * sizeof (float));
    step->n_tasks = (guint) y->shape.dim[0] * s->row_cuts * s->part_cuts;
    return TRUE;
}

/* Float weights and bias; sizes that the kernels' ints hold. */
gboolean
fov_host_conv_fits (const FovNode *node)
{
    const FovConvParams *p = node->params;

    if (!fov_host_can_block (node->inputs[0]) || node->inputs[1]->dtype != FOV_F32)
        return FALSE;
    for (int i = 0; i < p->pads.n; i++)
        if (p->pads.v[i] < 0 || p->pads.v[i] > 512)
            return FALSE;
    return fov_tensor_elements (node->outputs[0]) > 0;
}

static guint
conv_formats (const FovNode *node, int block)
{
    const FovConvParams *p = node->params;
    guint can = FOV_CAN_BLOCKED | FOV_WANTS_BLOCKED;

    if (!fov_host_conv_fits (node))
        return 0;
    if (p->group == 1 && fov_in_shape (node, 0)->dim[1] <= FOV_GATHER_CHANNELS)
        can |= FOV_READS_PLANAR;
    return can;
}

static int
conv_halo (const FovNode *node, guint index)
{
    const FovConvParams *p = node->params;
    gint64 halo = 0;

    for (int i = 0; index == 0 && i < 4; i++)
        halo = MAX (halo, p->pads.v[i]);
    return (int) halo;
}

const FovHostOp fov_host_conv = { conv_formats, conv_halo, conv_prepare };

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Conv and ConvTranspose on vulkan: picks a kernel, packs its weights (see the shaders' heads). */
#include "ops/record.h"

typedef struct {
    const FovConvParams *params;
    FovPicture in, out;
    int kh, kw, sy, sx, dy, dx, group;
} Conv;

static Conv
describe (const FovNode *node)
{
    const FovConvParams *p = node->params;

    return (Conv){
        .params = p,
        .in = fov_picture (&node->inputs[0]->shape),
        .out = fov_picture (&node->outputs[0]->shape),
        .kh = (int) p->kernel_shape.v[0],
        .kw = (int) p->kernel_shape.v[1],
        .sy = (int) p->strides.v[0],
        .sx = (int) p->strides.v[1],
        .dy = (int) p->dilations.v[0],
        .dx = (int) p->dilations.v[1],
        .group = (int) p->group,
    };
}

static gboolean
is_depthwise (const Conv *c)
{
    return c->group == c->in.c && c->in.c == c->out.c;
}

static gboolean
is_point (const Conv *c)
{
    const gint64 *pad = c->params->pads.v;

    return c->group == 1 && c->kh == 1 && c->kw == 1 && c->sy == 1 && c->sx == 1 && !pad[0] &&
           !pad[1] && !pad[2] && !pad[3];
}

static gboolean
has_given_weights (const FovNode *node)
{
    const FovTensor *bias = node->n_inputs > 2 ? node->inputs[2] : NULL;

    return !node->inputs[1]->data || (bias && !bias->data);
}

static guint
formats (const FovNode *node, int block)
{
    const FovTensor *bias = node->n_inputs > 2 ? node->inputs[2] : NULL;

    if (has_given_weights (node) && g_str_equal (node->op->name, "Conv"))
        return node->inputs[0]->shape.rank == 4 && fov_gpu_can_floats (node, 0xf) ? FOV_CAN_PLANAR
                                                                                  : 0;
    if (!node->inputs[1]->data || node->inputs[1]->dtype != FOV_F32 ||
        !fov_gpu_can_block (node->inputs[0]) || !fov_gpu_can_block (node->outputs[0]) ||
        (bias && !bias->data))
        return 0;
    return FOV_CAN_BLOCKED | FOV_WANTS_BLOCKED;
}

/* ---- constants -------------------------------------------------------- */

/* Padded with 0 to m values; returns its place in vec4. */
static int
add_bias (FovGpuProgram *program, const FovNode *node, int m)
{
    const FovTensor *bias = node->n_inputs > 2 ? node->inputs[2] : NULL;
    guint32 offset = 0;
    float *to = fov_gpu_program_reserve_constant (program, (gsize) m * sizeof (float), &offset);
    int used = (int) node->outputs[0]->shape.dim[1];

    for (int i = 0; to && bias && i < used; i++)
        to[i] = ((const float *) g_bytes_get_data (bias->data, NULL))[i];
    return (int) (offset / 16);
}

static const float *
weights_of (const FovNode *node)
{
    return g_bytes_get_data (node->inputs[1]->data, NULL);
}

/* [oc block of m][ky][kx][c4][m][4 ic] from [M][C][kh][kw] */
static int
add_dense_weights (FovGpuProgram *program, const float *w, const Conv *c, int m)
{
    int blocks = (c->out.c + m - 1) / m, taps = c->kh * c->kw;
    gsize n = (gsize) blocks * m * c->in.blocks * 4 * taps;
    guint32 offset = 0;
    float *to = fov_gpu_program_reserve_constant (program, n * sizeof (float), &offset);

    for (int oc = 0; to && oc < c->out.c; oc++)
        for (int ic = 0; ic < c->in.c; ic++)
            for (int t = 0; t < taps; t++) {
                gsize at = ((gsize) (oc / m) * taps + t) * c->in.blocks + ic / 4;
                to[(at * m + oc % m) * 4 + ic % 4] = w[((gsize) oc * c->in.c + ic) * taps + t];
            }
    return (int) (offset / 16);
}

/* [c4][kx][ky][4] */
static int
add_depth_weights (FovGpuProgram *program, const FovNode *node, const Conv *c)
{
    const float *w = weights_of (node);
    int taps = c->kh * c->kw;
    guint32 offset = 0;
    float *to =
        fov_gpu_program_reserve_constant (program, (gsize) c->in.blocks * 4 * taps * sizeof (float),
                                          &offset);

    for (int k = 0; to && k < c->in.c; k++)
        for (int t = 0; t < taps; t++) {
            gsize at = ((gsize) (k / 4) * c->kw + t % c->kw) * c->kh + t / c->kw;
            to[at * 4 + k % 4] = w[(gsize) k * taps + t];
        }
    return (int) (offset / 16);
}

/* [m4][ic of the group][ky][kx][4 oc] */
static int
add_group_weights (FovGpuProgram *program, const FovNode *node, const Conv *c)
{
    const float *w = g_bytes_get_data (node->inputs[1]->data, NULL);
    int per_group = c->in.c / c->group, taps = c->kh * c->kw;
    guint32 offset = 0;
    float *to = fov_gpu_program_reserve_constant (
        program, (gsize) c->out.blocks * 4 * per_group * taps * sizeof (float), &offset);

    for (int oc = 0; to && oc < c->out.c; oc++)
        for (int k = 0; k < per_group * taps; k++)
            to[((gsize) (oc / 4) * per_group * taps + k) * 4 + oc % 4] =
                w[(gsize) oc * per_group * taps + k];
    return (int) (offset / 16);
}

/* [m4][ic of the group][ky][kx][4 oc], from ConvTranspose's [C][M / group][kh][kw] */
static int
add_transposed_weights (FovGpuProgram *program, const FovNode *node, const Conv *c)
{
    const float *w = g_bytes_get_data (node->inputs[1]->data, NULL);
    int per_group = c->in.c / c->group, m_group = c->out.c / c->group, taps = c->kh * c->kw;
    guint32 offset = 0;
    float *to = fov_gpu_program_reserve_constant (
        program, (gsize) c->out.blocks * 4 * per_group * taps * sizeof (float), &offset);

    for (int oc = 0; to && oc < c->out.c; oc++)
        for (int k = 0; k < per_group; k++)
            for (int t = 0; t < taps; t++) {
                gsize ic = (gsize) (oc / m_group) * per_group + k;
                gsize at = ((gsize) (oc / 4) * per_group + k) * taps + t;
                to[at * 4 + oc % 4] = w[(ic * m_group + oc % m_group) * taps + t];
            }
    return (int) (offset / 16);
}

/* ---- recording -------------------------------------------------------- */

static struct fov_push_conv
make_push (const Conv *c, const FovStep *step)
{
    const FovConvParams *p = c->params;
    const FovOperand *residual = step->node->n_inputs > 3 ? step->in[3] : NULL;

    return (struct fov_push_conv){
        .src = fov_gpu_texel (step->in[0]),
        .dst = fov_gpu_texel (step->out[0]),
        .residual = residual ? fov_gpu_texel (residual) : 0,
        .c4 = c->in.blocks,
        .h = c->in.h,
        .w = c->in.w,
        .m4 = c->out.blocks,
        .oh = c->out.h,
        .ow = c->out.w,
        .kh = c->kh,
        .kw = c->kw,
        .stride_x = c->sx,
        .stride_y = c->sy,
        .pad_y = (int) p->pads.v[0],
        .pad_x = (int) p->pads.v[1],
        .dilation_x = c->dx,
        .dilation_y = c->dy,
        .keep = (c->out.c - 1) % 4 + 1,
        .a = p->act.a,
        .b = p->act.b,
        .group_in = c->in.c / c->group,
        .group_out = c->out.c / c->group,
    };
}

static guint32
residual_kind (const Conv *c, const FovStep *step)
{
    if (step->node->n_inputs < 4 || !step->in[3])
        return 0;
    return c->params->residual_last ? 2 : 1;
}

static guint32
keep (const Conv *c)
{
    return c->out.c % 4 && fov_gpu_act_moves_zero (&c->params->act);
}

static guint
div_up (int a, int b)
{
    return (guint) ((a + b - 1) / b);
}

/* What a lane of conv_flat computes: m channels of n pixels. */
typedef struct {
    int m, n;
    int cost; /* of 4 channels of a tap; on processors, ns */
} Tile;

static const Tile processor_tiles[] = {
    { 32, 6, 267 }, { 32, 5, 231 }, { 32, 4, 199 }, { 24, 6, 209 }, { 16, 8, 193 }, { 8, 8, 133 },
};
static const Tile gpu_tiles[] = { { 16, 5, 2 }, { 8, 5, 1 } };

/* The one that costs least, with what is computed beyond the picture and its channels. */
static const Tile *
choose_tile (FovGpuProgram *program, int pixels, int channels)
{
    gboolean few = fov_gpu_on_processor (program);
    const Tile *tiles = few ? processor_tiles : gpu_tiles, *best = NULL;
    guint n = few ? G_N_ELEMENTS (processor_tiles) : G_N_ELEMENTS (gpu_tiles);
    int lanes = (int) fov_gpu_lanes (program);
    guint64 least = G_MAXUINT64;

    for (guint i = 0; i < n; i++) {
        const Tile *t = &tiles[i];
        guint64 groups = (guint64) div_up (pixels, lanes * t->n) * div_up (channels, t->m);
        if (groups * (guint) t->cost < least)
            best = t;
        least = MIN (least, groups * (guint) t->cost);
    }
    return best;
}

/* w: [M][C][kh][kw]; window: not a 1x1 convolution whose output's pixels lie as the input's. */
static gboolean
dispatch_flat (FovGpuProgram *program, const FovStep *step, const Conv *c, const float *w,
               gboolean window, struct fov_push_conv push, GError **error)
{
    int lanes = (int) fov_gpu_lanes (program), pixels = push.oh * push.ow;
    const Tile *tile = choose_tile (program, pixels, c->out.c);
    guint blocks = div_up (c->out.c, tile->m);
    guint32 spec[] = {
        (guint32) lanes,         (guint32) tile->m, (guint32) tile->n, c->params->act.kind,
        residual_kind (c, step), keep (c),          (guint32) window,  (guint32) MIN (c->in.c, 4),
    };

    push.weights = add_dense_weights (program, w, c, tile->m);
    push.bias = add_bias (program, step->node, (int) blocks * tile->m);
    return fov_gpu_program_dispatch (program, "conv_flat", spec, G_N_ELEMENTS (spec), &push,
                                     sizeof push, div_up (pixels, lanes * tile->n), blocks,
                                     (guint) c->in.n, error);
}

static gboolean
record_flat (FovGpuProgram *program, const FovStep *step, const Conv *c, GError **error)
{
    struct fov_push_conv push = make_push (c, step);

    push.out_plane = c->out.h * c->out.w;
    push.out_row = c->out.w;
    push.out_step = 1;
    return dispatch_flat (program, step, c, weights_of (step->node), !is_point (c), push, error);
}

/* conv_depth holds a lane's window in registers. */
static gboolean
fits_depth (const Conv *c)
{
    return is_depthwise (c) && (c->kh - 1) * c->dy < 7 && (c->kw - 1) * c->dx < 7 && c->sy <= 4 &&
           c->sx <= 4;
}

static gboolean
record_depth (FovGpuProgram *program, const FovStep *step, const Conv *c, GError **error)
{
    int lanes = (int) fov_gpu_lanes (program) * 2;
    FovStrips strips = fov_gpu_strips (program, c->out.h, c->out.w, c->sx);
    struct fov_push_conv push = make_push (c, step);
    guint32 spec[] = {
        (guint32) lanes, (guint32) strips.columns, c->params->act.kind, residual_kind (c, step),
        keep (c),        (guint32) c->kh,          (guint32) c->kw,     (guint32) c->sy,
        (guint32) c->sx, (guint32) c->dy,          (guint32) c->dx,
    };

    push.rows = strips.rows;
    push.strips = strips.count;
    push.weights = add_depth_weights (program, step->node, c);
    push.bias = add_bias (program, step->node, c->out.blocks * 4);
    return fov_gpu_program_dispatch (program, "conv_depth", spec, G_N_ELEMENTS (spec), &push,
                                     sizeof push, div_up (push.strips * c->in.blocks, lanes),
                                     div_up (c->out.h, push.rows), (guint) c->in.n, error);
}

/* The kernels for what is rare: one lane computes 4 channels of one pixel. */
static gboolean
record_plain (FovGpuProgram *program, const FovStep *step, const Conv *c, gboolean transposed,
              GError **error)
{
    struct fov_push_conv push = make_push (c, step);
    guint32 spec[] = { c->params->act.kind, residual_kind (c, step), keep (c),
                       push.group_out % 4 == 0 };

    push.weights = transposed ? add_transposed_weights (program, step->node, c)
                              : add_group_weights (program, step->node, c);
    push.bias = add_bias (program, step->node, c->out.blocks * 4);
    return fov_gpu_program_dispatch (program, transposed ? "conv_transpose" : "conv_group", spec,
                                     G_N_ELEMENTS (spec), &push, sizeof push,
                                     div_up (c->out.h * c->out.w, 64), (guint) c->out.blocks,
                                     (guint) c->in.n, error);
}

/* ---- transposed ------------------------------------------------------- */

/*
 * Output rows of one phase, s q + phase, read input rows q + shift - j through the taps
 * first + s j, j = 0..taps-1: a convolution of stride 1 with those taps in reverse.
 */
typedef struct {
    int phase, first, taps, shift, size; /* size: output rows of this phase */
} Phase;

static Phase
make_phase (int phase, int stride, int pad, int kernel, int size)
{
    int first = (phase + pad) % stride;

    return (Phase){
        .phase = phase,
        .first = first,
        .taps = (kernel - first + stride - 1) / stride,
        .shift = (phase + pad - first) / stride,
        .size = (size - phase + stride - 1) / stride,
    };
}

static gboolean
has_phases (const Conv *c)
{
    return c->group == 1 && c->dy == 1 && c->dx == 1 && c->kh >= c->sy && c->kw >= c->sx &&
           (c->kh + c->sy - 1) / c->sy <= 16 && c->sy * c->sx <= 64;
}

/* [M][C][y.taps][x.taps] from [C][M][kh][kw] */
static float *
phase_weights (const FovNode *node, const Conv *c, const Phase *y, const Phase *x)
{
    const float *w = weights_of (node);
    int taps = y->taps * x->taps;
    float *to = g_new (float, (gsize) c->out.c *(gsize) c->in.c *(gsize) taps);

    for (int oc = 0; oc < c->out.c; oc++)
        for (int ic = 0; ic < c->in.c; ic++)
            for (int t = 0; t < taps; t++) {
                int ky = y->first + c->sy * (y->taps - 1 - t / x->taps);
                int kx = x->first + c->sx * (x->taps - 1 - t % x->taps);
                to[((gsize) oc * c->in.c + ic) * taps + t] =
                    w[(((gsize) ic * c->out.c + oc) * c->kh + ky) * c->kw + kx];
            }
    return to;
}

static gboolean
record_phase (FovGpuProgram *program, const FovStep *step, const Conv *c, const Phase *y,
              const Phase *x, GError **error)
{
    g_autofree float *w = phase_weights (step->node, c, y, x);
    struct fov_push_conv push = make_push (c, step);
    Conv part = *c;

    part.kh = y->taps;
    part.kw = x->taps;
    part.sy = part.sx = 1;
    push.kh = y->taps;
    push.kw = x->taps;
    push.stride_y = push.stride_x = 1;
    push.pad_y = y->taps - 1 - y->shift;
    push.pad_x = x->taps - 1 - x->shift;
    push.oh = y->size;
    push.ow = x->size;
    push.dst += y->phase * c->out.w + x->phase;
    push.out_plane = c->out.h * c->out.w;
    push.out_row = c->sy * c->out.w;
    push.out_step = c->sx;
    return dispatch_flat (program, step, &part, w, TRUE, push, error);
}

static gboolean
record_phases (FovGpuProgram *program, const FovStep *step, const Conv *c, GError **error)
{
    const gint64 *pads = c->params->pads.v;

    for (int i = 0; i < c->sy * c->sx; i++) {
        Phase y = make_phase (i / c->sx, c->sy, (int) pads[0], c->kh, c->out.h);
        Phase x = make_phase (i % c->sx, c->sx, (int) pads[1], c->kw, c->out.w);
        if (y.size < 1 || x.size < 1)
            continue;
        if (i)
            fov_gpu_program_overlap (program);
        if (!record_phase (program, step, c, &y, &x, error))
            return FALSE;
    }
    return TRUE;
}

/* ---- weights that the graph computes ---------------------------------- */

static gboolean
record_given (FovGpuProgram *program, const FovStep *step, const Conv *c, GError **error)
{
    const FovConvParams *p = c->params;
    const FovNode *node = step->node;
    const FovOperand *bias = node->n_inputs > 2 ? step->in[2] : NULL;
    guint32 spec[] = { p->act.kind, residual_kind (c, step), bias != NULL, FALSE, FALSE };
    struct fov_push_conv_given push = {
        .src = fov_gpu_float (step->in[0]),
        .dst = fov_gpu_float (step->out[0]),
        .residual = spec[1] ? fov_gpu_float (step->in[3]) : 0,
        .n = c->out.n * c->out.c * c->out.h * c->out.w,
        .c = c->in.c,
        .h = c->in.h,
        .w = c->in.w,
        .m = c->out.c,
        .oh = c->out.h,
        .ow = c->out.w,
        .kh = c->kh,
        .kw = c->kw,
        .stride_y = c->sy,
        .stride_x = c->sx,
        .pad_y = (int) p->pads.v[0],
        .pad_x = (int) p->pads.v[1],
        .dilation_y = c->dy,
        .dilation_x = c->dx,
        .group_in = c->in.c / c->group,
        .group_out = c->out.c / c->group,
        .a = p->act.a,
        .b = p->act.b,
    };

    push.weights = fov_gpu_source (program, step->in[1], &spec[3]);
    if (bias)
        push.bias = fov_gpu_source (program, bias, &spec[4]);
    return fov_gpu_dispatch_flat (program, "conv_given", spec, G_N_ELEMENTS (spec), &push,
                                  sizeof push, (guint64) push.n, 64, error);
}

static gboolean
record_conv (FovGpuProgram *program, const FovStep *step, GError **error)
{
    Conv c = describe (step->node);

    if (has_given_weights (step->node))
        return record_given (program, step, &c, error);
    if (fits_depth (&c))
        return record_depth (program, step, &c, error);
    if (c.group == 1)
        return record_flat (program, step, &c, error);
    return record_plain (program, step, &c, FALSE, error);
}

static gboolean
record_transpose (FovGpuProgram *program, const FovStep *step, GError **error)
{
    Conv c = describe (step->node);

    return has_phases (&c) ? record_phases (program, step, &c, error)
                           : record_plain (program, step, &c, TRUE, error);
}

const FovGpuOp fov_gpu_conv = { formats, record_conv };
const FovGpuOp fov_gpu_conv_transpose = { formats, record_transpose };

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

static guint
formats (const FovNode *node, int block)
{
    if (!fov_gpu_can_floats (node, 1 << 1 | 1 << 2) || !fov_gpu_can_block (node->inputs[0]) ||
        !fov_gpu_can_block (node->outputs[0]))
        return 0;
    return FOV_CAN_BLOCKED | FOV_WANTS_BLOCKED;
}

/* ---- weights ---------------------------------------------------------- */

/* How weights lie for the kernels: pack.comp says what the fields mean. Here src counts from the
 * operand's start. */
typedef struct {
    struct fov_push_pack p;
    gboolean dense;
} Pack;

/* Where a step's weights and biases are read from, in vec4; given: of which there are no constants,
 * as the shaders have it. */
typedef struct {
    int weights, bias;
    guint32 given;
} Places;

/* What pack.comp computes, of constants. */
static int
pack_constant (FovGpuProgram *program, const float *src, const Pack *pack)
{
    const struct fov_push_pack *p = &pack->p;
    guint32 offset = 0;
    float *to = fov_gpu_program_reserve_constant (program, (gsize) p->n * 16, &offset);

    for (gsize i = 0; to && i < (gsize) p->n * 4; i++) {
        int v = (int) (i / 4), lane = (int) (i % 4), oc, ic, tap;
        if (pack->dense) {
            oc = v % p->m + v / p->m / p->blocks / p->taps * p->m;
            ic = v / p->m % p->blocks * 4 + lane;
            tap = v / p->m / p->blocks % p->taps;
        } else {
            tap = v % p->taps;
            ic = v / p->taps % p->ic;
            oc = v / p->taps / p->ic * 4 + lane;
        }
        if (oc < p->oc && ic < p->ic)
            to[i] = src[p->src + oc * p->oc_by + ic * p->ic_by + tap / p->inner * p->hi_by +
                        tap % p->inner * p->lo_by + oc / p->group_out * p->group_by];
    }
    return (int) (offset / 16);
}

/* Packs where that is still to be done; the place in vec4. */
static gboolean
pack_operand (FovGpuProgram *program, const FovOperand *from, Pack pack, int *place, GError **error)
{
    guint32 spec[] = { (guint32) pack.dense };

    if (from->place == FOV_PLACE_CONSTANT) {
        *place = pack_constant (program, g_bytes_get_data (from->tensor->data, NULL), &pack);
        return TRUE;
    }
    pack.p.src += fov_gpu_float (from);
    pack.p.dst = *place = (int) (fov_gpu_program_scratch (program, (gsize) pack.p.n * 16) / 16);
    return fov_gpu_dispatch_flat (program, "pack", spec, 1, &pack.p, sizeof pack.p,
                                  (guint64) pack.p.n, 64, error);
}

/* m: values, those behind the channels 0. */
static gboolean
place_bias (FovGpuProgram *program, const FovStep *step, int m, Places *places, GError **error)
{
    const FovOperand *bias = step->node->n_inputs > 2 ? step->in[2] : NULL;
    Pack pack = {
        .p = { .n = m / 4,
               .taps = 1,
               .inner = 1,
               .oc = (int) step->out[0]->shape.dim[1],
               .ic = 1,
               .oc_by = 1,
               .group_out = 1 },
    };
    guint32 offset = 0;

    if (!bias) {
        fov_gpu_program_reserve_constant (program, (gsize) m * sizeof (float), &offset);
        places->bias = (int) (offset / 16);
        return TRUE;
    }
    if (bias->place != FOV_PLACE_CONSTANT) {
        if (places->given)
            fov_gpu_program_overlap (program);
        places->given |= 2;
    }
    return pack_operand (program, bias, pack, &places->bias, error);
}

static gboolean
place_weights (FovGpuProgram *program, const FovStep *step, Pack pack, int m, Places *places,
               GError **error)
{
    places->given = step->in[1]->place == FOV_PLACE_CONSTANT ? 0 : 1;
    return pack_operand (program, step->in[1], pack, &places->weights, error) &&
           place_bias (program, step, m, places, error);
}

/* [oc block of m][ky][kx][c4][m][4 ic] from [M][C][kh][kw] */
static Pack
dense_pack (const Conv *c, int m)
{
    int blocks = (c->out.c + m - 1) / m, taps = c->kh * c->kw;

    return (Pack){
        .p = { .n = blocks * m * c->in.blocks * taps,
               .m = m,
               .blocks = c->in.blocks,
               .taps = taps,
               .inner = c->kw,
               .oc = c->out.c,
               .ic = c->in.c,
               .oc_by = c->in.c * taps,
               .ic_by = taps,
               .hi_by = c->kw,
               .lo_by = 1,
               .group_out = 1 },
        .dense = TRUE,
    };
}

/* [m4][ic of the group][ky][kx][4 oc] from [M][C / group][kh][kw] */
static Pack
group_pack (const Conv *c)
{
    int per_group = c->in.c / c->group, taps = c->kh * c->kw;

    return (Pack){
        .p = { .n = c->out.blocks * per_group * taps,
               .taps = taps,
               .inner = c->kw,
               .oc = c->out.c,
               .ic = per_group,
               .oc_by = per_group * taps,
               .ic_by = taps,
               .hi_by = c->kw,
               .lo_by = 1,
               .group_out = 1 },
    };
}

/* [c4][kx][ky][4] */
static Pack
depth_pack (const Conv *c)
{
    Pack pack = group_pack (c);

    pack.p.inner = c->kh;
    pack.p.hi_by = 1;
    pack.p.lo_by = c->kw;
    return pack;
}

/* [m4][ic of the group][ky][kx][4 oc], from ConvTranspose's [C][M / group][kh][kw] */
static Pack
transposed_pack (const Conv *c)
{
    int m_group = c->out.c / c->group, taps = c->kh * c->kw;
    Pack pack = group_pack (c);

    pack.p.oc_by = taps;
    pack.p.ic_by = m_group * taps;
    pack.p.group_out = m_group;
    pack.p.group_by = (c->in.c / c->group - 1) * m_group * taps;
    return pack;
}

/* ---- recording -------------------------------------------------------- */

static struct fov_push_conv
make_push (const Conv *c, const FovStep *step, const Places *places)
{
    const FovConvParams *p = c->params;
    const FovOperand *residual = step->node->n_inputs > 3 ? step->in[3] : NULL;

    return (struct fov_push_conv){
        .src = fov_gpu_texel (step->in[0]),
        .dst = fov_gpu_texel (step->out[0]),
        .weights = places->weights,
        .bias = places->bias,
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

/* window: not a 1x1 convolution whose output's pixels lie as the input's. */
static gboolean
dispatch_flat (FovGpuProgram *program, const FovStep *step, const Conv *c, const Tile *tile,
               gboolean window, const Places *places, struct fov_push_conv push, GError **error)
{
    int lanes = (int) fov_gpu_lanes (program), pixels = push.oh * push.ow;
    guint32 spec[] = {
        (guint32) lanes,     (guint32) tile->m,          (guint32) tile->n,
        c->params->act.kind, residual_kind (c, step),    keep (c),
        (guint32) window,    (guint32) MIN (c->in.c, 4), places->given,
    };

    return fov_gpu_program_dispatch (program, "conv_flat", spec, G_N_ELEMENTS (spec), &push,
                                     sizeof push, div_up (pixels, lanes * tile->n),
                                     div_up (c->out.c, tile->m), (guint) c->in.n, error);
}

static int
padded_channels (const Conv *c, const Tile *tile)
{
    return (int) div_up (c->out.c, tile->m) * tile->m;
}

static gboolean
record_flat (FovGpuProgram *program, const FovStep *step, const Conv *c, GError **error)
{
    const Tile *tile = choose_tile (program, c->out.h * c->out.w, c->out.c);
    struct fov_push_conv push;
    Places places;

    if (!place_weights (program, step, dense_pack (c, tile->m), padded_channels (c, tile), &places,
                        error))
        return FALSE;
    push = make_push (c, step, &places);
    push.out_plane = c->out.h * c->out.w;
    push.out_row = c->out.w;
    push.out_step = 1;
    return dispatch_flat (program, step, c, tile, !is_point (c), &places, push, error);
}

/* conv_depth holds a lane's window in registers. */
static gboolean
fits_depth (const Conv *c)
{
    return is_depthwise (c) && (c->kh - 1) * c->dy < 7 && (c->kw - 1) * c->dx < 7 && c->sy <= 4 &&
           c->sx <= 4;
}

static gboolean
dispatch_depth (FovGpuProgram *program, const FovStep *step, const Conv *c, const Places *places,
                struct fov_push_conv push, GError **error)
{
    int lanes = (int) fov_gpu_lanes (program) * 2;
    FovStrips strips = fov_gpu_strips (program, push.oh, push.ow, push.stride_x);
    guint32 spec[] = {
        (guint32) lanes,
        (guint32) strips.columns,
        c->params->act.kind,
        residual_kind (c, step),
        keep (c),
        (guint32) push.kh,
        (guint32) push.kw,
        (guint32) push.stride_y,
        (guint32) push.stride_x,
        (guint32) c->dy,
        (guint32) c->dx,
        places->given,
    };

    push.rows = strips.rows;
    push.strips = strips.count;
    return fov_gpu_program_dispatch (program, "conv_depth", spec, G_N_ELEMENTS (spec), &push,
                                     sizeof push, div_up (push.strips * c->in.blocks, lanes),
                                     div_up (push.oh, push.rows), (guint) c->in.n, error);
}

static gboolean
record_depth (FovGpuProgram *program, const FovStep *step, const Conv *c, GError **error)
{
    struct fov_push_conv push;
    Places places;

    if (!place_weights (program, step, depth_pack (c), c->out.blocks * 4, &places, error))
        return FALSE;
    push = make_push (c, step, &places);
    push.out_plane = c->out.h * c->out.w;
    push.out_row = c->out.w;
    push.out_step = 1;
    return dispatch_depth (program, step, c, &places, push, error);
}

/* The kernels for what is rare: one lane computes 4 channels of one pixel. */
static gboolean
record_plain (FovGpuProgram *program, const FovStep *step, const Conv *c, gboolean transposed,
              GError **error)
{
    Places places;
    struct fov_push_conv push;
    guint32 spec[] = { c->params->act.kind, residual_kind (c, step), keep (c),
                       c->out.c / c->group % 4 == 0, 0 };

    if (!place_weights (program, step, transposed ? transposed_pack (c) : group_pack (c),
                        c->out.blocks * 4, &places, error))
        return FALSE;
    spec[4] = places.given;
    push = make_push (c, step, &places);
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

enum { MOST_PHASES = 64 };

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
    return (c->group == 1 || (is_depthwise (c) && c->kh < 8 && c->kw < 8)) && c->dy == 1 &&
           c->dx == 1 && c->kh >= c->sy && c->kw >= c->sx && (c->kh + c->sy - 1) / c->sy <= 16 &&
           c->sy * c->sx <= MOST_PHASES;
}

/* As of a convolution with weights [M][C][y.taps][x.taps], from [C][M][kh][kw]; depthwise both with
 * one channel a group. */
static Pack
phase_pack (const Conv *c, const Phase *y, const Phase *x, int m)
{
    int taps = c->kh * c->kw;
    Conv part = *c;
    Pack pack;

    part.kh = y->taps;
    part.kw = x->taps;
    pack = c->group > 1 ? depth_pack (&part) : dense_pack (&part, m);
    pack.p.src = (y->first + c->sy * (y->taps - 1)) * c->kw + x->first + c->sx * (x->taps - 1);
    pack.p.oc_by = taps;
    pack.p.ic_by = c->out.c * taps;
    pack.p.hi_by = c->group > 1 ? -c->sx : -c->sy * c->kw;
    pack.p.lo_by = c->group > 1 ? -c->sy * c->kw : -c->sx;
    return pack;
}

static gboolean
record_phase (FovGpuProgram *program, const FovStep *step, const Conv *c, const Phase *y,
              const Phase *x, const Tile *tile, const Places *places, GError **error)
{
    struct fov_push_conv push = make_push (c, step, places);
    gboolean window;

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
    if (c->group > 1)
        return dispatch_depth (program, step, c, places, push, error);
    window = y->taps != 1 || x->taps != 1 || push.pad_y || push.pad_x || c->sy != 1 || c->sx != 1 ||
             push.oh != c->in.h || push.ow != c->in.w;
    return dispatch_flat (program, step, c, tile, window, places, push, error);
}

/* Weights of all phases first, so that the phases need not wait for each other. */
static gboolean
record_phases (FovGpuProgram *program, const FovStep *step, const Conv *c, GError **error)
{
    const gint64 *pads = c->params->pads.v;
    Phase y[MOST_PHASES] = { 0 }, x[MOST_PHASES] = { 0 };
    const Tile *tile = NULL;
    Places places[MOST_PHASES] = { 0 };
    int n = 0;

    for (int i = 0; i < c->sy * c->sx; i++) {
        y[n] = make_phase (i / c->sx, c->sy, (int) pads[0], c->kh, c->out.h);
        x[n] = make_phase (i % c->sx, c->sx, (int) pads[1], c->kw, c->out.w);
        n += y[n].size >= 1 && x[n].size >= 1;
    }
    tile = choose_tile (program, y[0].size * x[0].size, c->out.c);
    for (int i = 0; i < n; i++) {
        if (i && step->in[1]->place != FOV_PLACE_CONSTANT)
            fov_gpu_program_overlap (program);
        places[i].given = step->in[1]->place == FOV_PLACE_CONSTANT ? 0 : 1;
        if (!pack_operand (program, step->in[1], phase_pack (c, &y[i], &x[i], tile->m),
                           &places[i].weights, error))
            return FALSE;
    }
    if (!place_bias (program, step, c->group > 1 ? c->out.blocks * 4 : padded_channels (c, tile),
                     &places[0], error))
        return FALSE;
    for (int i = 0; i < n; i++) {
        places[i].bias = places[0].bias;
        places[i].given = places[0].given;
        if (i)
            fov_gpu_program_overlap (program);
        if (!record_phase (program, step, c, &y[i], &x[i], tile, &places[i], error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
record_conv (FovGpuProgram *program, const FovStep *step, GError **error)
{
    Conv c = describe (step->node);

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

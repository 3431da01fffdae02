/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resize, DepthToSpace and SpaceToDepth on vulkan. */
#include "ops/copy.h"

#include <string.h>

/* ---- Resize ----------------------------------------------------------- */

/* The kernel is unrolled over the taps. */
enum { MAX_TAPS = 16 };

static int
n_taps (const FovNode *node)
{
    const FovShape *in = &node->inputs[0]->shape, *out = &node->outputs[0]->shape;

    return MAX (fov_resize_n_taps (node->params, 2, in->dim[2], out->dim[2]),
                fov_resize_n_taps (node->params, 3, in->dim[3], out->dim[3]));
}

static guint
resize_formats (const FovNode *node, int block)
{
    const FovResizeParams *p = node->params;
    const FovTensor *in = node->inputs[0], *out = node->outputs[0];

    if (!fov_gpu_can_float (in) || !fov_gpu_can_float (out) || !fov_gpu_can_block (in) ||
        !fov_gpu_can_block (out) || in->shape.dim[0] != out->shape.dim[0] ||
        in->shape.dim[1] != out->shape.dim[1] || p->scale.v[0] != 1 || p->scale.v[1] != 1 ||
        n_taps (node) > MAX_TAPS)
        return 0;
    return FOV_CAN_BLOCKED | FOV_WANTS_BLOCKED;
}

/* (index, weight, -, -) for each of the n samples of each coordinate; missing ones weigh nothing.
 */
static int
add_taps (FovGpuProgram *program, const FovNode *node, int d, int n)
{
    const gint64 in = node->inputs[0]->shape.dim[d], out = node->outputs[0]->shape.dim[d];
    const int used = fov_resize_n_taps (node->params, d, in, out);
    FovTap taps[MAX_TAPS] = { 0 };
    guint32 offset = 0;
    float *to = fov_gpu_program_reserve_constant (program, (gsize) out * (gsize) n * 16, &offset);

    for (gint64 o = 0; to && o < out; o++) {
        fov_resize_taps (node->params, d, o, in, out, taps);
        for (int k = 0; k < n; k++, to += 4) {
            to[0] = k < used ? (float) taps[k].at : 0;
            to[1] = k < used ? (float) taps[k].weight : 0;
        }
    }
    return (int) (offset / 16);
}

/* rows, columns: tables of taps, in vec4. */
static gboolean
dispatch_resize (FovGpuProgram *program, const FovStep *step, int taps, int rows, int columns,
                 GError **error)
{
    FovPicture in = fov_picture (&step->in[0]->shape), out = fov_picture (&step->out[0]->shape);
    /* All is unrolled: many taps leave room for one plane. */
    guint32 spec[] = { (guint32) taps, taps > 4 ? 1 : (guint32) MIN (out.n * out.blocks, 4) };
    struct fov_push_resize push = {
        .src = fov_gpu_texel (step->in[0]),
        .dst = fov_gpu_texel (step->out[0]),
        .rows = rows,
        .columns = columns,
        .h = in.h,
        .w = in.w,
        .oh = out.h,
        .ow = out.w,
        .planes = out.n * out.blocks,
    };

    return fov_gpu_program_dispatch (program, "resize", spec, 2, &push, sizeof push,
                                     (guint) ((out.h * out.w + 63) / 64),
                                     ((guint) push.planes + spec[1] - 1) / spec[1], 1, error);
}

static gboolean
record_resize (FovGpuProgram *program, const FovStep *step, GError **error)
{
    int taps = n_taps (step->node);

    return dispatch_resize (program, step, taps, add_taps (program, step->node, 2, taps),
                            add_taps (program, step->node, 3, taps), error);
}

const FovGpuOp fov_gpu_resize = { resize_formats, record_resize };

/* ---- fov.ResizeGrad: dy, shape of x -> dx: the same kernel, with the taps the other way ---- */

/* Taps of the forward pass: outputs of dimension d (dy's size) are made of in samples. */
typedef void TapFunc (gpointer data, gint64 from, gint64 to, float weight);

static void
each_tap (const FovNode *node, int d, TapFunc *func, gpointer data)
{
    const gint64 in = node->outputs[0]->shape.dim[d], out = node->inputs[0]->shape.dim[d];
    const int n = fov_resize_n_taps (node->params, d, in, out);
    g_autofree FovTap *taps = g_new (FovTap, n);

    for (gint64 o = 0; o < out; o++) {
        fov_resize_taps (node->params, d, o, in, out, taps);
        for (int k = 0; k < n; k++)
            func (data, o, taps[k].at, (float) taps[k].weight);
    }
}

static void
count_tap (gpointer data, gint64 from, gint64 to, float weight)
{
    ((int *) data)[to]++;
}

/* Most outputs that any input along dimension d is read for. */
static int
n_readers (const FovNode *node, int d)
{
    const gint64 n = node->outputs[0]->shape.dim[d];
    g_autofree int *counts = g_new0 (int, n);
    int most = 1;

    each_tap (node, d, count_tap, counts);
    for (gint64 i = 0; i < n; i++)
        most = MAX (most, counts[i]);
    return most;
}

typedef struct {
    float *to;
    int *counts;
    int n;
} Readers;

static void
add_reader (gpointer data, gint64 from, gint64 to, float weight)
{
    Readers *r = data;
    float *at = r->to + (to * r->n + r->counts[to]++) * 4;

    at[0] = (float) from;
    at[1] = weight;
}

static int
add_readers (FovGpuProgram *program, const FovNode *node, int d, int n)
{
    const gint64 size = node->outputs[0]->shape.dim[d];
    g_autofree int *counts = g_new0 (int, size);
    guint32 offset = 0;
    Readers r = { fov_gpu_program_reserve_constant (program, (gsize) size * (gsize) n * 16,
                                                    &offset),
                  counts, n };

    if (r.to)
        each_tap (node, d, add_reader, &r);
    return (int) (offset / 16);
}

static guint
resize_grad_formats (const FovNode *node, int block)
{
    const FovResizeParams *p = node->params;
    const FovTensor *dy = node->inputs[0], *dx = node->outputs[0];

    if (!fov_gpu_can_block (dy) || !fov_gpu_can_block (dx) ||
        dy->shape.dim[0] != dx->shape.dim[0] || dy->shape.dim[1] != dx->shape.dim[1] ||
        p->scale.v[0] != 1 || p->scale.v[1] != 1 || n_readers (node, 2) > MAX_TAPS ||
        n_readers (node, 3) > MAX_TAPS)
        return 0;
    return FOV_CAN_BLOCKED | FOV_WANTS_BLOCKED;
}

static gboolean
record_resize_grad (FovGpuProgram *program, const FovStep *step, GError **error)
{
    int taps = MAX (n_readers (step->node, 2), n_readers (step->node, 3));

    return dispatch_resize (program, step, taps, add_readers (program, step->node, 2, taps),
                            add_readers (program, step->node, 3, taps), error);
}

const FovGpuOp fov_gpu_resize_grad = { resize_grad_formats, record_resize_grad };

/* ---- DepthToSpace, SpaceToDepth --------------------------------------- */

static guint
depth_formats (const FovNode *node, int block)
{
    return fov_gpu_can_move (node->inputs[0]) && fov_gpu_can_move (node->outputs[0]) &&
                   fov_dtype_words (node->inputs[0]->dtype) == 1
               ? FOV_CAN_PLANAR
               : 0;
}

/* Pixel (y b + i, x b + j) of the wide picture's channel c is pixel (y, x) of a deep channel. */
static gboolean
record_depth (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovDepthParams *p = step->node->params;
    gboolean to_space = !strcmp (step->node->op->name, "DepthToSpace");
    const gint64 *wide = (to_space ? step->out[0] : step->in[0])->shape.dim;
    gint64 b = p->blocksize, h = wide[2] / b, w = wide[3] / b, plane = h * w;
    gint64 channels = wide[1], i_step = p->mode ? b : b * channels;
    gint64 j_step = p->mode ? 1 : channels, c_step = p->mode ? b * b : 1;
    const gint64 sizes[] = { wide[0], channels, h, b, w, b };
    const gint64 in_wide[] = { channels * plane * b * b, plane * b * b, b * w * b, w * b, b, 1 };
    const gint64 in_deep[] = {
        channels * plane * b * b, c_step * plane, w, i_step * plane, 1, j_step * plane
    };
    FovMove m = { 0 };

    for (int d = 0; d < 6; d++)
        fov_move_add (&m, sizes[d], to_space ? in_deep[d] : in_wide[d],
                      to_space ? in_wide[d] : in_deep[d]);
    fov_move_collapse (&m);
    return fov_gpu_record_move (program, &m, step->in[0], step->out[0], error);
}

const FovGpuOp fov_gpu_depth = { depth_formats, record_depth };

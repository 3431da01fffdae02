/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MatMul and Gemm on vulkan. */
#include "ops/infer.h"
#include "ops/record.h"

/** y = alpha A B + beta C, all as the kernel sees them: strides in elements. */
typedef struct {
    gint64 batches, m, n, k;
    gint64 a_batch, a_i, a_k, b_batch, b_k, b_j, c_i, c_j;
    float alpha, beta;
} Product;

static gint64
from_end (const FovShape *shape, int d)
{
    return d <= shape->rank ? shape->dim[shape->rank - d] : 1;
}

/* Elements of all dimensions but the last two. */
static gint64
batches (const FovShape *shape)
{
    return fov_shape_span (shape, 0, MAX (shape->rank - 2, 0));
}

/* Whether one stride can not say how the batches broadcast. */
static gboolean
is_irregular (const FovNode *node)
{
    const FovShape *a = &node->inputs[0]->shape, *b = &node->inputs[1]->shape;
    gint64 na = batches (a), nb = batches (b);
    gint64 n = batches (&node->outputs[0]->shape);

    return na != 1 && nb != 1 && (na != n || nb != n);
}

static void
describe_matmul (const FovNode *node, Product *p)
{
    const FovShape *a = &node->inputs[0]->shape, *b = &node->inputs[1]->shape;
    gint64 na = batches (a), nb = batches (b);

    *p = (Product){
        .batches = MAX (na, nb),
        .m = a->rank > 1 ? from_end (a, 2) : 1,
        .n = b->rank > 1 ? from_end (b, 1) : 1,
        .k = from_end (a, 1),
        .a_k = 1,
        .b_j = 1,
        .alpha = 1,
    };
    p->a_i = p->k;
    p->b_k = p->n;
    p->a_batch = na > 1 ? p->m * p->k : 0;
    p->b_batch = nb > 1 ? p->n * p->k : 0;
    if (nb == 1) { /* all of A's rows at once */
        p->m *= p->batches;
        p->batches = 1;
    }
}

static void
describe_gemm (const FovNode *node, Product *p)
{
    const FovGemmParams *g = node->params;
    const FovShape *a = &node->inputs[0]->shape, *y = &node->outputs[0]->shape;

    *p = (Product){
        .batches = 1,
        .m = y->dim[0],
        .n = y->dim[1],
        .k = a->dim[g->trans_a ? 0 : 1],
        .alpha = g->alpha,
        .beta = g->beta,
    };
    p->a_i = g->trans_a ? 1 : p->k;
    p->a_k = g->trans_a ? p->m : 1;
    p->b_k = g->trans_b ? 1 : p->n;
    p->b_j = g->trans_b ? p->k : 1;
    if (node->n_inputs > 2 && node->inputs[2]) {
        gint64 stride[FOV_MAX_RANK];
        fov_broadcast_strides (&node->inputs[2]->shape, y, stride);
        p->c_i = stride[0];
        p->c_j = stride[1];
    }
}

static gboolean
fits (const Product *p)
{
    return p->k <= 65535 && p->batches <= 65535 && p->m <= 4 * 65535;
}

static guint
matmul_formats (const FovNode *node, int block)
{
    Product p;

    if (!fov_gpu_can_floats (node, 3))
        return 0;
    describe_matmul (node, &p);
    if (is_irregular (node) && batches (&node->outputs[0]->shape) > 1024)
        return 0;
    return fits (&p) ? FOV_CAN_PLANAR : 0;
}

static guint
gemm_formats (const FovNode *node, int block)
{
    Product p;

    if (!fov_gpu_can_floats (node, 7))
        return 0;
    describe_gemm (node, &p);
    return fits (&p) ? FOV_CAN_PLANAR : 0;
}

/* [k4][j][4], in vec4 */
static int
add_packed (FovGpuProgram *program, const FovOperand *b, const Product *p)
{
    const float *v = g_bytes_get_data (b->tensor->data, NULL);
    guint32 offset = 0;
    float *to = fov_gpu_program_reserve_constant (program, (gsize) (p->k * p->n) * 4, &offset);

    for (gint64 k = 0; to && k < p->k; k++)
        for (gint64 j = 0; j < p->n; j++)
            to[(k / 4 * p->n + j) * 4 + k % 4] = v[k * p->b_k + j * p->b_j];
    return (int) (offset / 16);
}

static gboolean
dispatch_product (FovGpuProgram *program, const Product *p, const struct fov_push_matmul *push,
                  const guint32 spec[5], GError **error)
{
    guint rows = spec[4];

    return fov_gpu_program_dispatch (program, "matmul", spec, 5, push, sizeof *push,
                                     (guint) ((p->n + 31) / 32), (guint) ((p->m + rows - 1) / rows),
                                     (guint) p->batches, error);
}

static void
fill_product (FovGpuProgram *program, const FovStep *step, const Product *p,
              struct fov_push_matmul *push, guint32 spec[5])
{
    const FovOperand *a = step->in[0], *b = step->in[1];
    const FovOperand *c = step->node->n_inputs > 2 ? step->in[2] : NULL;
    gboolean packed = b->place == FOV_PLACE_CONSTANT && a->place == FOV_PLACE_ARENA &&
                      p->k % 4 == 0 && p->a_k == 1 && a->offset % 16 == 0 && p->b_batch == 0;

    *push = (struct fov_push_matmul){
        .dst = fov_gpu_float (step->out[0]),
        .m = (int) p->m,
        .n = (int) p->n,
        .k = (int) p->k,
        .a_batch = (int) p->a_batch,
        .a_i = (int) p->a_i,
        .a_k = (int) p->a_k,
        .b_batch = (int) p->b_batch,
        .b_k = (int) p->b_k,
        .b_j = (int) p->b_j,
        .c_i = (int) p->c_i,
        .c_j = (int) p->c_j,
        .alpha = p->alpha,
        .beta = p->beta,
    };
    spec[0] = (guint32) packed;
    spec[3] = 0;
    spec[4] = p->m > 1 ? 4 : 1;
    push->a = fov_gpu_source (program, a, &spec[1]);
    push->b = packed ? add_packed (program, b, p) : fov_gpu_source (program, b, &spec[2]);
    if (c) {
        push->c = fov_gpu_source (program, c, &spec[3]);
        spec[3]++;
    }
}

/* The shape of all dimensions but the last two. */
static FovShape
batch_shape (const FovShape *shape)
{
    FovShape s = *shape;

    s.rank = MAX (s.rank - 2, 0);
    return s;
}

/* A dispatch per batch, each with its own place in A and B. */
static gboolean
record_irregular (FovGpuProgram *program, const FovStep *step, Product *p, GError **error)
{
    FovShape a = batch_shape (&step->in[0]->shape), b = batch_shape (&step->in[1]->shape);
    FovShape out = batch_shape (&step->out[0]->shape);
    gint64 a_stride[FOV_MAX_RANK], b_stride[FOV_MAX_RANK], at[FOV_MAX_RANK] = { 0 };
    gint64 n = fov_shape_elements (&out);
    struct fov_push_matmul push, part;
    guint32 spec[5] = { 0 };

    fov_broadcast_strides (&a, &out, a_stride);
    fov_broadcast_strides (&b, &out, b_stride);
    p->batches = 1;
    fill_product (program, step, p, &push, spec);
    for (gint64 i = 0; i < n; i++, fov_next_coord (&out, at)) {
        part = push;
        part.a += (int) (fov_index (out.rank, at, a_stride) * p->m * p->k);
        part.b += (int) (fov_index (out.rank, at, b_stride) * p->k * p->n);
        part.dst += (int) (i * p->m * p->n);
        if (i)
            fov_gpu_program_overlap (program);
        if (!dispatch_product (program, p, &part, spec, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
record_product (FovGpuProgram *program, const FovStep *step, const Product *p, GError **error)
{
    struct fov_push_matmul push;
    guint32 spec[5] = { 0 };

    fill_product (program, step, p, &push, spec);
    return dispatch_product (program, p, &push, spec, error);
}

static gboolean
record_matmul (FovGpuProgram *program, const FovStep *step, GError **error)
{
    Product p;

    describe_matmul (step->node, &p);
    return is_irregular (step->node) ? record_irregular (program, step, &p, error)
                                     : record_product (program, step, &p, error);
}

static gboolean
record_gemm (FovGpuProgram *program, const FovStep *step, GError **error)
{
    Product p;

    describe_gemm (step->node, &p);
    return record_product (program, step, &p, error);
}

const FovGpuOp fov_gpu_matmul = { matmul_formats, record_matmul };
const FovGpuOp fov_gpu_gemm = { gemm_formats, record_gemm };

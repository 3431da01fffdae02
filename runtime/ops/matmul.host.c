/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* MatMul and Gemm, Softmax and reductions on the host: planar. */
#include "ops/host-op.h"

#include <stdlib.h>

/* ---- matrix products --------------------------------------------------- */

typedef struct {
    int rows, k, columns;
    gsize lda_row, lda_k, ldb;
    float *packed; /* B, or NULL: read where it lies */
    float *bias;   /* per column, or NULL */
    guint images, row_cuts, column_cuts;
    gsize *a_offset, *b_offset; /* per image, floats */
    gsize b_k, b_n;             /* B's steps, to pack it in each run */
    float alpha, beta;
} MatMul;

static void
matmul_free (gpointer data)
{
    MatMul *s = data;

    free (s->packed);
    free (s->bias);
    g_free (s->a_offset);
    g_free (s->b_offset);
    g_free (s);
}

static void
matmul_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    static const FovAct none;
    const MatMul *s = step->state;
    const FovHostKernels *k = fov_host_kernels ();
    const guint column = task % s->column_cuts, row = task / s->column_cuts % s->row_cuts;
    const guint image = task / s->column_cuts / s->row_cuts;
    const gsize strips = (s->columns + k->gemm_columns - 1) / k->gemm_columns;
    const int row0 = (int) fov_host_cut (s->rows, s->row_cuts, row);
    const int row1 = (int) fov_host_cut (s->rows, s->row_cuts, row + 1);
    const int col0 = (int) fov_host_cut (strips, s->column_cuts, column) * k->gemm_columns;
    const int col1 = (int) fov_host_cut (strips, s->column_cuts, column + 1) * k->gemm_columns;
    const float *a = fov_host_in (frame, step->step.in[0]) + s->a_offset[image];
    const float *b =
        s->packed ? s->packed : fov_host_in (frame, step->step.in[1]) + s->b_offset[image];
    float *c = fov_host_out (frame, step->step.out[0]) + (gsize) image * s->rows * s->columns;

    k->gemm (a + row0 * s->lda_row, s->lda_row, s->lda_k, b, s->packed ? 0 : s->ldb, s->bias, &none,
             c + (gsize) row0 * s->columns, s->columns, row1 - row0, s->k, col0,
             MIN (col1, s->columns));
}

static gsize
n_strips (const MatMul *s)
{
    const int wide = fov_host_kernels ()->gemm_columns;

    return (s->columns + wide - 1) / wide;
}

/* [strip][k][gemm_columns], short strips padded with 0. */
static void
pack_strip (const MatMul *s, const float *b, gsize strip)
{
    const int wide = fov_host_kernels ()->gemm_columns;
    const int first = (int) strip * wide, n = MIN (wide, s->columns - first);
    float *packed = s->packed + strip * s->k * wide;

    for (int i = 0; i < s->k; i++)
        for (int col = 0; col < n; col++)
            packed[(gsize) i * wide + col] = s->alpha * b[i * s->b_k + (first + col) * s->b_n];
}

static void
pack_bias (const MatMul *s, const FovTensor *c, const float *values)
{
    const gboolean one = fov_tensor_elements (c) == 1;

    for (int i = 0; i < s->columns; i++)
        s->bias[i] = s->beta * values[one ? 0 : i];
}

static void
take_packed (MatMul *s)
{
    s->packed =
        fov_host_alloc (n_strips (s) * fov_host_kernels ()->gemm_columns * s->k * sizeof (float));
}

static void
pack_b (MatMul *s, const float *b)
{
    take_packed (s);
    for (gsize strip = 0; strip < n_strips (s); strip++)
        pack_strip (s, b, strip);
}

/* B or C under training; the task behind the strips is C's. */
static void
gemm_first (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const MatMul *s = step->state;

    if (task < n_strips (s))
        pack_strip (s, fov_host_in (frame, step->step.in[1]), task);
    else if (s->bias)
        pack_bias (s, step->step.node->inputs[2], fov_host_in (frame, step->step.in[2]));
}

static void
cut_matmul (FovHostStep *step, MatMul *s)
{
    const int wide = fov_host_kernels ()->gemm_columns;
    const double seconds = 2.0 * s->rows * s->k * s->columns * s->images / 40e9;
    const guint wanted = (fov_host_tasks (seconds, 1 << 20) + s->images - 1) / s->images;

    s->column_cuts = MIN (wanted, (guint) (s->columns + wide - 1) / wide);
    s->row_cuts = MIN ((wanted + s->column_cuts - 1) / s->column_cuts, (guint) (s->rows + 3) / 4);
    step->n_tasks = s->images * s->column_cuts * s->row_cuts;
    step->state = s;
    step->free_state = matmul_free;
    step->run = matmul_run;
}

/* Matrices of an operand with that many leading dimensions, seen from the output. */
static void
image_offsets (const FovShape *shape, const FovShape *out, gsize *offset, guint n)
{
    const int lead = out->rank - 2, shift = out->rank - shape->rank;
    gint64 stride[FOV_MAX_RANK] = { 0 };
    gint64 step = shape->dim[shape->rank - 1] * shape->dim[shape->rank - 2];

    for (int d = lead - 1; d >= shift; d--) {
        stride[d] = shape->dim[d - shift] == 1 ? 0 : step;
        step *= shape->dim[d - shift];
    }
    for (guint i = 0; i < n; i++) {
        gint64 rest = i;
        for (int d = lead - 1; d >= 0; d--) {
            offset[i] += rest % out->dim[d] * stride[d];
            rest /= out->dim[d];
        }
    }
}

static gboolean
matmul_prepare (FovHostStep *step, GError **error)
{
    const FovNode *node = step->step.node;
    const FovShape *a = fov_in_shape (node, 0), *b = fov_in_shape (node, 1);
    const FovShape *y = &node->outputs[0]->shape;
    MatMul *s = g_new0 (MatMul, 1);

    s->rows = (int) a->dim[a->rank - 2];
    s->k = (int) a->dim[a->rank - 1];
    s->columns = (int) b->dim[b->rank - 1];
    s->images = (guint) fov_shape_span (y, 0, y->rank - 2);
    s->a_offset = g_new0 (gsize, s->images);
    s->b_offset = g_new0 (gsize, s->images);
    image_offsets (a, y, s->a_offset, s->images);
    image_offsets (b, y, s->b_offset, s->images);
    if (b->rank == 2 && s->images > 1) { /* all images' rows at once */
        s->rows *= (int) s->images;
        s->images = 1;
    }
    s->lda_row = s->k;
    s->lda_k = 1;
    s->ldb = s->columns;
    s->alpha = 1;
    s->b_k = s->columns;
    s->b_n = 1;
    if (node->inputs[1]->data && b->rank == 2)
        pack_b (s, fov_host_constant (node->inputs[1]));
    cut_matmul (step, s);
    return TRUE;
}

static guint
matmul_formats (const FovNode *node, int block)
{
    const FovTensor *a = node->inputs[0], *b = node->inputs[1];

    if (a->dtype != FOV_F32 || b->dtype != FOV_F32 || a->shape.rank < 2 || b->shape.rank < 2 ||
        fov_tensor_elements (a) < 1 || fov_tensor_elements (b) < 1)
        return 0;
    return FOV_CAN_PLANAR;
}

const FovHostOp fov_host_matmul = { matmul_formats, NULL, matmul_prepare };

static gboolean
gemm_prepare (FovHostStep *step, GError **error)
{
    const FovNode *node = step->step.node;
    const FovGemmParams *p = node->params;
    const FovShape *a = fov_in_shape (node, 0), *y = &node->outputs[0]->shape;
    const FovTensor *c = fov_in (node, 2);
    MatMul *s = g_new0 (MatMul, 1);

    s->rows = (int) y->dim[0];
    s->columns = (int) y->dim[1];
    s->k = (int) a->dim[p->trans_a ? 0 : 1];
    s->images = 1;
    s->a_offset = g_new0 (gsize, 1);
    s->b_offset = g_new0 (gsize, 1);
    s->lda_row = p->trans_a ? 1 : s->k;
    s->lda_k = p->trans_a ? s->rows : 1;
    s->alpha = p->alpha;
    s->beta = p->beta;
    s->b_k = p->trans_b ? 1 : s->columns;
    s->b_n = p->trans_b ? s->k : 1;
    if (c)
        s->bias = fov_host_alloc (s->columns * sizeof (float));
    if (node->inputs[1]->data && (!c || c->data)) {
        pack_b (s, fov_host_constant (node->inputs[1]));
        if (c)
            pack_bias (s, c, fov_host_constant (c));
    } else {
        take_packed (s);
        step->first = gemm_first;
        step->n_first = (guint) n_strips (s) + 1;
    }
    cut_matmul (step, s);
    return TRUE;
}

static guint
gemm_formats (const FovNode *node, int block)
{
    const FovTensor *b = node->inputs[1], *c = fov_in (node, 2);
    const gint64 columns = node->outputs[0]->shape.dim[1];

    if (node->inputs[0]->dtype != FOV_F32 || fov_tensor_elements (b) < 1 ||
        fov_tensor_elements (node->outputs[0]) < 1)
        return 0;
    if (c && fov_tensor_elements (c) != 1 &&
        !(fov_tensor_elements (c) == columns && c->shape.dim[c->shape.rank - 1] == columns))
        return 0;
    return FOV_CAN_PLANAR;
}

const FovHostOp fov_host_gemm = { gemm_formats, NULL, gemm_prepare };

/* ---- softmax and reductions -------------------------------------------- */

#define COLUMNS 256 /* of a task's unit */

typedef struct {
    gsize outer, m, inner, pieces, units;
    int kind;
    float scale;
    gboolean log;
} Columns;

static void
softmax_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Columns *s = step->state;
    const float *x = fov_host_in (frame, step->step.in[0]);
    float *y = fov_host_out (frame, step->step.out[0]);
    const gsize end = fov_host_cut (s->units, step->n_tasks, task + 1);

    for (gsize u = fov_host_cut (s->units, step->n_tasks, task); u < end; u++) {
        const gsize column = u % s->pieces * COLUMNS;
        const gsize at = u / s->pieces * s->m * s->inner + column;
        fov_host_kernels ()->softmax (x + at, y + at, s->m, s->inner,
                                      MIN (s->inner - column, COLUMNS), s->log);
    }
}

static void
reduce_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Columns *s = step->state;
    const float *x = fov_host_in (frame, step->step.in[0]);
    float *y = fov_host_out (frame, step->step.out[0]);
    const gsize end = fov_host_cut (s->units, step->n_tasks, task + 1);

    for (gsize u = fov_host_cut (s->units, step->n_tasks, task); u < end; u++) {
        const gsize column = u % s->pieces * COLUMNS, outer = u / s->pieces;
        fov_host_kernels ()->reduce (x + outer * s->m * s->inner + column,
                                     y + outer * s->inner + column, s->m, s->inner,
                                     MIN (s->inner - column, COLUMNS), s->kind, s->scale);
    }
}

static Columns *
columns_new (FovHostStep *step, int first, int last)
{
    const FovShape *x = &step->step.in[0]->shape;
    Columns *s = g_new0 (Columns, 1);

    s->outer = fov_shape_span (x, 0, first);
    s->m = fov_shape_span (x, first, last);
    s->inner = fov_shape_span (x, last, x->rank);
    s->pieces = (s->inner + COLUMNS - 1) / COLUMNS;
    s->units = s->outer * s->pieces;
    step->state = s;
    step->free_state = g_free;
    step->n_tasks = fov_host_tasks (2e-9 * fov_shape_elements (x), s->units);
    return s;
}

static gboolean
softmax_prepare (FovHostStep *step, GError **error)
{
    const FovAxisParams *p = step->step.node->params;
    Columns *s = columns_new (step, (int) p->axis, (int) p->axis + 1);

    s->log = p->kind == 1;
    step->run = softmax_run;
    return TRUE;
}

static guint
softmax_formats (const FovNode *node, int block)
{
    const FovAxisParams *p = node->params;

    if (node->inputs[0]->dtype != FOV_F32 || p->kind > 1 ||
        fov_tensor_elements (node->inputs[0]) < 1)
        return 0;
    return FOV_CAN_PLANAR;
}

const FovHostOp fov_host_softmax = { softmax_formats, NULL, softmax_prepare };

/* The reduced dimensions as [first, last); FALSE if they are not neighbours. */
static gboolean
reduced_span (const FovNode *node, int *first, int *last)
{
    const FovReduceParams *p = node->params;

    if (p->mask == 0)
        return FALSE;
    *first = __builtin_ctz (p->mask);
    *last = *first + __builtin_popcount (p->mask);
    return p->mask == ((1u << *last) - (1u << *first));
}

static gboolean
reduce_prepare (FovHostStep *step, GError **error)
{
    static const int kernel[] = {
        [FOV_REDUCE_SUM] = 0, [FOV_REDUCE_MEAN] = 0, [FOV_REDUCE_MAX] = 1, [FOV_REDUCE_MIN] = 2
    };
    const FovNode *node = step->step.node;
    const FovReduceParams *p = node->params;
    int first = 0, last = 0;

    if (p->kind == FOV_REDUCE_SUM_SQUARE) {
        fov_host_squares_prepare (step);
        return TRUE;
    }
    if (step->step.in[0]->format.layout == FOV_BLOCKED)
        return fov_host_global_pool.prepare (step, error);
    reduced_span (node, &first, &last);
    Columns *s = columns_new (step, first, last);
    s->kind = kernel[p->kind];
    s->scale = p->kind == FOV_REDUCE_MEAN ? 1.0f / (float) s->m : 1.0f;
    step->run = reduce_run;
    return TRUE;
}

static guint
reduce_formats (const FovNode *node, int block)
{
    const FovReduceParams *p = node->params;
    int first, last;

    if (p->kind == FOV_REDUCE_SUM_SQUARE)
        return fov_host_squares_fit (node) ? FOV_CAN_PLANAR : 0;
    if (node->inputs[0]->dtype != FOV_F32 || p->kind > FOV_REDUCE_MIN ||
        fov_tensor_elements (node->inputs[0]) < 1 || !reduced_span (node, &first, &last))
        return 0;
    if (fov_host_can_block (node->inputs[0]) && first == 2 && last == 4 && p->keepdims &&
        p->kind == FOV_REDUCE_MEAN)
        return FOV_CAN_PLANAR | FOV_CAN_BLOCKED;
    return FOV_CAN_PLANAR;
}

const FovHostOp fov_host_reduce = { reduce_formats, NULL, reduce_prepare };

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops/copy.h"

#include <string.h>

int
fov_dtype_words (FovDType dtype)
{
    return fov_dtype_size (dtype) == 4 ? 1 : fov_dtype_size (dtype) == 8 ? 2 : 0;
}

gboolean
fov_gpu_can_move (const FovTensor *tensor)
{
    gint64 n = fov_tensor_elements (tensor);

    return fov_dtype_words (tensor->dtype) && n > 0 && n < (1 << 28) &&
           tensor->shape.rank <= FOV_MAX_RANK;
}

void
fov_move_add (FovMove *m, gint64 size, gint64 src, gint64 dst)
{
    m->size[m->rank] = size;
    m->src[m->rank] = src;
    m->dst[m->rank] = dst;
    m->rank++;
}

void
fov_move_collapse (FovMove *m)
{
    int rank = 0;

    for (int d = 0; d < m->rank; d++) {
        if (m->size[d] == 1)
            continue;
        if (rank && m->src[rank - 1] == m->size[d] * m->src[d] &&
            m->dst[rank - 1] == m->size[d] * m->dst[d]) {
            m->size[rank - 1] *= m->size[d];
            m->src[rank - 1] = m->src[d];
            m->dst[rank - 1] = m->dst[d];
            continue;
        }
        m->size[rank] = m->size[d];
        m->src[rank] = m->src[d];
        m->dst[rank] = m->dst[d];
        rank++;
    }
    m->rank = rank;
    if (!rank)
        fov_move_add (m, 1, 1, 1);
}

FovShape
fov_memory_shape (const FovShape *shape, FovDType dtype, gboolean blocked)
{
    FovShape s = *shape;

    if (blocked)
        return (FovShape){ 5, { s.dim[0], (s.dim[1] + 3) / 4, s.dim[2], s.dim[3], 4 } };
    if (fov_dtype_words (dtype) == 2 && s.rank < FOV_MAX_RANK)
        s.dim[s.rank++] = 2;
    return s;
}

gboolean
fov_is_blocked (const FovOperand *operand)
{
    return operand->format.layout == FOV_BLOCKED;
}

static void
swap_dims (FovMove *m, int a, int b)
{
    gint64 *lists[] = { m->size, m->src, m->dst };

    for (guint i = 0; i < G_N_ELEMENTS (lists); i++) {
        gint64 v = lists[i][a];
        lists[i][a] = lists[i][b];
        lists[i][b] = v;
    }
}

/* The kernel's grid: the largest dimension last, the next before it. */
static void
sort_dims (FovMove *m)
{
    for (int place = m->rank - 1; place >= MAX (m->rank - 2, 1); place--) {
        int largest = place;
        for (int d = 0; d < place; d++)
            if (m->size[d] > m->size[largest])
                largest = d;
        swap_dims (m, place, largest);
    }
}

/* Dispatches a sorted copy; one that is too deep for the grid in slices of dimension 0. */
static gboolean
dispatch_move (FovGpuProgram *program, const FovMove *m, int src, int dst, const guint32 base[3],
               GError **error)
{
    gint64 last = m->size[m->rank - 1], depth = 1;
    guint32 each = last > 128 ? 4 : last > 64 ? 2 : 1;
    guint32 spec[4] = { (guint32) m->rank, base[0], base[1], each };
    struct fov_push_move push = { .src = src, .dst = dst, .value = (int) base[2] };

    for (int d = 0; d < m->rank; d++) {
        push.size[d] = (int) m->size[d];
        push.src_stride[d] = (int) m->src[d];
        push.dst_stride[d] = (int) m->dst[d];
        depth *= d < m->rank - 2 ? m->size[d] : 1;
    }
    if (depth <= 65535)
        return fov_gpu_program_dispatch (program, "move", spec, 4, &push, sizeof push,
                                         (guint) ((last + 64 * each - 1) / (64 * each)),
                                         m->rank > 1 ? (guint) m->size[m->rank - 2] : 1,
                                         (guint) depth, error);
    for (gint64 i = 0; i < m->size[0]; i++) {
        FovMove part = { .rank = m->rank - 1 };
        for (int d = 1; d < m->rank; d++) {
            part.size[d - 1] = m->size[d];
            part.src[d - 1] = m->src[d];
            part.dst[d - 1] = m->dst[d];
        }
        if (!dispatch_move (program, &part, src + (int) (i * m->src[0]),
                            dst + (int) (i * m->dst[0]), base, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
fov_gpu_record_move (FovGpuProgram *program, const FovMove *move, const FovOperand *in,
                     const FovOperand *out, GError **error)
{
    guint32 base[3] = { in->place == FOV_PLACE_CONSTANT, FALSE, 0 };
    FovMove m = *move;
    int src = fov_gpu_float (in);

    if (base[0])
        src =
            (int) fov_gpu_program_add_constant (program, g_bytes_get_data (in->tensor->data, NULL),
                                                in->bytes) /
            4;
    sort_dims (&m);
    return dispatch_move (program, &m, src + (int) m.src_start,
                          fov_gpu_float (out) + (int) m.dst_start, base, error);
}

gboolean
fov_gpu_record_fill (FovGpuProgram *program, const FovOperand *out, float value, GError **error)
{
    FovMove m = { .rank = 1, .size = { fov_gpu_n_floats (out) }, .dst = { 1 } };
    guint32 base[3] = { FALSE, TRUE, 0 };

    memcpy (&base[2], &value, sizeof value);
    return dispatch_move (program, &m, 0, fov_gpu_float (out), base, error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A network's first convolution reads a planar picture of three channels.
 * Brought into blocks of 16 channels that picture would be five times as
 * large, so a task gathers just the rows it needs, pixel by pixel, into a
 * buffer that stays in the cache. A pixel takes block / stride floats there,
 * if that holds its channels: then the kernels find the distance between
 * windows that they are made for.
 */
#include "ops/host-conv.h"

#include <stdatomic.h>
#include <stdlib.h>

#define BUFFER_BYTES (96 * 1024)
#define MAX_SLOTS 64

struct _FovHostGather {
    int channels, height, width;             /* of the picture */
    int top, left, stride, dilation, kernel; /* vertical but for left */
    gsize pixel, row, size;                  /* floats: of a pixel, a row, a buffer */
    int rows;                                /* output rows of a buffer */
    float *buffers;
    guint n_slots;
    _Atomic gboolean taken[MAX_SLOTS];
};

FovHostGather *
fov_host_gather_new (const FovNode *node, int block)
{
    const FovConvParams *p = node->params;
    const gint64 *x = node->inputs[0]->shape.dim, *y = node->outputs[0]->shape.dim;
    FovHostGather *g = g_new0 (FovHostGather, 1);
    const int extent = (int) ((p->kernel_shape.v[0] - 1) * p->dilations.v[0] + 1);

    g->channels = (int) x[1];
    g->height = (int) x[2];
    g->width = (int) x[3];
    g->top = (int) p->pads.v[0];
    g->left = (int) p->pads.v[1];
    g->stride = (int) p->strides.v[0];
    g->dilation = (int) p->dilations.v[0];
    g->kernel = extent;
    g->pixel = p->strides.v[1] == 2 && block / 2 >= FOV_GATHER_CHANNELS ? block / 2 : block;
    g->row = (gsize) (p->pads.v[1] + x[3] + p->pads.v[3]) * g->pixel;
    g->rows = (int) (BUFFER_BYTES / (g->row * sizeof (float))) - extent;
    g->rows = CLAMP (g->rows / g->stride + 1, 1, (int) y[2]);
    g->size = ((gsize) (g->rows - 1) * g->stride + extent) * g->row;
    g->size = (g->size + 15) / 16 * 16;
    g->n_slots = MIN (g_get_num_processors () + 1, MAX_SLOTS);
    g->buffers = fov_host_alloc (g->size * g->n_slots * sizeof (float));
    return g;
}

void
fov_host_gather_free (FovHostGather *g)
{
    if (!g)
        return;
    free (g->buffers);
    g_free (g);
}

void
fov_host_gather_strides (const FovHostGather *g, const FovConvParams *p, FovConvArgs *args)
{
    args->x_block = 0;
    args->x_row = g->row * p->strides.v[0];
    args->x_pixel = g->pixel * p->strides.v[1];
    args->tap_row = g->row * p->dilations.v[0];
    args->tap_pixel = g->pixel * p->dilations.v[1];
}

int
fov_host_gather_rows (const FovHostGather *g)
{
    return g->rows;
}

const float *
fov_host_gather_take (FovHostGather *g, const float *x, int row0, int row1, guint *slot)
{
    const int first = row0 * g->stride - g->top;
    const int n = (row1 - row0 - 1) * g->stride + g->kernel;
    float *buffer;

    for (*slot = 0; atomic_exchange (&g->taken[*slot], TRUE); *slot = (*slot + 1) % g->n_slots)
        if (*slot + 1 == g->n_slots)
            g_thread_yield ();
    buffer = g->buffers + *slot * g->size;
    for (int i = 0; i < n; i++) {
        float *to = buffer + i * g->row; /* its left and right padding is never written */
        if (first + i < 0 || first + i >= g->height)
            memset (to, 0, g->row * sizeof (float));
        else
            fov_host_kernels ()->quads (x + (gsize) (first + i) * g->width,
                                        (gsize) g->height * g->width, g->channels,
                                        to + g->left * g->pixel, g->pixel, g->width);
    }
    return buffer;
}

void
fov_host_gather_give (FovHostGather *g, guint slot)
{
    atomic_store (&g->taken[slot], FALSE);
}

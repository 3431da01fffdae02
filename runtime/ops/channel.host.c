/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Everything on the host that moves whole channels of blocked pictures: a
 * change of layout, channel maps, and concatenations, splits and slices along
 * channels. The latter are all the same: each lane of an output block comes
 * from some lane of some input block.
 */
#include "ops/host-move.h"

/* ---- fov.Reorder ------------------------------------------------------- */

typedef struct {
    FovBlockedStrides s;
    gboolean to_blocked;
    gsize channels, rows, width, blocks, units;
    gsize bytes; /* planar to planar */
    int block;
} Reorder;

static void
copy_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Reorder *s = step->state;
    const gsize from = fov_host_cut (s->bytes, step->n_tasks, task);
    const gsize to = fov_host_cut (s->bytes, step->n_tasks, task + 1);

    memcpy ((guint8 *) fov_host_ptr (frame, step->step.out[0]) + from,
            (const guint8 *) fov_host_ptr (frame, step->step.in[0]) + from, to - from);
}

static void
reorder_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Reorder *s = step->state;
    const FovHostKernels *k = fov_host_kernels ();
    const gsize end = fov_host_cut (s->units, step->n_tasks, task + 1);
    const gsize plane = s->rows * s->width;
    const float *x = fov_host_in (frame, step->step.in[0]);
    float *y = fov_host_out (frame, step->step.out[0]);

    for (gsize u = fov_host_cut (s->units, step->n_tasks, task); u < end; u++) {
        const gsize row = u % s->rows, block = u / s->rows % s->blocks;
        const gsize image = u / s->rows / s->blocks, first = block * s->block;
        const int channels = (int) MIN (s->channels - first, (gsize) s->block);
        const gsize planar = (image * s->channels + first) * plane + row * s->width;
        const gsize blocked = s->s.base + image * s->s.image + block * s->s.block + row * s->s.row;
        if (s->to_blocked)
            k->interleave (x + planar, plane, channels, y + blocked, s->width);
        else
            k->deinterleave (x + blocked, y + planar, plane, channels, s->width);
    }
}

static gboolean
reorder_prepare (FovHostStep *step, GError **error)
{
    const FovOperand *x = step->step.in[0], *y = step->step.out[0];
    Reorder *s = g_new0 (Reorder, 1);
    const FovOperand *blocked = y->format.layout == FOV_BLOCKED ? y : x;
    double elements = fov_shape_elements (&x->shape);

    step->state = s;
    step->free_state = g_free;
    if (x->format.layout == y->format.layout) { /* only planar ones are copied */
        s->bytes = elements * fov_dtype_size (x->dtype);
        step->run = copy_run;
        step->n_tasks = fov_host_tasks (s->bytes * 1e-10, s->bytes);
        return TRUE;
    }
    s->to_blocked = y->format.layout == FOV_BLOCKED;
    s->s = fov_host_strides (blocked);
    s->block = blocked->format.block;
    s->channels = x->shape.dim[1];
    s->rows = x->shape.dim[2];
    s->width = x->shape.dim[3];
    if (!fov_host_halo (blocked) && s->width < 64) { /* a picture as one line */
        s->width *= s->rows;
        s->rows = 1;
        s->s.row = s->width * s->block;
    }
    s->blocks = (s->channels + s->block - 1) / s->block;
    s->units = x->shape.dim[0] * s->blocks * s->rows;
    step->run = reorder_run;
    step->n_tasks = fov_host_tasks (elements * 5e-10, s->units);
    return TRUE;
}

static guint
reorder_formats (const FovNode *node, int block)
{
    return FOV_CAN_PLANAR | FOV_CAN_BLOCKED;
}

const FovHostOp fov_host_reorder = { reorder_formats, NULL, reorder_prepare };

/* ---- lanes ------------------------------------------------------------- */

/* One block of one output and where its lanes come from. */
typedef struct {
    guint output, block;
    guint first_source, n_sources;
} LaneBlock;

typedef struct {
    GArray *blocks;  /* LaneBlock */
    GArray *sources; /* FovLaneSource */
    FovBlockedStrides *in, *out;
    gsize images, rows, width, units;
} Lanes;

#define MAX_SOURCES 16

static void
lanes_free (gpointer data)
{
    Lanes *s = data;

    g_array_unref (s->blocks);
    g_array_unref (s->sources);
    g_free (s->in);
    g_free (s->out);
    g_free (s);
}

static void
lanes_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const Lanes *s = step->state;
    const gsize end = fov_host_cut (s->units, step->n_tasks, task + 1);

    for (gsize u = fov_host_cut (s->units, step->n_tasks, task); u < end; u++) {
        const gsize row = u % s->rows, image = u / s->rows % s->images;
        const LaneBlock *lb = &g_array_index (s->blocks, LaneBlock, u / s->rows / s->images);
        const FovLaneSource *sources = &g_array_index (s->sources, FovLaneSource, lb->first_source);
        const FovBlockedStrides *ys = &s->out[lb->output];
        const float *rows[MAX_SOURCES];
        for (guint i = 0; i < lb->n_sources; i++) {
            const FovBlockedStrides *xs = &s->in[sources[i].input];
            rows[i] = fov_host_in (frame, step->step.in[sources[i].input]) + xs->base +
                      image * xs->image + sources[i].block * xs->block + row * xs->row;
        }
        fov_host_kernels ()->lanes (sources, rows, (int) lb->n_sources,
                                    fov_host_out (frame, step->step.out[lb->output]) + ys->base +
                                        image * ys->image + lb->block * ys->block + row * ys->row,
                                    s->width);
    }
}

/* Names the source of the next lane of the last block. */
static void
add_lane (Lanes *s, int lane, int input, gint64 channel, int block)
{
    LaneBlock *lb = &g_array_index (s->blocks, LaneBlock, s->blocks->len - 1);
    FovLaneSource *source;

    for (guint i = 0; i < lb->n_sources; i++) {
        source = &g_array_index (s->sources, FovLaneSource, lb->first_source + i);
        if (source->input == input && source->block == channel / block) {
            source->lane[lane] = (int) (channel % block);
            return;
        }
    }
    g_array_set_size (s->sources, s->sources->len + 1);
    source = &g_array_index (s->sources, FovLaneSource, s->sources->len - 1);
    source->input = input;
    source->block = (int) (channel / block);
    for (int i = 0; i < 16; i++)
        source->lane[i] = -1;
    source->lane[lane] = (int) (channel % block);
    lb->n_sources++;
}

/* The last block is already where it belongs: one whole block of an input laid out in place. */
static gboolean
lies_in_place (const FovHostStep *step, const Lanes *s)
{
    const LaneBlock *lb = &g_array_index (s->blocks, LaneBlock, s->blocks->len - 1);
    const FovLaneSource *source = &g_array_index (s->sources, FovLaneSource, lb->first_source);
    const FovOperand *x, *y = step->step.out[lb->output];

    if (lb->n_sources != 1)
        return FALSE;
    x = step->step.in[source->input];
    return x->place == y->place &&
           x->offset + source->block * s->in[source->input].block * sizeof (float) ==
               y->offset + lb->block * s->out[lb->output].block * sizeof (float);
}

/* Output channel -> input and channel. */
typedef void (*ChannelSource) (const FovNode *node, guint output, gint64 c, int *input,
                               gint64 *channel);

static void
list_blocks (const FovHostStep *step, Lanes *s, guint output, ChannelSource source)
{
    const FovOperand *y = step->step.out[output];
    const int block = y->format.block;

    for (gint64 c0 = 0; c0 < y->shape.dim[1]; c0 += block) {
        LaneBlock lb = { output, (guint) (c0 / block), s->sources->len, 0 };
        g_array_append_val (s->blocks, lb);
        for (int lane = 0; lane < block && c0 + lane < y->shape.dim[1]; lane++) {
            gint64 channel;
            int input;
            source (step->step.node, output, c0 + lane, &input, &channel);
            add_lane (s, lane, input, channel, block);
        }
        if (lies_in_place (step, s))
            g_array_set_size (s->blocks, s->blocks->len - 1);
    }
}

static gboolean
lanes_prepare (FovHostStep *step, ChannelSource source)
{
    const FovNode *node = step->step.node;
    const FovOperand *y = NULL;
    Lanes *s = g_new0 (Lanes, 1);

    step->state = s;
    step->free_state = lanes_free;
    step->run = lanes_run;
    s->blocks = g_array_new (FALSE, TRUE, sizeof (LaneBlock));
    s->sources = g_array_new (FALSE, TRUE, sizeof (FovLaneSource));
    s->in = g_new0 (FovBlockedStrides, node->n_inputs);
    s->out = g_new0 (FovBlockedStrides, node->n_outputs);
    for (guint i = 0; i < node->n_inputs; i++)
        if (step->step.in[i] && step->step.in[i]->format.layout == FOV_BLOCKED)
            s->in[i] = fov_host_strides (step->step.in[i]);
    for (guint i = 0; i < node->n_outputs; i++) {
        if (!step->step.out[i])
            continue;
        y = step->step.out[i];
        s->out[i] = fov_host_strides (y);
        list_blocks (step, s, i, source);
    }
    s->images = y->shape.dim[0];
    s->rows = y->shape.dim[2];
    s->width = y->shape.dim[3];
    s->units = s->blocks->len * s->images * s->rows;
    step->n_tasks = fov_host_tasks (s->units * s->width * 3e-9, s->units);
    return TRUE;
}

/* ---- the ops ----------------------------------------------------------- */

static void
map_source (const FovNode *node, guint output, gint64 c, int *input, gint64 *channel)
{
    const gint32 *map = g_bytes_get_data (node->inputs[node->n_inputs - 1]->data, NULL);

    *input = map[2 * c];
    *channel = map[2 * c + 1];
}

static gboolean
channel_map_prepare (FovHostStep *step, GError **error)
{
    return lanes_prepare (step, map_source);
}

static guint
channel_map_formats (const FovNode *node, int block)
{
    for (guint i = 0; i + 1 < node->n_inputs; i++)
        if (!fov_host_can_block (node->inputs[i]))
            return 0;
    return FOV_CAN_BLOCKED;
}

const FovHostOp fov_host_channel_map = { channel_map_formats, NULL, channel_map_prepare };

static void
concat_source (const FovNode *node, guint output, gint64 c, int *input, gint64 *channel)
{
    for (*input = 0; c >= node->inputs[*input]->shape.dim[1]; (*input)++)
        c -= node->inputs[*input]->shape.dim[1];
    *channel = c;
}

gboolean
fov_host_concat_lanes (FovHostStep *step)
{
    return lanes_prepare (step, concat_source);
}

static void
split_source (const FovNode *node, guint output, gint64 c, int *input, gint64 *channel)
{
    *input = 0;
    for (guint i = 0; i < output; i++)
        c += node->outputs[i]->shape.dim[1];
    *channel = c;
}

gboolean
fov_host_split_lanes (FovHostStep *step)
{
    return lanes_prepare (step, split_source);
}

static void
slice_source (const FovNode *node, guint output, gint64 c, int *input, gint64 *channel)
{
    const FovSliceParams *p = node->params;

    *input = 0;
    *channel = p->start.v[1] + c * p->step.v[1];
}

gboolean
fov_host_slice_lanes (FovHostStep *step)
{
    return lanes_prepare (step, slice_source);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fov.ChannelMap on vulkan, and whatever else puts an output together from channels. */
#include "ops/record.h"

/*
 * The distinct blocks (first texel in picture 0, texels from picture to picture) that an output
 * block takes from, and for each of its channels source * 4 + channel, or -1. Returns how many.
 */
static guint
block_sources (const FovStep *step, const FovOperand *out, const FovChannelSource *sources,
               int block, gint32 from[4], gint32 step_by[4], gint32 channel[4])
{
    FovPicture picture = fov_picture (&out->shape);
    int pixels = picture.h * picture.w;
    guint n = 0;

    for (int k = 0; k < 4; k++) {
        channel[k] = -1;
        if (block * 4 + k >= picture.c)
            continue;
        const FovChannelSource *source = &sources[block * 4 + k];
        const FovOperand *in = step->in[source->input];
        gint32 at = fov_gpu_texel (in) + source->channel / 4 * pixels;
        guint i = 0;
        while (i < n && from[i] != at)
            i++;
        from[i] = at;
        step_by[i] = (int) (in->shape.dim[1] + 3) / 4 * pixels;
        n = MAX (n, i + 1);
        channel[k] = (gint32) i * 4 + source->channel % 4;
    }
    return n;
}

static guint
most_sources (const FovStep *step, const FovOperand *out, const FovChannelSource *sources)
{
    gint32 from[4], step_by[4], channel[4];
    guint most = 1;

    for (int block = 0; block < fov_picture (&out->shape).blocks; block++)
        most = MAX (most, block_sources (step, out, sources, block, from, step_by, channel));
    return most;
}

gboolean
fov_gpu_record_channels (FovGpuProgram *program, const FovStep *step, const FovOperand *out,
                         const FovChannelSource *sources, GError **error)
{
    FovPicture picture = fov_picture (&out->shape);
    struct fov_push_channel_map push = {
        .dst = fov_gpu_texel (out),
        .c4 = picture.blocks,
        .pixels = picture.h * picture.w,
    };
    guint32 n_sources = most_sources (step, out, sources), offset = 0;
    gint32 *to =
        fov_gpu_program_reserve_constant (program, (gsize) picture.blocks * (n_sources + 1) * 16,
                                          &offset);

    for (int block = 0; to && block < picture.blocks; block++, to += (n_sources + 1) * 4) {
        gint32 from[4], step_by[4];
        guint n = block_sources (step, out, sources, block, from, step_by, to + n_sources * 4);
        for (guint i = 0; i < n; i++) {
            to[i * 4] = from[i];
            to[i * 4 + 1] = step_by[i];
        }
    }
    push.map = (int) (offset / 16);
    return fov_gpu_program_dispatch (program, "channel_map", &n_sources, 1, &push, sizeof push,
                                     (guint) (push.pixels + 255) / 256, (guint) picture.blocks,
                                     (guint) picture.n, error);
}

static guint
channel_map_formats (const FovNode *node, int block)
{
    guint32 all_but_map = (1u << MIN (node->n_inputs - 1, 31)) - 1;

    if (node->n_inputs > 32 || !fov_gpu_can_floats (node, all_but_map))
        return 0;
    for (guint i = 0; i + 1 < node->n_inputs; i++)
        if (!fov_gpu_can_block (node->inputs[i]))
            return 0;
    return fov_gpu_can_block (node->outputs[0]) ? FOV_CAN_BLOCKED | FOV_WANTS_BLOCKED : 0;
}

static gboolean
record_channel_map (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovTensor *map = step->in[step->node->n_inputs - 1]->tensor;
    const gint32 *v = g_bytes_get_data (map->data, NULL);
    g_autofree FovChannelSource *sources = g_new (FovChannelSource, map->shape.dim[0]);

    for (gint64 c = 0; c < map->shape.dim[0]; c++)
        sources[c] = (FovChannelSource){ v[2 * c], v[2 * c + 1] };
    return fov_gpu_record_channels (program, step, step->out[0], sources, error);
}

const FovGpuOp fov_gpu_channel_map = { channel_map_formats, record_channel_map };

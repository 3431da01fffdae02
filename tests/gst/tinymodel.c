/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The few protobuf messages of an ONNX file, written field by field. */
#include "tinymodel.h"

#include <math.h>
#include <string.h>

typedef GByteArray Bytes;

static void
put_varint (Bytes *out, guint64 value)
{
    do {
        guint8 byte = (guint8) (value & 127) | (value > 127 ? 128 : 0);
        g_byte_array_append (out, &byte, 1);
        value >>= 7;
    } while (value);
}

static void
put_int (Bytes *out, guint field, gint64 value)
{
    put_varint (out, field << 3);
    put_varint (out, (guint64) value);
}

static void
put_data (Bytes *out, guint field, const void *data, gsize size)
{
    put_varint (out, field << 3 | 2);
    put_varint (out, size);
    g_byte_array_append (out, data, (guint) size);
}

static void
put_text (Bytes *out, guint field, const char *text)
{
    put_data (out, field, text, strlen (text));
}

/* Takes the message over. */
static void
put_message (Bytes *out, guint field, Bytes *message)
{
    put_data (out, field, message->data, message->len);
    g_byte_array_unref (message);
}

/* ValueInfoProto of a float tensor; a dimension of 0 is free */
static Bytes *
value_info (const char *name, const int *dims, int rank)
{
    Bytes *info = g_byte_array_new (), *type = g_byte_array_new ();
    Bytes *tensor = g_byte_array_new (), *shape = g_byte_array_new ();

    for (int i = 0; i < rank; i++) {
        Bytes *dim = g_byte_array_new ();
        if (dims[i] > 0)
            put_int (dim, 1, dims[i]);
        else
            put_text (dim, 2, "batch");
        put_message (shape, 1, dim);
    }
    put_int (tensor, 1, 1);
    put_message (tensor, 2, shape);
    put_message (type, 1, tensor);
    put_text (info, 1, name);
    put_message (info, 2, type);
    return info;
}

/* GraphProto.initializer; type 1: float, 7: int64 */
static void
add_tensor (Bytes *graph, const char *name, int type, const int *dims, int rank, const void *data)
{
    Bytes *tensor = g_byte_array_new ();
    gsize n = type == 7 ? 8 : 4;

    for (int i = 0; i < rank; i++) {
        put_int (tensor, 1, dims[i]);
        n *= (gsize) dims[i];
    }
    put_int (tensor, 2, type);
    put_text (tensor, 8, name);
    put_data (tensor, 9, data, n);
    put_message (graph, 5, tensor);
}

/* Begins a NodeProto; inputs are separated by spaces. */
static Bytes *
node_new (const char *op, const char *inputs, const char *output)
{
    Bytes *node = g_byte_array_new ();
    g_auto (GStrv) names = g_strsplit (inputs, " ", -1);

    for (int i = 0; names[i]; i++)
        put_text (node, 1, names[i]);
    put_text (node, 2, output);
    put_text (node, 3, output);
    put_text (node, 4, op);
    return node;
}

static void
add_ints (Bytes *node, const char *name, const gint64 *values, int n)
{
    Bytes *attribute = g_byte_array_new ();

    put_text (attribute, 1, name);
    for (int i = 0; i < n; i++)
        put_int (attribute, 8, values[i]);
    put_int (attribute, 20, 7);
    put_message (node, 5, attribute);
}

static void
add_int (Bytes *node, const char *name, gint64 value)
{
    Bytes *attribute = g_byte_array_new ();

    put_text (attribute, 1, name);
    put_int (attribute, 3, value);
    put_int (attribute, 20, 2);
    put_message (node, 5, attribute);
}

static void
add_conv (Bytes *graph, const char *inputs, const char *output, gint64 kernel, gint64 stride,
          gint64 pad)
{
    Bytes *node = node_new ("Conv", inputs, output);

    add_ints (node, "kernel_shape", (gint64[]){ kernel, kernel }, 2);
    add_ints (node, "strides", (gint64[]){ stride, stride }, 2);
    add_ints (node, "pads", (gint64[]){ pad, pad, pad, pad }, 4);
    put_message (graph, 1, node);
}

/* Offsets and sizes of each cell: constants, through a convolution without weights. */
static void
add_box_head (Bytes *graph, const char *input, int channels, float box_size)
{
    const float size = logf (box_size / 8);
    const float bias[4] = { 0.5f, 0.5f, size, size };
    g_autofree float *weight = g_new0 (float, 4 * channels * 64);
    g_autofree char *inputs = g_strdup_printf ("%s box_w box_b", input);

    add_tensor (graph, "box_w", 1, (int[]){ 4, channels, 8, 8 }, 4, weight);
    add_tensor (graph, "box_b", 1, (int[]){ 4 }, 1, bias);
    add_conv (graph, inputs, "box", 8, 8, 0);
}

/* Objectness from the cell's mean, class score always high. */
static void
add_score_head (Bytes *graph)
{
    const float bias[2] = { -0.15f * 160, 6 };
    float weight[2][3][64] = { 0 };

    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < 64; i++)
            weight[0][c][i] = 0.15f / 192;
    }
    add_tensor (graph, "score_w", 1, (int[]){ 2, 3, 8, 8 }, 4, weight);
    add_tensor (graph, "score_b", 1, (int[]){ 2 }, 1, bias);
    add_conv (graph, "images score_w score_b", "logit", 8, 8, 0);
    put_message (graph, 1, node_new ("Sigmoid", "logit", "score"));
}

/* A chain of convolutions; returns the name of its end. */
static const char *
add_slow_part (Bytes *graph, int n_slow)
{
    g_autofree float *weight = g_new (float, 64 * 64 * 9);
    float first[64][3] = { 0 };
    const char *last = "images";

    if (n_slow == 0)
        return last;
    for (int i = 0; i < 64 * 64 * 9; i++)
        weight[i] = (float) ((i * 37 % 101) - 50) / 5000;
    for (int i = 0; i < 64; i++)
        first[i][i % 3] = 0.01f;
    add_tensor (graph, "wide_w", 1, (int[]){ 64, 3, 1, 1 }, 4, first);
    add_tensor (graph, "slow_w", 1, (int[]){ 64, 64, 3, 3 }, 4, weight);
    add_conv (graph, "images wide_w", "slow_0", 1, 1, 0);
    for (int i = 0; i < n_slow; i++) {
        g_autofree char *inputs = g_strdup_printf ("slow_%d slow_w", i);
        g_autofree char *output = g_strdup_printf ("slow_%d", i + 1);
        add_conv (graph, inputs, output, 3, 1, 1);
        last = g_intern_string (output);
    }
    return last;
}

/* A coarser grid that never finds anything: scores of 2e-9, [n,6,cells]. */
static void
add_coarse (Bytes *graph, int stride, const char *name)
{
    const int cells = (32 / stride) * (32 / stride);
    const gint64 shape[3] = { 0, 6, cells };
    const float bias[6] = { -20, -20, -20, -20, -20, -20 };
    g_autofree float *weight = g_new0 (float, 6 * 3 * stride * stride);
    g_autofree char *w = g_strconcat (name, "_w", NULL), *b = g_strconcat (name, "_b", NULL);
    g_autofree char *s = g_strconcat (name, "_s", NULL);
    g_autofree char *grid = g_strconcat (name, "_grid", NULL);
    g_autofree char *sigmoid = g_strconcat (name, "_sigmoid", NULL);
    g_autofree char *inputs = g_strconcat ("images ", w, " ", b, NULL);
    g_autofree char *reshape = g_strconcat (sigmoid, " ", s, NULL);

    add_tensor (graph, w, 1, (int[]){ 6, 3, stride, stride }, 4, weight);
    add_tensor (graph, b, 1, (int[]){ 6 }, 1, bias);
    add_tensor (graph, s, 7, (int[]){ 3 }, 1, shape);
    add_conv (graph, inputs, grid, stride, stride, 0);
    put_message (graph, 1, node_new ("Sigmoid", grid, sigmoid));
    put_message (graph, 1, node_new ("Reshape", reshape, name));
}

static void
add_output (Bytes *graph)
{
    const gint64 shape[3] = { 0, 6, 16 };
    Bytes *node;

    add_coarse (graph, 16, "middle");
    add_coarse (graph, 32, "coarse");
    add_tensor (graph, "shape", 7, (int[]){ 3 }, 1, shape);
    node = node_new ("Concat", "box score", "cells");
    add_int (node, "axis", 1);
    put_message (graph, 1, node);
    put_message (graph, 1, node_new ("Reshape", "cells shape", "flat"));
    node = node_new ("Concat", "flat middle coarse", "all");
    add_int (node, "axis", 2);
    put_message (graph, 1, node);
    node = node_new ("Transpose", "all", "output");
    add_ints (node, "perm", (gint64[]){ 0, 2, 1 }, 3);
    put_message (graph, 1, node);
}

gboolean
tiny_model_write (const char *path, float box_size, int n_slow)
{
    g_autoptr (GByteArray) model = g_byte_array_new ();
    Bytes *graph = g_byte_array_new (), *opset = g_byte_array_new ();

    const char *end = add_slow_part (graph, n_slow);
    add_box_head (graph, end, n_slow ? 64 : 3, box_size);
    add_score_head (graph);
    add_output (graph);
    put_text (graph, 2, "tiny");
    put_message (graph, 11, value_info ("images", (int[]){ 0, 3, 32, 32 }, 4));
    put_message (graph, 12, value_info ("output", (int[]){ 0, 21, 6 }, 3));

    put_int (opset, 2, 13);
    put_int (model, 1, 8);
    put_message (model, 8, opset);
    put_message (model, 7, graph);
    return g_file_set_contents (path, (const char *) model->data, (gssize) model->len, NULL);
}

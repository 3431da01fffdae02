/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"

#include <math.h>

static FovDType real = FOV_F32;

void
set_test_real (FovDType dtype)
{
    real = dtype;
}

static FovTensor *
add_constant (FovGraph *graph, const char *name, const char *values)
{
    g_auto (GStrv) parts = g_strsplit (values, ",", -1);
    gint64 v[16];
    guint n = 0;

    for (; parts[n]; n++)
        v[n] = g_ascii_strtoll (parts[n], NULL, 10);
    return fov_graph_add_ints (graph, name, v, n);
}

static FovShape
parse_shape (const char *text)
{
    g_auto (GStrv) parts = g_strsplit (g_str_equal (text, "scalar") ? "" : text, "x", -1);
    FovShape shape = { 0 };

    for (; parts[shape.rank]; shape.rank++)
        shape.dim[shape.rank] = g_ascii_strtoll (parts[shape.rank], NULL, 10);
    return shape;
}

/* Seeded by the graph's size, so that no two constants are alike. */
static FovTensor *
add_random (FovGraph *graph, const char *name, const char *text, double low, double high,
            int nan_every)
{
    g_autoptr (GRand) rand = g_rand_new_with_seed (graph->tensors->len + 1);
    FovShape shape = parse_shape (text);
    gint64 n = fov_shape_elements (&shape);
    FovView view = { real, shape, g_malloc (n * fov_dtype_size (real) + 1) };
    g_autoptr (GBytes) data = g_bytes_new_take (view.data, n * fov_dtype_size (real));

    for (gint64 i = 0; i < n; i++)
        fov_view_set (&view, i,
                      nan_every && i % nan_every == 0 ? NAN
                                                      : g_rand_double_range (rand, low, high));
    return fov_graph_add_constant (graph, name, real, &shape, data, NULL);
}

/* A channel map: pairs of input and channel. */
static FovTensor *
add_map (FovGraph *graph, const char *name, const char *values)
{
    g_auto (GStrv) parts = g_strsplit (values, ",", -1);
    guint n = g_strv_length (parts);
    gint32 *v = g_new (gint32, n);
    g_autoptr (GBytes) data = g_bytes_new_take (v, n * sizeof *v);
    FovShape shape = { 2, { n / 2, 2 } };

    for (guint i = 0; i < n; i++)
        v[i] = (gint32) g_ascii_strtoll (parts[i], NULL, 10);
    return fov_graph_add_constant (graph, name, FOV_I32, &shape, data, NULL);
}

static FovTensor *
earlier_output (FovGraph *graph, guint back)
{
    const FovNode *node = graph->nodes->pdata[graph->nodes->len - MAX (back, 1)];

    return node->outputs[0];
}

static FovTensor *
add_input (FovGraph *graph, const char *name, const char *text)
{
    static const struct {
        const char *prefix;
        FovDType dtype;
    } types[] = { { "i32:", FOV_I32 },
                  { "i64:", FOV_I64 },
                  { "u8:", FOV_U8 },
                  { "f64:", FOV_F64 },
                  { "bool:", FOV_BOOL } };
    FovDType dtype = real;
    FovShape shape;

    if (text[0] == '-')
        return NULL;
    if (text[0] == '^')
        return earlier_output (graph, (guint) g_ascii_strtoull (text + 1, NULL, 10));
    if (g_str_has_prefix (text, "c:"))
        return add_random (graph, name, text + 2, -1, 1, 0);
    if (g_str_has_prefix (text, "p:"))
        return add_random (graph, name, text + 2, 0.5, 1.5, 0);
    if (g_str_has_prefix (text, "n:"))
        return add_random (graph, name, text + 2, -1, 1, 3);
    if (g_str_has_prefix (text, "map="))
        return add_map (graph, name, text + 4);
    if (text[0] == '=')
        return add_constant (graph, name, text + 1);
    for (guint i = 0; i < G_N_ELEMENTS (types); i++) {
        if (g_str_has_prefix (text, types[i].prefix)) {
            dtype = types[i].dtype;
            text += strlen (types[i].prefix);
        }
    }
    shape = parse_shape (text);
    return fov_graph_add_input (graph, name, dtype, &shape);
}

/* Attributes that are lists even with one entry. */
static gboolean
is_list (const char *name)
{
    static const char *const lists[] = { "kernel_shape", "strides",        "pads",
                                         "dilations",    "perm",           "axes",
                                         "output_shape", "output_padding", NULL };

    return g_strv_contains (lists, name);
}

static void
parse_attr (FovAttr *attr, const char *name, const char *value, gint64 *ints)
{
    g_auto (GStrv) parts = g_strsplit (value, ",", -1);

    *attr = (FovAttr){ .name = name, .ints = ints };
    if (value[0] == '\'') {
        attr->type = FOV_ATTR_STRING;
        attr->s = value + 1;
    } else if (is_list (name)) {
        attr->type = FOV_ATTR_INTS;
        for (; parts[attr->n]; attr->n++)
            ints[attr->n] = g_ascii_strtoll (parts[attr->n], NULL, 10);
    } else if (strchr (value, '.')) {
        attr->type = FOV_ATTR_FLOAT;
        attr->f = g_ascii_strtod (value, NULL);
    } else {
        attr->type = FOV_ATTR_INT;
        attr->i = g_ascii_strtoll (value, NULL, 10);
    }
}

FovNode *
add_test_node (FovGraph *graph, const char *op, const char *inputs, const char *attrs,
               guint n_outputs)
{
    g_auto (GStrv) shapes = g_strsplit (inputs, " ", -1);
    g_auto (GStrv) pairs = g_strsplit (attrs, ";", -1);
    g_autoptr (GError) error = NULL;
    FovTensor *x[20];
    FovAttr attr[8];
    gint64 ints[8][16];
    guint n_inputs = 0, n_attrs = 0;
    FovNode *node;

    for (; shapes[n_inputs]; n_inputs++) {
        g_autofree char *name = g_strdup_printf ("x%u", n_inputs);
        x[n_inputs] = add_input (graph, name, shapes[n_inputs]);
    }
    for (; pairs[n_attrs]; n_attrs++) {
        char *value = strchr (pairs[n_attrs], '=');
        *value++ = 0;
        parse_attr (&attr[n_attrs], pairs[n_attrs], value, ints[n_attrs]);
    }
    node = fov_graph_add_node (graph, op, "test", x, n_inputs, n_outputs, attr, n_attrs, &error);
    if (!node)
        fail_msg ("%s of %s [%s]: %s", op, inputs, attrs, error->message);
    return node;
}

static FovView
view_of (FovTensor *tensor)
{
    FovView view = { 0 };

    if (!tensor)
        return view;
    if (!tensor->data) {
        gsize size = fov_tensor_elements (tensor) * fov_dtype_size (tensor->dtype);
        tensor->data = g_bytes_new_take (g_malloc0 (size + 1), size);
    }
    view.dtype = tensor->dtype;
    view.shape = tensor->shape;
    view.data = (void *) g_bytes_get_data (tensor->data, NULL);
    return view;
}

gboolean
run_test_node (FovNode *node, GError **error)
{
    g_autofree FovView *in = g_new0 (FovView, node->n_inputs + 1);
    g_autofree FovView *out = g_new0 (FovView, node->n_outputs + 1);
    gboolean ok;

    for (guint i = 0; i < node->n_inputs; i++)
        in[i] = view_of (node->inputs[i]);
    if (!node->op->infer (node, error))
        return FALSE;
    for (guint i = 0; i < node->n_outputs; i++) {
        FovTensor *t = node->outputs[i];
        out[i].dtype = t->dtype;
        out[i].shape = t->shape;
        if (node->op->flags & FOV_OP_DYNAMIC)
            continue;
        if (fov_tensor_elements (t) < 0)
            return fov_node_error (node, error, "output %u is unknown though inputs are constant",
                                   i);
        out[i].data = g_malloc0 (fov_tensor_elements (t) * fov_dtype_size (t->dtype) + 1);
    }
    ok = node->op->reference (node, in, out, error);
    for (guint i = 0; i < node->n_outputs; i++) {
        gsize size = ok ? fov_shape_elements (&out[i].shape) * fov_dtype_size (out[i].dtype) : 0;
        node->outputs[i]->shape = out[i].shape;
        node->outputs[i]->data = g_bytes_new_take (out[i].data, size);
    }
    return ok;
}

FovGraph *
case_graph (const CheckCase *c)
{
    FovGraph *graph = fov_graph_new ();
    FovNode *node = NULL;

    for (guint i = 0; i < G_N_ELEMENTS (c->steps) && c->steps[i].op; i++)
        node = add_test_node (graph, c->steps[i].op, c->steps[i].inputs,
                              c->steps[i].attrs ? c->steps[i].attrs : "",
                              MAX (c->steps[i].n_outputs, 1));
    for (guint i = 0; i < node->n_outputs; i++)
        fov_graph_add_output (graph, node->outputs[i]);
    return graph;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An ONNX file with other values for its constants: what training gives back. */
#include "model/model.h"
#include "model/onnx.h"

#include <string.h>

#include <fovea/file.h>

typedef struct {
    gboolean (*values) (const char *name, FovView *view, gpointer data);
    gpointer data;
    guint n_found;
} WriteBack;

/* The nearer of the two halves of a float's bits, the even one in between; numbers only. */
static guint16
encode_bfloat (float value)
{
    guint32 bits;

    memcpy (&bits, &value, sizeof bits);
    return (guint16) ((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Values in the file's own type, as raw bytes; FOV_N_DTYPES: bfloat16. */
static guint8 *
encode (const FovView *from, FovDType dtype, gsize *size)
{
    const gboolean brief = dtype == FOV_N_DTYPES;
    FovView to = { dtype, from->shape, NULL };
    gint64 n = fov_shape_elements (&from->shape);

    *size = (gsize) n * (brief ? sizeof (guint16) : fov_dtype_size (dtype));
    to.data = malloc (MAX (*size, 1)); /* protobuf-c's allocator frees it */
    for (gint64 i = 0; i < n; i++)
        if (brief)
            ((guint16 *) to.data)[i] =
                GUINT16_TO_LE (encode_bfloat ((float) fov_view_get (from, i)));
        else
            fov_view_set (&to, i, fov_view_get (from, i));
    return to.data;
}

static gboolean
replace_values (Onnx__TensorProto *proto, const FovView *view, GError **error)
{
    const FovDType dtype = proto->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16  ? FOV_F16
                           : proto->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE ? FOV_F64
                           : proto->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
                               ? FOV_F32
                               : FOV_N_DTYPES;
    const gboolean brief = proto->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16;
    gint64 n = 1;

    for (size_t d = 0; d < proto->n_dims; d++)
        n *= proto->dims[d];
    if ((dtype == FOV_N_DTYPES && !brief) || n != fov_shape_elements (&view->shape)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "constant '%s' is of type %s or another size, and can not be replaced",
                     proto->name, fov_onnx_dtype_name (proto->data_type));
        return FALSE;
    }
    free (proto->float_data);
    free (proto->double_data);
    free (proto->int32_data);
    proto->float_data = NULL;
    proto->double_data = NULL;
    proto->int32_data = NULL;
    proto->n_float_data = proto->n_double_data = proto->n_int32_data = 0;
    free (proto->raw_data.data);
    proto->has_raw_data = TRUE;
    proto->raw_data.data = encode (view, dtype, &proto->raw_data.len);
    return TRUE;
}

static gboolean
visit_tensor (WriteBack *w, Onnx__TensorProto *proto, const char *name, GError **error)
{
    g_autofree char *valid = g_utf8_make_valid (name ? name : "", -1);
    FovView view;

    if (proto->has_data_location &&
        proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "constant '%s' is kept in another file", valid);
        return FALSE;
    }
    if (!w->values (valid, &view, w->data))
        return TRUE;
    w->n_found++;
    return replace_values (proto, &view, error);
}

/* A Constant node may hold its values as an attribute's own floats. */
static gboolean
visit_floats (WriteBack *w, Onnx__AttributeProto *attr, const char *name, GError **error)
{
    g_autofree char *valid = g_utf8_make_valid (name, -1);
    FovView view;

    if (!attr->n_floats || !w->values (valid, &view, w->data))
        return TRUE;
    if ((gint64) attr->n_floats != fov_shape_elements (&view.shape)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "constant '%s' has another size, and can not be replaced", valid);
        return FALSE;
    }
    for (size_t i = 0; i < attr->n_floats; i++)
        attr->floats[i] = (float) fov_view_get (&view, (gint64) i);
    w->n_found++;
    return TRUE;
}

static gboolean
visit_graph (WriteBack *w, Onnx__GraphProto *graph, GError **error)
{
    for (size_t i = 0; i < graph->n_initializer; i++)
        if (!visit_tensor (w, graph->initializer[i], graph->initializer[i]->name, error))
            return FALSE;
    for (size_t i = 0; i < graph->n_node; i++) {
        Onnx__NodeProto *node = graph->node[i];
        if (g_strcmp0 (node->op_type, "Constant") != 0 || node->n_output != 1)
            continue;
        for (size_t k = 0; k < node->n_attribute; k++)
            if (node->attribute[k]->t
                    ? !visit_tensor (w, node->attribute[k]->t, node->output[0], error)
                    : !visit_floats (w, node->attribute[k], node->output[0], error))
                return FALSE;
    }
    return TRUE;
}

static gboolean
write_model (const Onnx__ModelProto *model, const char *path, GError **error)
{
    gsize size = onnx__model_proto__get_packed_size (model);
    g_autofree guint8 *bytes = g_try_malloc (MAX (size, 1));

    if (!bytes) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_MEMORY, "no memory for %" G_GSIZE_FORMAT " bytes",
                     size);
        return FALSE;
    }
    onnx__model_proto__pack (model, bytes);
    return fov_file_write (path, bytes, size, error);
}

gboolean
fov_onnx_write_back (const char *source, const char *path, guint n_values,
                     gboolean (*values) (const char *name, FovView *view, gpointer data),
                     gpointer data, GError **error)
{
    g_autoptr (GBytes) bytes = fov_model_map_file (source, error);
    WriteBack w = { values, data, 0 };
    Onnx__ModelProto *model = NULL;
    gboolean ok = FALSE;
    gsize size;

    if (bytes) {
        const guint8 *from = g_bytes_get_data (bytes, &size);
        model = fov_onnx_check_wire (from, size, NULL)
                    ? onnx__model_proto__unpack (NULL, size, from)
                    : NULL;
        if (!model || !model->graph)
            g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                         "not an ONNX file, which alone can be written back");
        else if (visit_graph (&w, model->graph, error) && w.n_found != n_values)
            g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                         "only %u of %u constants that learned are in the file by name", w.n_found,
                         n_values);
        else
            ok = w.n_found == n_values;
    }
    if (!ok)
        g_prefix_error (error, "%s: ", source);
    ok = ok && write_model (model, path, error);
    if (model)
        onnx__model_proto__free_unpacked (model, NULL);
    return ok;
}

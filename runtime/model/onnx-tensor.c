/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Constants of an ONNX model: typed lists, raw bytes, or a part of another file. */
#include "model/onnx.h"
#include "model/model.h"

#include <math.h>
#include <string.h>

#define TYPE(x) ONNX__TENSOR_PROTO__DATA_TYPE__##x

/* How a type is kept (dtype) and how it lies in the file. */
typedef struct {
    const char *name;
    guint8 size; /* bytes per element in raw data; 0: not supported */
    FovDType dtype;
} Type;

static const Type types[] = {
    [TYPE (UNDEFINED)] = { "undefined", 0, 0 },     [TYPE (FLOAT)] = { "float32", 4, FOV_F32 },
    [TYPE (UINT8)] = { "uint8", 1, FOV_U8 },        [TYPE (INT8)] = { "int8", 1, FOV_I8 },
    [TYPE (UINT16)] = { "uint16", 2, FOV_I32 },     [TYPE (INT16)] = { "int16", 2, FOV_I16 },
    [TYPE (INT32)] = { "int32", 4, FOV_I32 },       [TYPE (INT64)] = { "int64", 8, FOV_I64 },
    [TYPE (STRING)] = { "string", 0, 0 },           [TYPE (BOOL)] = { "bool", 1, FOV_BOOL },
    [TYPE (FLOAT16)] = { "float16", 2, FOV_F32 },   [TYPE (DOUBLE)] = { "float64", 8, FOV_F32 },
    [TYPE (UINT32)] = { "uint32", 4, FOV_I64 },     [TYPE (UINT64)] = { "uint64", 8, FOV_I64 },
    [TYPE (COMPLEX64)] = { "complex64", 0, 0 },     [TYPE (COMPLEX128)] = { "complex128", 0, 0 },
    [TYPE (BFLOAT16)] = { "bfloat16", 2, FOV_F32 },
};

static const Type *
find_type (gint32 type)
{
    return type >= 0 && type < (gint32) G_N_ELEMENTS (types) ? &types[type] : NULL;
}

const char *
fov_onnx_dtype_name (gint32 type)
{
    const Type *t = find_type (type);

    return t ? t->name : "unknown";
}

gboolean
fov_onnx_dtype (gint32 type, FovDType *dtype)
{
    const Type *t = find_type (type);

    if (!t || !t->size)
        return FALSE;
    *dtype = t->dtype;
    return TRUE;
}

gint32
fov_onnx_type (FovDType dtype)
{
    static const gint32 of[FOV_N_DTYPES] = {
        [FOV_F32] = TYPE (FLOAT), [FOV_F64] = TYPE (DOUBLE), [FOV_F16] = TYPE (FLOAT16),
        [FOV_I8] = TYPE (INT8),   [FOV_U8] = TYPE (UINT8),   [FOV_I16] = TYPE (INT16),
        [FOV_I32] = TYPE (INT32), [FOV_I64] = TYPE (INT64),  [FOV_BOOL] = TYPE (BOOL),
    };

    return of[dtype];
}

/* ---- raw bytes -------------------------------------------------------- */

static double
raw_float (gint32 type, const guint8 *at)
{
    guint16 half;
    guint32 bits;
    float f;
    double d;

    if (type == TYPE (DOUBLE)) {
        memcpy (&d, at, sizeof d);
        return d;
    }
    memcpy (&half, at, sizeof half);
    if (type == TYPE (FLOAT16)) {
        FovView view = { FOV_F16, { 1, { 1 } }, &half };
        return fov_view_get (&view, 0);
    }
    bits = (guint32) half << 16;
    memcpy (&f, &bits, sizeof f);
    return f;
}

static gint64
raw_uint (gint32 type, const guint8 *at)
{
    guint64 value = 0;

    memcpy (&value, at, types[type].size);
    return (gint64) MIN (value, (guint64) G_MAXINT64);
}

/* Elements whose stored form is not the kept one. */
static GBytes *
widen (gint32 type, const guint8 *raw, gsize n)
{
    const Type *t = &types[type];
    FovView out = { t->dtype, { 1, { (gint64) n } }, g_malloc (n * fov_dtype_size (t->dtype)) };

    for (gsize i = 0; i < n; i++) {
        const guint8 *at = raw + i * t->size;
        if (type == TYPE (BOOL))
            ((guint8 *) out.data)[i] = *at != 0;
        else if (t->dtype == FOV_F32)
            ((float *) out.data)[i] = (float) raw_float (type, at);
        else
            fov_view_set_int (&out, (gint64) i, raw_uint (type, at));
    }
    return g_bytes_new_take (out.data, n * fov_dtype_size (t->dtype));
}

static gboolean
kept_as_stored (gint32 type)
{
    return type == TYPE (FLOAT) || type == TYPE (UINT8) || type == TYPE (INT8) ||
           type == TYPE (INT16) || type == TYPE (INT32) || type == TYPE (INT64);
}

static GBytes *
from_raw (GBytes *raw, gint32 type, gsize n, GError **error)
{
    gsize size, want = n * types[type].size;
    const guint8 *data = g_bytes_get_data (raw, &size);

    if (size != want) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "%" G_GSIZE_FORMAT " bytes of data, expected %" G_GSIZE_FORMAT, size, want);
        return NULL;
    }
    if (!kept_as_stored (type))
        return widen (type, data, n);
    if ((gsize) data % types[type].size) /* a file may place it anywhere */
        return g_bytes_new (data, size);
    return g_bytes_ref (raw);
}

/* ---- typed lists ------------------------------------------------------ */

static gsize
list_length (const Onnx__TensorProto *proto)
{
    switch (proto->data_type) {
    case TYPE (FLOAT):
        return proto->n_float_data;
    case TYPE (DOUBLE):
        return proto->n_double_data;
    case TYPE (INT64):
        return proto->n_int64_data;
    case TYPE (UINT32):
    case TYPE (UINT64):
        return proto->n_uint64_data;
    default:
        return proto->n_int32_data;
    }
}

static GBytes *
from_list (const Onnx__TensorProto *proto, gsize n, GError **error)
{
    FovDType dtype = types[proto->data_type].dtype;
    gsize found = list_length (proto);
    FovView out = { dtype, { 1, { (gint64) n } }, NULL };

    if (found != n) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "%" G_GSIZE_FORMAT " values, expected %" G_GSIZE_FORMAT, found, n);
        return NULL;
    }
    out.data = g_malloc (MAX (n * fov_dtype_size (dtype), 1));
    for (gsize i = 0; i < n; i++) {
        guint8 half[2];
        switch (proto->data_type) {
        case TYPE (FLOAT):
            ((float *) out.data)[i] = proto->float_data[i];
            break;
        case TYPE (DOUBLE):
            ((float *) out.data)[i] = (float) proto->double_data[i];
            break;
        case TYPE (INT64):
            ((gint64 *) out.data)[i] = proto->int64_data[i];
            break;
        case TYPE (UINT32):
        case TYPE (UINT64):
            ((gint64 *) out.data)[i] = (gint64) MIN (proto->uint64_data[i], (guint64) G_MAXINT64);
            break;
        case TYPE (FLOAT16):
        case TYPE (BFLOAT16): /* the bits of a half, in an int each */
            half[0] = (guint8) proto->int32_data[i];
            half[1] = (guint8) (proto->int32_data[i] >> 8);
            ((float *) out.data)[i] = (float) raw_float (proto->data_type, half);
            break;
        default:
            fov_view_set_int (&out, (gint64) i,
                              dtype == FOV_BOOL ? proto->int32_data[i] != 0 : proto->int32_data[i]);
        }
    }
    return g_bytes_new_take (out.data, n * fov_dtype_size (dtype));
}

/* ---- another file ----------------------------------------------------- */

static gboolean
parse_size (const char *text, const char *key, gsize *value, GError **error)
{
    guint64 v;

    if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXSSIZE, &v, NULL)) {
        g_autofree char *shown = fov_model_show_name (text);
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "external data: %s is '%s', expected a number of bytes", key, shown);
        return FALSE;
    }
    *value = (gsize) v;
    return TRUE;
}

static GBytes *
map_external (FovOnnx *onnx, const char *location, GError **error)
{
    GBytes *bytes = g_hash_table_lookup (onnx->files, location);
    g_autofree char *path = NULL;

    if (bytes)
        return bytes;
    path = fov_model_file_beside (onnx->folder, location, error);
    if (!path) {
        g_prefix_error (error, "external data ");
        return NULL;
    }
    bytes = fov_model_map_file (path, error);
    if (!bytes) {
        g_autofree char *shown = fov_model_show_name (location);
        g_prefix_error (error, "external data '%s' ", shown);
        return NULL;
    }
    onnx->mapped += g_bytes_get_size (bytes);
    g_hash_table_insert (onnx->files, g_strdup (location), bytes);
    return bytes;
}

static GBytes *
from_external (FovOnnx *onnx, const Onnx__TensorProto *proto, gsize bytes, GError **error)
{
    const char *location = NULL;
    gsize offset = 0, length = bytes, size;
    GBytes *file;

    for (size_t i = 0; i < proto->n_external_data; i++) {
        const char *key = proto->external_data[i]->key, *value = proto->external_data[i]->value;
        if (!key || !value)
            continue;
        if (g_str_equal (key, "location"))
            location = value;
        else if (g_str_equal (key, "offset") && !parse_size (value, key, &offset, error))
            return NULL;
        else if (g_str_equal (key, "length") && !parse_size (value, key, &length, error))
            return NULL;
    }
    if (!location) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "external data without a location");
        return NULL;
    }
    file = map_external (onnx, location, error);
    if (!file)
        return NULL;
    size = g_bytes_get_size (file);
    if (offset > size || length > size - offset) {
        g_autofree char *shown = fov_model_show_name (location);
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "external data: bytes %" G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT
                     " wanted, but '%s' has %" G_GSIZE_FORMAT,
                     offset, offset + length, shown, size);
        return NULL;
    }
    /* Some types are copied, so a part must not be asked for without end. */
    onnx->used += length;
    if (onnx->used / 4 > onnx->mapped) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "external data: the same bytes are used more than four times over");
        return NULL;
    }
    return g_bytes_new_from_bytes (file, offset, length);
}

/* ---- the tensor ------------------------------------------------------- */

static gboolean
read_shape (const Onnx__TensorProto *proto, FovShape *shape, GError **error)
{
    if (proto->n_dims > FOV_MAX_RANK) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "%" G_GSIZE_FORMAT " dimensions, expected at most %d", proto->n_dims,
                     FOV_MAX_RANK);
        return FALSE;
    }
    shape->rank = (int) proto->n_dims;
    for (int i = 0; i < shape->rank; i++)
        shape->dim[i] = proto->dims[i];
    if (fov_shape_elements (shape) < 0) {
        g_autofree char *text = fov_shape_to_string (shape);
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "impossible shape %s", text);
        return FALSE;
    }
    return TRUE;
}

static GBytes *
read_values (FovOnnx *onnx, Onnx__TensorProto *proto, gsize n, GError **error)
{
    g_autoptr (GBytes) raw = NULL;

    if (proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) {
        raw = from_external (onnx, proto, n * types[proto->data_type].size, error);
        return raw ? from_raw (raw, proto->data_type, n, error) : NULL;
    }
    if (!proto->has_raw_data)
        return from_list (proto, n, error);
    raw = g_bytes_new_with_free_func (proto->raw_data.data, proto->raw_data.len, free,
                                      proto->raw_data.data);
    proto->raw_data.data = NULL; /* malloc'ed by the unpacker, ours now */
    proto->raw_data.len = 0;
    proto->has_raw_data = FALSE;
    return from_raw (raw, proto->data_type, n, error);
}

FovTensor *
fov_onnx_add_tensor (FovOnnx *onnx, Onnx__TensorProto *proto, const char *name, GError **error)
{
    const Type *type = find_type (proto->data_type);
    g_autoptr (GBytes) data = NULL;
    FovTensor *tensor = NULL;
    FovShape shape = { 0 };

    if (!type || !type->size || proto->segment)
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED, "%s (type %d) is not supported",
                     proto->segment ? "data in segments" : fov_onnx_dtype_name (proto->data_type),
                     proto->data_type);
    else if (read_shape (proto, &shape, error))
        data = read_values (onnx, proto, (gsize) fov_shape_elements (&shape), error);
    if (data)
        tensor = fov_graph_add_constant (onnx->graph, name, type->dtype, &shape, data, error);
    if (!tensor) {
        g_autofree char *shown = fov_model_show_name (name);
        g_prefix_error (error, "constant '%s': ", shown);
    }
    return tensor;
}

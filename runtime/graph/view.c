/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Elements of any dtype as double or int64. */
#include "graph/graph.h"

#include <math.h>
#include <string.h>

static double
half_to_double (guint16 h)
{
    int exponent = h >> 10 & 31;
    double mantissa = h & 1023;
    double value;

    if (exponent == 0)
        value = ldexp (mantissa, -24);
    else if (exponent == 31)
        value = mantissa ? NAN : INFINITY;
    else
        value = ldexp (1024 + mantissa, exponent - 25);
    return h & 0x8000 ? -value : value;
}

static guint16
double_to_half (double value)
{
    guint16 sign = signbit (value) ? 0x8000 : 0;
    double m = fabs (value);
    int exponent;

    if (isnan (value))
        return sign | 0x7e00;
    if (m >= 65520)
        return sign | 0x7c00;
    if (m < ldexp (1, -14))
        return sign | (guint16) nearbyint (ldexp (m, 24));
    frexp (m, &exponent); /* m = f 2^exponent, f in 1/2..1 */
    return sign |
           (guint16) (((exponent + 14) << 10) + (gint) nearbyint (ldexp (m, 11 - exponent)) - 1024);
}

double
fov_view_get (const FovView *view, gint64 i)
{
    switch (view->dtype) {
    case FOV_F32:
        return ((const float *) view->data)[i];
    case FOV_F64:
        return ((const double *) view->data)[i];
    case FOV_F16:
        return half_to_double (((const guint16 *) view->data)[i]);
    default:
        return (double) fov_view_get_int (view, i);
    }
}

gint64
fov_view_get_int (const FovView *view, gint64 i)
{
    switch (view->dtype) {
    case FOV_I8:
        return ((const gint8 *) view->data)[i];
    case FOV_U8:
        return ((const guint8 *) view->data)[i];
    case FOV_BOOL:
        return ((const guint8 *) view->data)[i] != 0;
    case FOV_I16:
        return ((const gint16 *) view->data)[i];
    case FOV_I32:
        return ((const gint32 *) view->data)[i];
    case FOV_I64:
        return ((const gint64 *) view->data)[i];
    default: {
        double v = fov_view_get (view, i);
        if (isnan (v))
            return 0;
        return v >= 0x1p63 ? G_MAXINT64 : v < -0x1p63 ? G_MININT64 : (gint64) v;
    }
    }
}

void
fov_view_set_int (FovView *view, gint64 i, gint64 value)
{
    switch (view->dtype) {
    case FOV_I8:
        ((gint8 *) view->data)[i] = (gint8) CLAMP (value, -128, 127);
        break;
    case FOV_U8:
        ((guint8 *) view->data)[i] = (guint8) CLAMP (value, 0, 255);
        break;
    case FOV_BOOL:
        ((guint8 *) view->data)[i] = value != 0;
        break;
    case FOV_I16:
        ((gint16 *) view->data)[i] = (gint16) CLAMP (value, G_MININT16, G_MAXINT16);
        break;
    case FOV_I32:
        ((gint32 *) view->data)[i] = (gint32) CLAMP (value, G_MININT32, G_MAXINT32);
        break;
    case FOV_I64:
        ((gint64 *) view->data)[i] = value;
        break;
    default:
        fov_view_set (view, i, (double) value);
    }
}

void
fov_view_set (FovView *view, gint64 i, double value)
{
    switch (view->dtype) {
    case FOV_F32:
        ((float *) view->data)[i] = (float) value;
        break;
    case FOV_F64:
        ((double *) view->data)[i] = value;
        break;
    case FOV_F16:
        ((guint16 *) view->data)[i] = double_to_half (value);
        break;
    case FOV_BOOL:
        ((guint8 *) view->data)[i] = value != 0;
        break;
    default:
        if (isnan (value))
            value = 0;
        fov_view_set_int (view, i,
                          value >= 0x1p63    ? G_MAXINT64
                          : value <= -0x1p63 ? G_MININT64
                                             : (gint64) nearbyint (value));
    }
}

double *
fov_view_to_double (const FovView *view)
{
    gint64 n = fov_shape_elements (&view->shape);
    double *values = g_new (double, MAX (n, 1));

    for (gint64 i = 0; i < n; i++)
        values[i] = fov_view_get (view, i);
    return values;
}

void
fov_view_from_double (FovView *view, const double *values)
{
    gint64 n = fov_shape_elements (&view->shape);

    for (gint64 i = 0; i < n; i++)
        fov_view_set (view, i, values[i]);
}

/* ---- constants -------------------------------------------------------- */

static gboolean
constant_view (const FovTensor *tensor, FovView *view)
{
    if (!tensor || !tensor->data)
        return FALSE;
    view->dtype = tensor->dtype;
    view->shape = tensor->shape;
    view->data = (void *) g_bytes_get_data (tensor->data, NULL);
    return TRUE;
}

gint64
fov_tensor_elements (const FovTensor *tensor)
{
    return fov_shape_elements (&tensor->shape);
}

gboolean
fov_tensor_ints (const FovTensor *tensor, gint64 *v, guint cap, guint *n)
{
    FovView view;
    gint64 count;

    if (!constant_view (tensor, &view))
        return FALSE;
    if (tensor->dtype == FOV_F32 || tensor->dtype == FOV_F64 || tensor->dtype == FOV_F16)
        return FALSE;
    count = fov_tensor_elements (tensor);
    if (count > cap)
        return FALSE;
    for (gint64 i = 0; i < count; i++)
        v[i] = fov_view_get_int (&view, i);
    *n = (guint) count;
    return TRUE;
}

gboolean
fov_tensor_scalar (const FovTensor *tensor, double *value)
{
    FovView view;

    if (!constant_view (tensor, &view) || fov_tensor_elements (tensor) != 1)
        return FALSE;
    *value = fov_view_get (&view, 0);
    return TRUE;
}

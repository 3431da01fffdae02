/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_INFER_H
#define FOV_OPS_INFER_H

/*
 * What the op families share: checks and shape rules for inference, and
 * walking over elements for references. Every fov_infer_* that returns
 * gboolean sets the error with fov_node_error when it returns FALSE.
 */
#include <stddef.h>
#include <string.h>

#include "ops/ops.h"
#include "graph/params.h"

/* Rows of a parameter table: attribute's name, struct, field, default. */
#define FOV_P_INT(name, S, field, value)                                                           \
    {                                                                                              \
        name, FOV_PARAM_INT, offsetof (S, field), value, NULL                                      \
    }
#define FOV_P_FLOAT(name, S, field, value)                                                         \
    {                                                                                              \
        name, FOV_PARAM_FLOAT, offsetof (S, field), value, NULL                                    \
    }
#define FOV_P_INTS(name, S, field)                                                                 \
    {                                                                                              \
        name, FOV_PARAM_INTS, offsetof (S, field), 0, NULL                                         \
    }
#define FOV_P_ENUM(name, S, field, value, names)                                                   \
    {                                                                                              \
        name, FOV_PARAM_ENUM, offsetof (S, field), value, names                                    \
    }
#define FOV_P_END                                                                                  \
    {                                                                                              \
        NULL, 0, 0, 0, NULL                                                                        \
    }

/**
 * An ENUM without values: no attribute can set it, its fallback tells ops that
 * share one params struct apart.
 */
extern const char *const fov_no_names[];
#define FOV_P_KIND(S, field, value) FOV_P_ENUM ("kind", S, field, value, fov_no_names)

/* Sets of dtypes. */
#define FOV_DTYPE_BIT(t) (1u << (t))
#define FOV_FLOATS (FOV_DTYPE_BIT (FOV_F32) | FOV_DTYPE_BIT (FOV_F64) | FOV_DTYPE_BIT (FOV_F16))
#define FOV_INTEGERS                                                                               \
    (FOV_DTYPE_BIT (FOV_I8) | FOV_DTYPE_BIT (FOV_U8) | FOV_DTYPE_BIT (FOV_I16) |                   \
     FOV_DTYPE_BIT (FOV_I32) | FOV_DTYPE_BIT (FOV_I64))
#define FOV_NUMBERS (FOV_FLOATS | FOV_INTEGERS)
#define FOV_ANY_DTYPE (FOV_NUMBERS | FOV_DTYPE_BIT (FOV_BOOL))

static inline gboolean
fov_dtype_is_float (FovDType dtype)
{
    return (FOV_FLOATS & FOV_DTYPE_BIT (dtype)) != 0;
}

/** ONNX's TensorProto number as a dtype; FALSE for what Fovea has no dtype for. */
gboolean fov_dtype_from_onnx (gint64 number, FovDType *dtype);
/** An integer result brought into dtype's range modulo 2^bits, as C and numpy do. */
gint64 fov_wrap_int (FovDType dtype, gint64 value);

/* ---- inputs ----------------------------------------------------------- */

/** Input i, or NULL if it is left out. */
static inline FovTensor *
fov_in (const FovNode *node, guint i)
{
    return i < node->n_inputs ? node->inputs[i] : NULL;
}

/** Shape of input i, which must be there. */
static inline const FovShape *
fov_in_shape (const FovNode *node, guint i)
{
    return &node->inputs[i]->shape;
}

/** Output i, or NULL if nobody asked for it. */
static inline FovTensor *
fov_out (const FovNode *node, guint i)
{
    return i < node->n_outputs ? node->outputs[i] : NULL;
}

/** Input i (if there) has a dtype in the set. */
gboolean fov_infer_dtype (const FovNode *node, guint i, guint set, GError **error);
/** Input 0 has a dtype in the set, and inputs 1..n-1 (where there) have the same. */
gboolean fov_infer_dtypes (const FovNode *node, guint n, guint set, GError **error);
gboolean fov_infer_rank (const FovNode *node, guint i, int min, int max, GError **error);
/** Input i (if there) is a vector of n elements. */
gboolean fov_infer_vector (const FovNode *node, guint i, gint64 n, GError **error);

/** What became of an input that holds integers which decide a shape. */
typedef enum {
    FOV_INTS_BAD,     /* the error is set */
    FOV_INTS_ABSENT,  /* left out */
    FOV_INTS_UNKNOWN, /* no constant: the result's size depends on data */
    FOV_INTS_READ,
} FovIntsState;

/** Reads constant input i, a scalar or a vector of at most cap integers; what: its name. */
FovIntsState fov_infer_ints (const FovNode *node, guint i, const char *what, gint64 *v, guint cap,
                             guint *n, GError **error);

/** Turns axis (-rank..rank-1) into 0..rank-1. */
gboolean fov_infer_axis (const FovNode *node, gint64 axis, int rank, int *normal, GError **error);
/** A set of axes, bit by bit; an axis given twice is an error. */
gboolean fov_infer_axes (const FovNode *node, const gint64 *axes, guint n, int rank, guint *mask,
                         GError **error);

/* ---- outputs ---------------------------------------------------------- */

/** Input i, if there, has exactly that shape and input 0's dtype. */
gboolean fov_infer_input (const FovNode *node, guint i, FovShape want, GError **error);

/**
 * Sets output i (if there). Rejects ranks above FOV_MAX_RANK, negative
 * dimensions and more than 2^31 - 1 elements, empty dimensions counted as 1.
 */
gboolean fov_infer_output (FovNode *node, guint i, FovDType dtype, const FovShape *shape,
                           GError **error);
/** Sets output i (if there) to a rank with all dimensions unknown (they depend on data). */
void fov_infer_unknown (FovNode *node, guint i, FovDType dtype, int rank);
/** Output 0 has input 0's dtype and shape. */
gboolean fov_infer_same (FovNode *node, GError **error);
/** The shape that shape and other broadcast to, in place. */
gboolean fov_infer_broadcast (const FovNode *node, FovShape *shape, const FovShape *other,
                              GError **error);
/** a * b in *product; FALSE if it overflows or an operand is negative (no error set). */
gboolean fov_checked_mul (gint64 a, gint64 b, gint64 *product);

/* ---- windows of convolutions and pools -------------------------------- */

typedef struct {
    FovInts *kernel_shape, *strides, *pads, *dilations;
    int *auto_pad;
} FovWindow;

/** Fills a list of n entries that was left out with value; checks its length and range. */
gboolean fov_infer_list (const FovNode *node, FovInts *list, const char *what, int n, gint64 value,
                         gint64 min, gint64 max, GError **error);
/** Completes kernel_shape (must be given), strides, dilations and pads, but not auto_pad. */
gboolean fov_infer_window (const FovNode *node, const FovWindow *window, GError **error);
/**
 * Resolves auto_pad into pads (and sets it to NOTSET) and gives the output's
 * height and width. With ceil_mode a last window that would start behind the
 * picture and its leading padding is left out.
 */
gboolean fov_infer_window_output (const FovNode *node, const FovWindow *window,
                                  const FovShape *input, gboolean ceil_mode, gint64 out[2],
                                  GError **error);

/* ---- walking over elements, for references ---------------------------- */

/** Elements between neighbours along each dimension, row-major. */
void fov_strides (const FovShape *shape, gint64 *stride);
/** The same as seen from out, which shape broadcasts to: 0 where it repeats. */
void fov_broadcast_strides (const FovShape *shape, const FovShape *out, gint64 *stride);
/** Elements of dimensions from..to-1. */
gint64 fov_shape_span (const FovShape *shape, int from, int to);

/** Moves coord to the next element of shape in row-major order. */
static inline void
fov_next_coord (const FovShape *shape, gint64 *coord)
{
    for (int d = shape->rank - 1; d >= 0; d--) {
        if (++coord[d] < shape->dim[d])
            return;
        coord[d] = 0;
    }
}

/** Element index of coord. */
static inline gint64
fov_index (int rank, const gint64 *coord, const gint64 *stride)
{
    gint64 index = 0;

    for (int d = 0; d < rank; d++)
        index += coord[d] * stride[d];
    return index;
}

/** n elements of in from index i to out's index o; both have the same dtype. */
static inline void
fov_copy_elements (FovView *out, gint64 o, const FovView *in, gint64 i, gint64 n)
{
    gsize size = fov_dtype_size (out->dtype);

    if (n > 0)
        memcpy ((guint8 *) out->data + o * size, (const guint8 *) in->data + i * size, n * size);
}

/** out[i] = in[start + coordinate of i * stride]: what all plain moves come down to. */
void fov_copy_strided (const FovView *in, gint64 start, const gint64 *stride, FovView *out);

/** out = in: the reference of every FOV_OP_ALIAS op. */
gboolean fov_reference_copy (const FovNode *node, const FovView *in, FovView *out, GError **error);

#endif

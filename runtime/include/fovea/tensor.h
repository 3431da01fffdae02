/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TENSOR_H
#define FOVEA_TENSOR_H

#include <fovea/error.h>

G_BEGIN_DECLS

/** Largest number of dimensions of a tensor. */
#define FOV_MAX_RANK 8

typedef enum {
    FOV_F32,
    FOV_F64,
    FOV_F16,
    FOV_I8,
    FOV_U8,
    FOV_I16,
    FOV_I32,
    FOV_I64,
    FOV_BOOL, /**< one byte, 0 or 1 */
    FOV_N_DTYPES
} FovDType;

/** Dimensions, outermost first (NCHW for pictures). -1: not known yet. Rank 0 is a scalar. */
typedef struct {
    int rank;
    gint64 dim[FOV_MAX_RANK];
} FovShape;

/** What a model's input or output looks like. */
typedef struct {
    const char *name; /**< owned by the model */
    FovDType dtype;
    FovShape shape; /**< -1 where the size is free */
} FovTensorInfo;

/** Dense row-major values in the caller's memory. */
typedef struct {
    FovDType dtype;
    FovShape shape;
    void *data;
} FovView;

/** Bytes of one element. */
FOV_API gsize fov_dtype_size (FovDType dtype);
/** "float32", "int64", ... */
FOV_API const char *fov_dtype_name (FovDType dtype);

/** Number of elements; -1 if a dimension is unknown or the product overflows 2^46. */
FOV_API gint64 fov_shape_elements (const FovShape *shape);
FOV_API gboolean fov_shape_equal (const FovShape *a, const FovShape *b);
/** "1x3x416x416" ("?" for an unknown dimension, "scalar" for rank 0); g_free it. */
FOV_API char *fov_shape_to_string (const FovShape *shape);

G_END_DECLS

#endif

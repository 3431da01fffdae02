/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_MODEL_TFJS_OPS_H
#define FOV_MODEL_TFJS_OPS_H

/* What the families of converters share. */
#include "model/tfjs.h"

typedef struct {
    FovTfjs *tfjs;
    FovTfjsNode *node;
    const char *onnx; /* from the table */
    GError **error;
} FovTfjsOp;

typedef struct {
    const char *name;
    guint n_inputs; /* at least */
    gboolean (*convert) (FovTfjsOp *op);
    const char *onnx; /* what it becomes, where the converter asks */
} FovTfjsRow;

/** Rows by family, each ended by a row without a name. */
extern const FovTfjsRow fov_tfjs_nn_rows[], fov_tfjs_shape_rows[];

FovTfjsValue *fov_tfjs_input (FovTfjsOp *op, guint index);
FovTensor *fov_tfjs_plain_input (FovTfjsOp *op, guint index);
FovTensor *fov_tfjs_nchw_input (FovTfjsOp *op, guint index);
FovTensor *fov_tfjs_op_emit (FovTfjsOp *op, const char *onnx, FovTensor *const *inputs,
                             guint n_inputs, const FovAttr *attrs, guint n_attrs);
/** The only output; tensor NULL: an error is set already. */
gboolean fov_tfjs_done (FovTfjsOp *op, FovTensor *tensor, gboolean nchw, int rank);
FovTensor *fov_tfjs_scalar (FovTfjsOp *op, float value);
FovTensor *fov_tfjs_ints (FovTfjsOp *op, const gint64 *v, guint n);
/** An input that must be a constant list of at most cap integers. */
gboolean fov_tfjs_const_ints (FovTfjsOp *op, guint index, gint64 *v, guint cap, guint *n);
/** A list of four by NHWC, of which the middle two count. */
gboolean fov_tfjs_attr_hw (FovTfjsOp *op, const char *name, gint64 hw[2]);
gint64 fov_tfjs_attr_int (FovTfjsOp *op, const char *name, gint64 fallback);
double fov_tfjs_attr_float (FovTfjsOp *op, const char *name, double fallback);
char *fov_tfjs_attr_string (FovTfjsOp *op, const char *name); /* g_free; NULL: absent */
JsonArray *fov_tfjs_attr_list (FovTfjsOp *op, const char *name, const char *kind);
/** An elementwise op of two values, in whichever layout they share. */
gboolean fov_tfjs_binary (FovTfjsOp *op, const char *onnx, FovTfjsValue *a, FovTfjsValue *b,
                          FovTfjsValue *out);

#define FOV_A_INT(n, v)                                                                            \
    (FovAttr)                                                                                      \
    {                                                                                              \
        .name = n, .type = FOV_ATTR_INT, .i = v                                                    \
    }
#define FOV_A_FLOAT(n_, v)                                                                         \
    (FovAttr)                                                                                      \
    {                                                                                              \
        .name = n_, .type = FOV_ATTR_FLOAT, .f = v                                                 \
    }
#define FOV_A_STRING(n_, v)                                                                        \
    (FovAttr)                                                                                      \
    {                                                                                              \
        .name = n_, .type = FOV_ATTR_STRING, .s = v                                                \
    }
#define FOV_A_INTS(n_, v, count)                                                                   \
    (FovAttr)                                                                                      \
    {                                                                                              \
        .name = n_, .type = FOV_ATTR_INTS, .ints = v, .n = count                                   \
    }

#endif

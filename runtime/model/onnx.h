/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_MODEL_ONNX_H
#define FOV_MODEL_ONNX_H

/*
 * The parts of the ONNX reader: onnx-wire.c looks over the bytes before
 * anything is allocated for them, onnx-tensor.c reads constants, onnx-ops.c
 * turns old forms of operators into the newest, onnx.c drives.
 */
#include "graph/graph.h"
#include "model/onnx.pb-c.h"

enum { FOV_ONNX_MIN_OPSET = 7, FOV_ONNX_MAX_OPSET = 20, FOV_ONNX_SAVE_OPSET = 18 };

typedef struct {
    char *folder; /* of the model file */
    Onnx__ModelProto *model;
    gint64 opset;
    FovGraph *graph;
    GHashTable *tensors;  /* char* (the file's) -> FovTensor* */
    GHashTable *files;    /* char* location -> GBytes*, external data */
    guint64 mapped, used; /* bytes of those files, and of the parts taken of them */
} FovOnnx;

/** A node on its way into the graph; converters change it in place. */
typedef struct {
    FovOnnx *onnx;
    const Onnx__NodeProto *proto;
    const char *op;     /* name in the graph */
    char *name;         /* for messages */
    GPtrArray *inputs;  /* FovTensor*, NULL where left out */
    guint n_outputs;    /* computed; may be fewer than declared */
    GArray *attrs;      /* FovAttr */
    GPtrArray *strings; /* owns what attrs point to */
    FovTensor *result;  /* set by a converter that did the work itself */
} FovOnnxNode;

/**
 * Checks that size bytes are whole protobuf fields of a ModelProto: no length
 * beyond its message, no nesting too deep to read, no absurd number of parts.
 */
gboolean fov_onnx_check_wire (const guint8 *data, gsize size, GError **error);

/** dtype of an ONNX data type; the wider and half floats become float32. FALSE: no such. */
gboolean fov_onnx_dtype (gint32 type, FovDType *dtype);
/** The other way: the ONNX data type of a dtype. */
gint32 fov_onnx_type (FovDType dtype);
/** "float16" ...; "unknown" for a number without a name. */
const char *fov_onnx_dtype_name (gint32 type);
/** Adds a TensorProto as a constant; takes the proto's raw bytes over where it can. */
FovTensor *fov_onnx_add_tensor (FovOnnx *onnx, Onnx__TensorProto *proto, const char *name,
                                GError **error);

/** Brings node into the newest form; sets node->result where that needed several nodes. */
gboolean fov_onnx_convert (FovOnnxNode *node, GError **error);
/** "node 'x' (Op): ..." with FOV_ERROR_UNSUPPORTED or _FORMAT; returns FALSE. */
gboolean fov_onnx_error (const FovOnnxNode *node, FovErrorCode code, GError **error,
                         const char *format, ...) G_GNUC_PRINTF (4, 5);

#endif

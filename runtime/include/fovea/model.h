/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_MODEL_H
#define FOVEA_MODEL_H

#include <fovea/tensor.h>

G_BEGIN_DECLS

/** A network as read from a file; immutable, reference counted, thread safe. */
typedef struct _FovModel FovModel;

/**
 * Reads a model: ONNX (*.onnx; opset 7 to 20; external data beside it) or a
 * TensorFlow.js graph model (model.json, or its folder). The format is
 * recognised by content. Tensors of four dimensions are NCHW whatever the file
 * keeps (a TensorFlow.js picture input 1x300x300x3 is taken as 1x3x300x300), and
 * float16, bfloat16 and float64 become float32. A damaged, hostile or unsupported file gives one
 * error that names file, node, operator and what was expected; memory use is
 * bounded by the file's real size.
 */
FOV_API FovModel *fov_model_load (const char *path, GError **error);

/** A value that a model made in code starts from. */
typedef struct {
    const char *name;
    FovDType dtype;
    FovShape shape;   /**< of an input -1 where the size is free */
    const void *data; /**< a constant's dense row-major values; NULL: an input of the model */
} FovModelValue;

/** Most inputs of a node of a model made in code. */
#define FOV_MODEL_NODE_INPUTS 4

/** An operation with one output, in the meaning of ONNX's newest opset that fov_model_load reads.
 */
typedef struct {
    const char *op;                            /**< "MatMul", "Add", ... */
    const char *output;                        /**< name of what it makes */
    const char *inputs[FOV_MODEL_NODE_INPUTS]; /**< names, NULL after the last */
    const char *attribute;                     /**< name of one of whole numbers; NULL: none */
    gint64 values[4];                          /**< of the attribute */
    guint n_values;                            /**< 0: one number and no list */
} FovModelNode;

/**
 * Makes a model in code: nodes in an order in which every input is made before
 * it is used; outputs, NULL-terminated, names what the model returns. Everything
 * is copied. A name that is not known, an unknown operation or a wrong attribute
 * gives FOV_ERROR_ARGUMENT, FOV_ERROR_UNSUPPORTED or FOV_ERROR_SHAPE that names the node.
 */
FOV_API FovModel *fov_model_build (const FovModelValue *values, guint n_values,
                                   const FovModelNode *nodes, guint n_nodes,
                                   const char *const *outputs, GError **error);
FOV_API FovModel *fov_model_ref (FovModel *model);
FOV_API void fov_model_unref (FovModel *model);

FOV_API const char *fov_model_path (FovModel *model);
/** "ONNX opset 11" or "TensorFlow.js graph model". */
FOV_API const char *fov_model_format (FovModel *model);

FOV_API guint fov_model_n_inputs (FovModel *model);
FOV_API guint fov_model_n_outputs (FovModel *model);
FOV_API void fov_model_input (FovModel *model, guint index, FovTensorInfo *info);
FOV_API void fov_model_output (FovModel *model, guint index, FovTensorInfo *info);

/** A metadata value by key ("names", "stride", ...), or NULL. Owned by the model. */
FOV_API const char *fov_model_metadata (FovModel *model, const char *key);

/**
 * The same network for inputs of other sizes (one shape per input, all dimensions
 * known, of the input's rank), also where the file fixes them; weights are shared.
 * A batch of one that the file's reshapes name is loosened with it. Fails with
 * FOV_ERROR_SHAPE that names the node where the graph does not allow it.
 */
FOV_API FovModel *fov_model_reshape (FovModel *model, const FovShape *inputs, GError **error);

/**
 * Writes the model as ONNX (opset 18, or up to 20 where an operator needs it),
 * whatever it was read from; float32 constants inside the file. Nodes of one
 * name get numbers behind it. FOV_ERROR_UNSUPPORTED, with the node's name, for
 * operators that ONNX does not have.
 */
FOV_API gboolean fov_model_save (FovModel *model, const char *path, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovModel, fov_model_unref)

G_END_DECLS

#endif

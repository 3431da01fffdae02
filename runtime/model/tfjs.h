/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_MODEL_TFJS_H
#define FOV_MODEL_TFJS_H

/*
 * The parts of the TensorFlow.js reader: tfjs-json.c reads members of any type
 * without surprises, tfjs-weights.c the shards, tfjs-ops.c turns operators into
 * ONNX's, tfjs-layout.c keeps track of NHWC and NCHW, tfjs.c drives.
 */
#include <json-glib/json-glib.h>
#include "graph/graph.h"

/* ---- JSON: a missing or ill-typed member reads as the fallback ---------- */

/** Parses after a look at nesting and size. */
JsonNode *fov_tfjs_parse (GBytes *data, GError **error);
JsonObject *fov_json_object (JsonObject *object, const char *key);
JsonArray *fov_json_array (JsonObject *object, const char *key);
const char *fov_json_string (JsonObject *object, const char *key);
double fov_json_number (JsonObject *object, const char *key, double fallback);
/** Integers come as numbers or, as protobuf writes 64 bits, as strings. */
gboolean fov_json_node_int (JsonNode *node, gint64 *value);
gint64 fov_json_int (JsonObject *object, const char *key, gint64 fallback);
/** A protobuf bytes member: base64, or an array of byte values; g_free. NULL: absent. */
char *fov_json_bytes (JsonNode *node);

/* ---- weights ------------------------------------------------------------ */

typedef struct {
    FovDType dtype; /* F32, I64 (int32 widened) or BOOL */
    FovShape shape;
    GBytes *data;
} FovTfjsWeight;

/** All weights of the manifest by name, from the files in folder. */
GHashTable *fov_tfjs_read_weights (JsonArray *manifest, const char *folder, GError **error);

/* ---- nodes and values --------------------------------------------------- */

/** A node's output. */
typedef struct {
    FovTensor *tensor;
    gboolean nchw;    /* 4-D and kept as NCHW, though the model means NHWC */
    int rank;         /* -1: not known */
    FovTensor *other; /* the same in the other layout, once it was asked for */
} FovTfjsValue;

typedef struct _FovTfjs FovTfjs;

typedef struct {
    const char *name, *op; /* the JSON's */
    char *shown;           /* name for messages */
    JsonObject *attr;      /* may be NULL */
    guint n_inputs;        /* without control inputs */
    guint *inputs;         /* node indices */
    guint *input_outputs;  /* which output of each */
    gboolean consumed;
    guint8 state;
    FovTfjsValue *values; /* once converted */
    guint n_values;
    FovShape cut; /* rank 4: replaced by a model input of this shape */
    const char *cut_name;
} FovTfjsNode;

struct _FovTfjs {
    FovGraph *graph;
    GHashTable *weights;
    GHashTable *permuted; /* char* what was done to which bytes -> FovTensor* */
    FovTfjsNode *nodes;
    guint n_nodes;
};

/** Fills node->values; its inputs have theirs. */
gboolean fov_tfjs_convert (FovTfjs *tfjs, FovTfjsNode *node, GError **error);
/** "node 'x' (Op): ..."; returns FALSE. */
gboolean fov_tfjs_error (const FovTfjsNode *node, FovErrorCode code, GError **error,
                         const char *format, ...) G_GNUC_PRINTF (4, 5);

/* ---- layout --------------------------------------------------------------- */

/** Where axis i of NHWC lies in NCHW. */
extern const gint64 fov_tfjs_nchw_axis[4];

/** Adds an op with one output; NULL: error set. */
FovTensor *fov_tfjs_emit (FovTfjs *tfjs, const FovTfjsNode *node, const char *op,
                          FovTensor *const *inputs, guint n_inputs, const FovAttr *attrs,
                          guint n_attrs, GError **error);
/** The value as the model means it. */
FovTensor *fov_tfjs_plain (FovTfjs *tfjs, const FovTfjsNode *node, FovTfjsValue *value,
                           GError **error);
/** A 4-D value as NCHW. */
FovTensor *fov_tfjs_nchw (FovTfjs *tfjs, const FovTfjsNode *node, FovTfjsValue *value,
                          GError **error);
/** A constant, made once: dimension i is dimension perm[i] of constant, then reshaped to shape. */
FovTensor *fov_tfjs_permute (FovTfjs *tfjs, const FovTensor *constant, const int *perm,
                             const FovShape *shape);
/**
 * What stands beside an NCHW value in an elementwise op: constants are turned
 * at once, 4-D values transposed. NULL without an error: the rank is not known.
 */
FovTensor *fov_tfjs_beside_nchw (FovTfjs *tfjs, const FovTfjsNode *node, FovTfjsValue *value,
                                 GError **error);

#endif

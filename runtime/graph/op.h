/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OP_H
#define FOV_OP_H

/*
 * The op table: one FovOpDef per op, everything about an op in one place.
 * runtime/ops holds them, one file per family (foo.c: parameters, inference,
 * reference; foo.host.c and foo.gpu.c: what the two executors run).
 */
#include "graph/plan.h"

/* ---- parameters ------------------------------------------------------- */

typedef struct {
    int n;
    gint64 v[16];
} FovInts;
typedef struct {
    int n;
    float v[16];
} FovFloats;

typedef enum {
    FOV_PARAM_INT,    /* gint64 */
    FOV_PARAM_FLOAT,  /* float */
    FOV_PARAM_INTS,   /* FovInts */
    FOV_PARAM_FLOATS, /* FovFloats */
    FOV_PARAM_ENUM,   /* int, index into names */
} FovParamType;

/** One attribute: where it goes and what it is when it is left out. */
typedef struct {
    const char *name; /* NULL ends the table */
    FovParamType type;
    gsize offset;
    double fallback;          /* INT, FLOAT, ENUM */
    const char *const *names; /* ENUM, NULL-terminated */
} FovParam;

/** Fills node->params: fallbacks, then the attributes; FOV_ERROR_SHAPE where one does not fit. */
gboolean fov_node_parse_attrs (FovNode *node, const FovAttr *attrs, guint n_attrs, GError **error);

/** One op's turn in the backward pass; graph/backward.h. */
typedef struct _FovGrad FovGrad;

/* ---- the definition --------------------------------------------------- */

typedef enum {
    FOV_OP_ALIAS = 1 << 0,   /* output 0 is input 0's bytes under another shape (planar) */
    FOV_OP_DYNAMIC = 1 << 1, /* an output's size depends on data */
    FOV_OP_NO_FOLD = 1 << 2, /* never folded (state, randomness, device input) */
    /* elementwise, one data input, same shape and dtype out, FovUnaryParams first in params */
    FOV_OP_UNARY = 1 << 3,
    FOV_OP_READS_INPUT = 1 << 4, /* its GPU kernel reads graph inputs where they lie in the slot */
    FOV_OP_SHAPE_ONLY = 1 << 5,  /* reads its inputs' shapes, never their data: always folded */
    /* elementwise in every input of an output's shape: that output may overwrite the input */
    FOV_OP_IN_PLACE = 1 << 6,
    FOV_OP_NO_GRADIENT = 1 << 7, /* its results count as constants in the backward pass */
} FovOpFlags;

struct _FovOpDef {
    const char *name;
    guint min_inputs, max_inputs; /* max: G_MAXUINT for variadic */
    guint min_outputs, max_outputs;
    guint flags;
    const FovParam *params;
    gsize params_size;

    /**
     * Sets dtype and shape of every output from the inputs' (all known and
     * concrete when called). May read constant inputs; may complete params
     * (resolve auto_pad, default axes). Must reject what does not fit with
     * fov_node_error: the reference and executors rely on it.
     */
    gboolean (*infer) (FovNode *node, GError **error);

    /**
     * Computes outputs from inputs (dense; an absent input has data NULL),
     * in double whatever the dtypes: the oracle, written to be read. For
     * FOV_OP_DYNAMIC ops it allocates out[i].data (g_malloc) and sets the shape.
     */
    gboolean (*reference) (const FovNode *node, const FovView *in, FovView *out, GError **error);

    /** Multiplications and additions of one run; NULL: one per output element. */
    double (*flops) (const FovNode *node);

    /**
     * Appends the nodes that compute the gradients of the loss by the node's inputs from those by
     * its outputs (graph/backward.h). NULL: the op has none.
     */
    void (*gradient) (FovGrad *grad, const FovNode *node, FovTensor *const *dy, FovTensor **dx);

    /**
     * Appends nodes that compute the node's outputs, as out[], where fov_graph_specialize puts them
     * in its place. NULL: executors have the op itself.
     */
    void (*expand) (FovGrad *grad, const FovNode *node, FovTensor **out);

    /* Bit i: input / output i is planar whatever layout the node has (weights; at most 32). */
    guint planar_inputs, planar_outputs;
    guint scratch_outputs; /* bit i: output i is a kernel's own memory, and no result */
    guint row_outputs;     /* bit i: output i's last dimension is a row of unlike numbers */
    guint parameters;      /* bit i: input i is there to be learned where it is a constant */

    /**
     * Fills input index (of zeros) with what the start-up self-check (model/check.c) is to run on.
     * NULL: random numbers do, but for FOV_OP_READS_INPUT ops, which are not checked then.
     */
    void (*example) (const FovNode *node, guint index, FovView *input);

    const FovHostOp *host; /* NULL: the reference runs in its place */
    const FovGpuOp *gpu;   /* NULL: not on the GPU */
};

/** By name, or NULL. Names are ONNX's; internal ops start with "fov.". */
const FovOpDef *fov_op_find (const char *name);
/** All ops, NULL-terminated. */
const FovOpDef *const *fov_op_list (void);

#endif

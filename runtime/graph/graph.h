/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_GRAPH_H
#define FOV_GRAPH_H

/*
 * The graph: tensors and nodes as plain data. Model readers and the detector
 * build one, passes rewrite it, the planner lays it out, an executor runs it.
 * A node computes its outputs from its inputs by its op's definition
 * (graph/op.h); ops carry ONNX's names and the meaning of the newest opset,
 * and readers turn older or foreign forms into that.
 *
 * The graph owns its tensors and nodes. Not thread safe; a model's graph is
 * never changed once read (sessions work on a copy).
 */
#include <fovea/tensor.h>

typedef struct _FovGraph FovGraph;
typedef struct _FovTensor FovTensor;
typedef struct _FovNode FovNode;
typedef struct _FovOpDef FovOpDef;

/**
 * A value: a graph input, a constant (data set), a state (initial set) or a node's output. A state
 * keeps its value from one run to the next: it starts as initial and becomes next at the end of
 * each run. Nodes that read the state see the old value, those that read next the new one; a node
 * can not depend on next and read the state too. Parameters under training, momenta and running
 * statistics are states.
 */
struct _FovTensor {
    char *name; /* unique within the graph, never NULL */
    guint id;   /* index in graph->tensors */
    FovDType dtype;
    FovShape shape;       /* -1: free, to be given at specialisation */
    gboolean shape_known; /* inference has run for the producer */
    GBytes *data;         /* constant: dense row-major of dtype, or NULL */
    GBytes *initial;      /* state: as data, or NULL */
    FovTensor *next;      /* state: its value after a run, or NULL: as it is */
    FovTensor *state;     /* of which this is next, or NULL */
    FovNode *producer;    /* NULL for inputs and constants */
    GPtrArray *consumers; /* FovNode*, one entry per use */
    gboolean is_input, is_output;
};

struct _FovNode {
    const FovOpDef *op;
    char *name;      /* for messages, never NULL */
    gpointer params; /* op->params_size bytes, parsed from attributes */
    guint n_inputs, n_outputs;
    FovTensor **inputs;  /* NULL: optional input left out */
    FovTensor **outputs; /* NULL: optional output nobody asked for */
};

struct _FovGraph {
    GPtrArray *tensors; /* FovTensor*; entries of removed ones are NULL */
    GPtrArray *nodes;   /* FovNode*, in topological order */
    GPtrArray *inputs;  /* FovTensor*, in the model's order */
    GPtrArray *outputs;
    GHashTable *names; /* name -> FovTensor */
};

/** An attribute as a reader hands it over; the op's param table takes it in. */
typedef enum {
    FOV_ATTR_INT,
    FOV_ATTR_FLOAT,
    FOV_ATTR_STRING,
    FOV_ATTR_INTS,
    FOV_ATTR_FLOATS
} FovAttrType;
typedef struct {
    const char *name;
    FovAttrType type;
    gint64 i;
    double f;
    const char *s;
    const gint64 *ints;
    const float *floats;
    gsize n; /* of ints or floats */
} FovAttr;

FovGraph *fov_graph_new (void);
void fov_graph_free (FovGraph *graph);
/** A deep copy; constants' bytes are shared. */
FovGraph *fov_graph_copy (const FovGraph *graph);

/** Adds a graph input. Names are made unique by a suffix if taken. */
FovTensor *fov_graph_add_input (FovGraph *graph, const char *name, FovDType dtype,
                                const FovShape *shape);
/** Adds a constant; takes a reference on data, whose size must match. */
FovTensor *fov_graph_add_constant (FovGraph *graph, const char *name, FovDType dtype,
                                   const FovShape *shape, GBytes *data, GError **error);
/** Short forms for passes and importers: 1-D int64 / float32 constants. */
FovTensor *fov_graph_add_ints (FovGraph *graph, const char *name, const gint64 *v, guint n);
FovTensor *fov_graph_add_floats (FovGraph *graph, const char *name, const float *v, guint n);

/** Adds a state; errors as for a constant. */
FovTensor *fov_graph_add_state (FovGraph *graph, const char *name, FovDType dtype,
                                const FovShape *shape, GBytes *initial, GError **error);
/** Turns a constant into a state that starts with its data. */
void fov_graph_make_state (FovGraph *graph, FovTensor *constant);
/** What the state becomes; of its dtype and shape, and of no other state. */
void fov_graph_set_next (FovGraph *graph, FovTensor *state, FovTensor *next);
/** Whether the value is needed though no node reads it: an output, or a state's next value. */
gboolean fov_tensor_is_kept (const FovTensor *tensor);

/**
 * Appends a node. Errors (unknown op, wrong number of inputs, unknown or
 * ill-typed attribute) name op, node and what was expected. Output tensors are
 * made with dtype F32 and unknown shape until inference; rename them with
 * fov_graph_rename.
 */
FovNode *fov_graph_add_node (FovGraph *graph, const char *op, const char *name,
                             FovTensor *const *inputs, guint n_inputs, guint n_outputs,
                             const FovAttr *attrs, guint n_attrs, GError **error);
void fov_graph_rename (FovGraph *graph, FovTensor *tensor, const char *name);
void fov_graph_add_output (FovGraph *graph, FovTensor *tensor);
/** Nothing is asked for any more; others may be added. */
void fov_graph_clear_outputs (FovGraph *graph);
/** By name, or NULL. */
FovTensor *fov_graph_find (const FovGraph *graph, const char *name);

/* Surgery, for passes. */
void fov_graph_replace_uses (FovGraph *graph, FovTensor *old_tensor, FovTensor *new_tensor);
void fov_graph_set_input (FovGraph *graph, FovNode *node, guint index, FovTensor *tensor);
/** Makes room for inputs up to index (as left out ones) and sets that one. */
void fov_graph_extend_input (FovGraph *graph, FovNode *node, guint index, FovTensor *tensor);
/** Makes room for outputs up to index and makes that one, as fov_graph_add_node does. */
FovTensor *fov_graph_extend_output (FovGraph *graph, FovNode *node, guint index);
/** The only consumer of a tensor that is not kept, or NULL. */
FovNode *fov_tensor_only_consumer (const FovTensor *tensor);
/** Whether the node's op has that name. */
gboolean fov_node_is (const FovNode *node, const char *op);
/** Appends a node with one output of this dtype and shape, inferred. NULL on error. */
FovNode *fov_graph_insert (FovGraph *graph, const char *op, const char *name,
                           FovTensor *const *inputs, guint n_inputs, const FovAttr *attrs,
                           guint n_attrs, GError **error);
void fov_graph_remove_node (FovGraph *graph, FovNode *node); /* outputs must be unused */
void fov_graph_remove_unused (FovGraph *graph);              /* dead code */
/**
 * Topological order of nodes, depth first (which keeps few results alive); where there is a
 * choice, what was first stays first. FALSE and an error if there is a cycle: nothing moved then.
 */
gboolean fov_graph_sort (FovGraph *graph, GError **error);

/**
 * Gives the inputs their shapes (shapes[i] for inputs[i]; NULL: as they are,
 * free dimensions become 1), infers every tensor's dtype and shape in order and
 * folds whatever depends on constants alone, so that all shape arithmetic is
 * gone afterwards. Nodes whose result's size depends on data keep -1.
 */
gboolean fov_graph_specialize (FovGraph *graph, const FovShape *shapes, GError **error);

/* Reading constants, for inference and passes. */
/** All values of a constant int tensor (any int type); FALSE if it is no constant or longer than
 * cap. */
gboolean fov_tensor_ints (const FovTensor *tensor, gint64 *v, guint cap, guint *n);
/** Value of a one-element constant of any type. */
gboolean fov_tensor_scalar (const FovTensor *tensor, double *value);
gint64 fov_tensor_elements (const FovTensor *tensor);

/** For inference: "node 'x' (Conv): <message>" with FOV_ERROR_SHAPE; returns FALSE. */
gboolean fov_node_error (const FovNode *node, GError **error, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* Elements of a view as double or int64, whatever its dtype: for reference functions. */
double fov_view_get (const FovView *view, gint64 index);
void fov_view_set (FovView *view, gint64 index, double value);
gint64 fov_view_get_int (const FovView *view, gint64 index);
void fov_view_set_int (FovView *view, gint64 index, gint64 value);
/** All elements as a new array of double; g_free. */
double *fov_view_to_double (const FovView *view);
/** Writes n = elements doubles, rounded and saturated to the view's dtype. */
void fov_view_from_double (FovView *view, const double *values);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovGraph, fov_graph_free)

#endif

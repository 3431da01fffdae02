/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_PLAN_H
#define FOV_PLAN_H

/*
 * A plan: where each tensor lies and in which layout, and the steps in order.
 * Layouts are chosen by the layout pass from what the executor's ops can do;
 * memory is shared by lifetime.
 *
 * PLANAR   dense row-major, as the shape says.
 * BLOCKED  4-D float32 NCHW as [N][ceil(C/b)][H + 2 halo][W + 2 halo][b], the
 *          unused channels of the last block are 0; the halo (host only) is 0
 *          when a consumer reads it: the executor clears it, kernels never do.
 *          b is 4 on vulkan; 4, 8 or 16 on the host.
 */
#include "graph/graph.h"

typedef enum { FOV_PLANAR, FOV_BLOCKED } FovLayout;

typedef struct {
    FovLayout layout;
    int block; /* 1 for planar */
    int halo;  /* pixels on each side */
} FovFormat;

typedef enum {
    FOV_PLACE_ARENA,    /* offset into the session's activation memory */
    FOV_PLACE_CONSTANT, /* tensor->data */
    FOV_PLACE_INPUT,    /* a graph input, index into the frame's inputs */
} FovPlace;

/** A tensor as a kernel sees it. */
typedef struct {
    const FovTensor *tensor;
    FovDType dtype;
    FovShape shape;
    FovFormat format;
    FovPlace place;
    gsize offset; /* ARENA: bytes, multiple of 64 but inside a concat (then of 4) */
    guint input;  /* INPUT */
    gsize bytes;
} FovOperand;

/** One node's work; in[i] is NULL for an absent input. */
typedef struct {
    const FovNode *node;
    const FovOperand **in;
    const FovOperand **out;
} FovStep;

/* ---- what the host executor needs of an op ---------------------------- */

typedef struct {
    guint8 *arena;       /* 64-byte aligned; 4 KiB may be read beyond its end */
    const void **inputs; /* one per graph input */
    void *scratch;       /* as large as the step asked for, 64-byte aligned; any content at first */
    void *own;           /* the same, of the thread that runs the task */
} FovHostFrame;

typedef struct _FovHostStep FovHostStep;
struct _FovHostStep {
    FovStep step;
    guint n_tasks; /* run is called for 0..n_tasks-1, in any order, from any of the threads */
    void (*run) (const FovHostStep *step, const FovHostFrame *frame, guint task);
    /* What must be done before the first task of run starts (weights that are no constants are
     * packed), and after its last has ended (partial sums are added up); tasks as of run. */
    guint n_first, n_last;
    void (*first) (const FovHostStep *step, const FovHostFrame *frame, guint task);
    void (*last) (const FovHostStep *step, const FovHostFrame *frame, guint task);
    gsize scratch_bytes; /* memory that is the step's own while it runs */
    gsize own_bytes;     /* memory that is a thread's own while it runs a task */
    gpointer state;      /* packed weights and sizes */
    GDestroyNotify free_state;
};

enum {
    FOV_CAN_PLANAR = 1,
    FOV_CAN_BLOCKED = 2,
    FOV_WANTS_BLOCKED = 4,
    FOV_READS_PLANAR = 8,   /* blocked, but input 0 stays planar where it is */
    FOV_READS_BLOCKED = 16, /* planar, but input 0 stays blocked where it is */
};

typedef struct _FovHostOp {
    /**
     * Which layouts the node may have here (FOV_CAN_*): when BLOCKED is chosen,
     * all its non-constant 4-D float inputs and outputs are blocked. 0: no
     * kernel fits the node, its reference runs instead. FOV_WANTS_BLOCKED: worth converting inputs
     * for.
     */
    guint (*formats) (const FovNode *node, int block);
    /** Zero halo wanted around input index, pixels; NULL: 0. */
    int (*halo) (const FovNode *node, guint index);
    /** Packs weights, picks the kernel, sets n_tasks, run, state. */
    gboolean (*prepare) (FovHostStep *step, GError **error);
} FovHostOp;

/** Bytes that prepare functions have taken on this thread so far: packed weights and the like. */
gsize fov_host_allocated (void);

/** Address of an operand in this frame. */
static inline void *
fov_host_ptr (const FovHostFrame *frame, const FovOperand *operand)
{
    switch (operand->place) {
    case FOV_PLACE_ARENA:
        return frame->arena + operand->offset;
    case FOV_PLACE_INPUT:
        return (void *) frame->inputs[operand->input];
    default:
        return (void *) g_bytes_get_data (operand->tensor->data, NULL);
    }
}

/* ---- what the vulkan executor needs of an op -------------------------- */

typedef struct _FovGpuProgram FovGpuProgram; /* gpu/gpu.h */

typedef struct _FovGpuOp {
    guint (*formats) (const FovNode *node, int block);
    /** Adds constants and dispatches to the program. */
    gboolean (*record) (FovGpuProgram *program, const FovStep *step, GError **error);
    /** Its kernels compute in double, which not every device can; such a node is always planar. */
    gboolean doubles;
} FovGpuOp;

/* ---- the plan --------------------------------------------------------- */

/** What the planner asks of an executor. */
typedef struct {
    int block;            /* of blocked tensors */
    gboolean use_halo;    /* host */
    gboolean copy_inputs; /* vulkan: kernels read the arena alone, inputs are copied there first */
    /** FOV_CAN_* of a node whose shapes are known; 0: the executor can not run it. */
    guint (*formats) (const FovNode *node, int block);
    /** Zero halo that a blocked node wants around input index; NULL: never any. */
    int (*halo) (const FovNode *node, guint index);
} FovPlanTarget;

typedef struct {
    FovGraph *graph;      /* owned: specialised, optimised, with layout nodes */
    FovOperand *operands; /* by tensor id */
    FovStep *steps;
    guint n_steps;
    guint n_static; /* the first n_static steps are planned; the rest (sizes depend on data) are
                       interpreted with the reference functions */
    gsize arena_bytes, naive_bytes, constant_bytes;
    gsize state_bytes; /* of arena_bytes: what is kept from run to run */
    double flops;
} FovPlan;

/**
 * Optimises the (specialised) graph for the target, chooses layouts and lays
 * out memory. Takes the graph over, also on failure.
 */
FovPlan *fov_plan_new (FovGraph *graph, const FovPlanTarget *target, GError **error);
void fov_plan_free (FovPlan *plan);

/**
 * Whether part already lies offset bytes into whole: a Concat or Split kernel has nothing to copy
 * there, since its producer wrote it in place.
 */
gboolean fov_operand_lies_at (const FovOperand *part, const FovOperand *whole, gsize offset);

/** Bytes of a tensor in a format; 0 on overflow. */
gsize fov_format_bytes (const FovFormat *format, FovDType dtype, const FovShape *shape);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovPlan, fov_plan_free)

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_BUILD_H
#define FOV_TRAIN_BUILD_H

/*
 * From a model's graph to the graph of one training step: constants become
 * states (parameters.c), the loss goes behind the output (loss.c), then come
 * gradients and the optimiser (optimise.c).
 */
#include <fovea/train.h>

#include "detect/intake.h"
#include "graph/backward.h"

#define FOV_TRAIN_MAX_PARTS 4

/** The graph of a step and what the trainer has to find in it. */
typedef struct {
    FovGraph *graph;       /* inputs: the model's, target, step */
    GPtrArray *parameters; /* FovTensor*, states that learn, in the graph's order */
    GHashTable *scales; /* FovTensor*, of parameters the biases and scales, whatever their form */
    GPtrArray *statistics; /* FovTensor*, running means and variances */
    GPtrArray *averages;   /* FovTensor*, of parameters and then statistics; empty without */
    FovTensor *target;
    FovTensor *step;  /* [FOV_STEP_N], below */
    FovTensor *apply; /* of it, where batches are added up; else NULL */
    gint64 n_labels;  /* that labels name; 0: the target has none */
    FovTensor *loss;
    FovTensor *gradient_norm;
    /* Of detectors: what the loss is the sum of, how pictures become the input, classes. */
    struct {
        const char *name;
        FovTensor *tensor;
    } parts[FOV_TRAIN_MAX_PARTS];
    guint n_parts;
    FovIntake intake;
    guint n_classes;
} FovTrainGraph;

/** Elements of the input "fov.step". */
enum {
    FOV_STEP_RATE,
    FOV_STEP_CORRECTION1, /* 1 - beta1^t */
    FOV_STEP_CORRECTION2,
    FOV_STEP_AVERAGE, /* how far averages move */
    FOV_STEP_DRAW,    /* the number of dropout's draw */
    FOV_STEP_KEEP,    /* 1: gradients are added to those of the batches before; 0: they are new */
    FOV_STEP_APPLY,   /* 1: parameters change */
    FOV_STEP_N
};

/**
 * params: complete (fov_train_complete); model: whose graph it is, or NULL. Takes graph over, also
 * on failure.
 */
gboolean fov_train_build (FovTrainGraph *t, FovGraph *graph, FovModel *model,
                          const FovTrainerParams *params, GError **error);
void fov_train_graph_clear (FovTrainGraph *t);

/** Turns what can be learned into states, and batch norms to live statistics. */
gboolean fov_train_find_parameters (FovTrainGraph *t, const FovTrainerParams *params,
                                    GError **error);
/**
 * Nodes (Add, Sub, Mul, Div) one of whose inputs is a bias or scale of a learned layer's features:
 * FovNode* -> that input's index + 1; or 0 for a node whose own parameters only fill a place, as
 * those of a group norm written as instance norm do. shapes: the graph's inputs', or NULL. NULL:
 * error set.
 */
GHashTable *fov_train_find_scales (const FovGraph *graph, const FovShape *shapes, GError **error);
/** The float32 constant that t is, or is a cast or other form of; NULL: it is none. */
FovTensor *fov_train_source (FovTensor *t);
/** Adds the target's input and the loss behind output. */
gboolean fov_train_add_loss (FovTrainGraph *t, FovTensor *output, const FovTrainerParams *params,
                             GError **error);
/** Adds "fov.step", which comes behind the target. */
void fov_train_add_step (FovTrainGraph *t);
/** One element of it, [1]. */
FovTensor *fov_train_step_element (FovGrad *g, const FovTrainGraph *t, gint64 i);
/** Puts live ones in place of the Dropouts behind the frozen part. */
gboolean fov_train_add_dropout (FovTrainGraph *t, const FovTrainerParams *params, GError **error);
/** The same for FOV_LOSS_DETECTION: of all outputs, as a detector's family says (detection.c). */
gboolean fov_train_add_detection (FovTrainGraph *t, FovModel *model, const FovTrainerParams *params,
                                  GError **error);
/** Sets the parameters' next values from their gradients. */
gboolean fov_train_add_optimiser (FovTrainGraph *t, FovTensor **gradients,
                                  const FovTrainerParams *params, GError **error);

/** Fills defaults in; FOV_ERROR_ARGUMENT names what is out of range. */
gboolean fov_train_complete (FovTrainerParams *params, GError **error);
/** The values of "fov.step" for batch t = 1, 2, ... */
void fov_train_schedule (const FovTrainerParams *params, guint64 t, float step[FOV_STEP_N]);

#endif

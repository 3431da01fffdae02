/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_DETECT_FAMILY_H
#define FOV_DETECT_FAMILY_H

/*
 * Detector families as data. A family looks at a network's outputs (concrete
 * shapes, names, what computes them) and says as FovHeads where scores and boxes
 * lie, or why it does not fit. One decoder (ops/boxes.h) does the rest.
 * Adding a family: its file, and one line in families.c.
 */
#include <fovea/labels.h>

#include "detect/intake.h"
#include "ops/boxes.h"

/** A network's output; shape as computed, or as declared where it depends on data. */
typedef struct {
    const char *name;
    FovTensor *tensor;
    FovShape shape;
} FovNetOutput;

/** What families look at. */
typedef struct {
    FovModel *model;
    FovGraph *graph; /* a specialised copy */
    FovNetOutput *outputs;
    guint n_outputs;
    int n;                     /* pictures */
    int width, height;         /* of the network input */
    guint n_labels;            /* names by labels or metadata; 0: not known */
    gboolean named;            /* it is the model's metadata that has them */
    gboolean names_background; /* the first of them is no class: "background", "???" */
    gboolean prepared;         /* the graph begins with its own normalisation of 0..255 */
    gboolean forced;           /* the user named this family: ambiguous shapes are taken */
} FovNet;

#define FOV_MATCH_INPUTS 24

typedef struct {
    FovHeads heads;
    FovTensor *inputs[FOV_MATCH_INPUTS]; /* of fov.Decode behind the frames: heads' input i is
                                            inputs[i - 1] */
    guint n_inputs;
    GBytes *priors; /* [A, 4] float32 for FOV_BOX_PRIOR, owned */
    FovIntake intake;
    const char *form; /* what was recognised: "decoded boxes, objectness times class" */
} FovMatch;

typedef struct {
    const char *name;
    const char *title;
    int width, height;   /* input where the model leaves it free */
    const char *expects; /* the shapes that would fit, for people */
    FovIntake intake;
    /** TRUE: match is filled. FALSE: *why says what stands against it (g_free). */
    gboolean (*match) (const FovNet *net, FovMatch *match, char **why);
} FovFamily;

/** All, in the order they are tried; NULL-terminated. */
extern const FovFamily *const fov_families[];

#define FOV_INTAKE_RGB_UNIT                                                                        \
    {                                                                                              \
        .fit = FOV_FIT_LETTERBOX_CENTER, .scale = { 1 / 255.0f, 1 / 255.0f, 1 / 255.0f },          \
        .pad = 114                                                                                 \
    }

/* ---- helpers ---------------------------------------------------------- */

/** Reads an output as [n pictures, rows, columns]; FALSE where it is not one. rows -1: open. */
gboolean fov_net_matrix (const FovNet *net, const FovNetOutput *output, gint64 *rows,
                         gint64 *columns);
/** Reads a 4-D output [n, channels, h, w] whose grid divides the input into square cells of
 * a power of two, 4..128: its stride, else 0. */
int fov_net_plane_stride (const FovNet *net, const FovNetOutput *output);

/** Cells of the levels stride, 2 stride, ... for n_levels. */
gint64 fov_net_cells (const FovNet *net, int stride, int n_levels);

/** Adds output to the decoder's inputs once; returns its number there. */
int fov_match_input (FovMatch *match, FovTensor *tensor);

/** A field of a [n, rows, columns] matrix: rows are anchors, columns components, or turned. */
FovField fov_matrix_field (int input, gint64 rows, gint64 columns, gint64 first_anchor,
                           int component, gboolean turned);
/** A field of planes [n, channels, h, w], from channel on. */
FovField fov_plane_field (int input, gint64 channels, gint64 cells, int channel);

/**
 * Levels stride, 2 stride, ... of one matrix, each prior after prior, cells in rows:
 * grids and steps are set, fields are the caller's. Returns the number of levels.
 */
void fov_match_levels (FovMatch *match, const FovNet *net, int stride, int n_levels, int n_priors);

/** What made a tensor's last channels, seen through moves of data. */
typedef enum { FOV_MADE_OTHER, FOV_MADE_RAW, FOV_MADE_SIGMOID, FOV_MADE_SOFTMAX } FovMadeBy;
FovMadeBy fov_made_by (const FovTensor *tensor);
/** FOV_SCORE_DONE unless raw (a convolution's result): then coding. */
int fov_score_coding_of (const FovTensor *tensor, int raw_coding);

/** An op of that name computes tensor, before any convolution is met. */
gboolean fov_made_with (const FovTensor *tensor, const char *op);
/** Boxes are in 0..1 (and not in pixels), as far as the constants of rows values tell. */
gboolean fov_boxes_normalized (const FovTensor *tensor, gint64 rows);

/** "output 'a' is 1x2x3, ..." of all outputs; g_free. */
char *fov_net_describe_outputs (const FovNet *net);

#endif

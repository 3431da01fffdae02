/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_DETECT_INTAKE_H
#define FOV_DETECT_INTAKE_H

/* A network's picture input, and how pictures become what it wants to see. */
#include "model/model.h"
#include "ops/frame.h"

/** What the network wants to see. */
typedef struct {
    gboolean bgr;
    FovFit fit;
    float mean[3], scale[3]; /* network channel order, on 0..255 */
    float pad;               /* 0..255 */
} FovIntake;

/** What the user asks for instead; NULL: as it is. */
typedef struct {
    const char *color_order, *fit;
    const float *mean, *scale;
} FovIntakeWishes;

/** Applies wishes; prepared: the graph normalises itself. FOV_ERROR_ARGUMENT for a wrong word. */
gboolean fov_intake_apply (FovIntake *intake, gboolean prepared, const FovIntakeWishes *wishes,
                           GError **error);

typedef struct {
    FovTensor *tensor; /* of the graph */
    gboolean nhwc;
    int n, width, height; /* pictures, and each one's size */
} FovPictureInput;

/** The graph's only input that is used: 1x3xHxW or 1xHxWx3. who: "a detector", for the error. */
gboolean fov_picture_input_find (FovPictureInput *input, FovGraph *graph, const char *who,
                                 GError **error);

/**
 * Gives it its shape: batch pictures of width x height (0: not asked for) where the model
 * leaves that free, else fallback's. FOV_ERROR_ARGUMENT where the model fixes something else.
 */
gboolean fov_picture_input_size (FovPictureInput *input, int batch, int width, int height,
                                 int free_width, int free_height, GError **error);

/** The graph begins with arithmetic on the pixels: it wants them as they are. */
gboolean fov_picture_input_prepares_itself (const FovPictureInput *input);

/**
 * Puts fov.Preprocess in the input's place: the graph then takes pictures U8 [n, capacity]
 * and frames I32 [n, FOV_FRAME_WORDS] as its last inputs. Returns frames, or NULL.
 */
FovTensor *fov_picture_input_attach (const FovPictureInput *input, FovGraph *graph,
                                     const FovIntake *intake, gsize capacity, GError **error);

/** tensor as that type. */
FovTensor *fov_graph_cast (FovGraph *graph, FovTensor *tensor, FovDType to, GError **error);

#endif

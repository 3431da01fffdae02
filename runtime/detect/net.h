/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_DETECT_NET_H
#define FOV_DETECT_NET_H

/* A model made ready for families to look at, and the detector's graph. */
#include <fovea/detector.h>

#include "detect/families.h"

typedef struct {
    FovNet net;
    FovPictureInput input; /* of net.graph */
    const FovFamily *family;
    FovMatch match;
    FovLabels *labels; /* of all classes, or NULL */
    int label_base;    /* labels' index of class 0 (1 where the list has the background) */
    gboolean borrowed; /* the graph is somebody else's */
} FovDetectNet;

/**
 * Recognises model. On failure error names what stands against it; report, where
 * not NULL, gets a line for each family that was tried.
 */
FovDetectNet *fov_detect_net_new (FovModel *model, const FovDetectorParams *params, GString *report,
                                  GError **error);
/**
 * Recognises model in graph, a specialised copy of its own that stays the caller's; decoder: the
 * family's name, or NULL.
 */
FovDetectNet *fov_detect_net_look (FovModel *model, FovGraph *graph, const char *decoder,
                                   GError **error);
void fov_detect_net_free (FovDetectNet *net);

/**
 * Makes match say where logits and raw boxes lie, as a loss wants them: what ends exports
 * (Sigmoid, Softmax, the mean over bins) is passed by. Scores that no logits are found for are
 * FOV_ERROR_UNSUPPORTED.
 */
gboolean fov_detect_net_cut (FovDetectNet *net, GError **error);
/** Part of it: boxes that the graph decodes against priors are read as their encodings. */
void fov_detect_net_cut_priors (FovDetectNet *net);

/**
 * The whole way as one graph: inputs pictures U8 [n, capacity] and frames;
 * outputs rows F32 [n, max_detections, 6] and counts I32 [n]. Takes net's graph.
 */
FovGraph *fov_detect_net_graph (FovDetectNet *net, gsize capacity, guint max_detections,
                                GError **error);

/** Labels for what heads find: those stated (wanted: by the user, who is believed), a file's beside
 * the model, a built-in list; or NULL. */
FovLabels *fov_detect_labels (FovModel *model, FovLabels *stated, gboolean wanted,
                              const FovHeads *heads);
/** The labels' index of class 0: 1 where they begin with the background, which is no class. */
int fov_detect_label_base (FovLabels *labels, const FovHeads *heads);
gboolean fov_detect_names_background (FovLabels *labels);
/** Those that are known before the classes are: the user's or the metadata's; or NULL. */
FovLabels *fov_detect_stated_labels (FovModel *model, FovLabels *wanted);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovDetectNet, fov_detect_net_free)

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_CHAIN_H
#define FOV_TRAIN_CHAIN_H

/*
 * The two augmentation ops as a session: from placed layers to the network's input. On params'
 * device if that is a GPU that can, else on the host.
 */
#include "train/load/scene.h"

typedef struct _FovChain FovChain;

/** params stay valid. */
FovChain *fov_chain_new (const FovLoaderParams *params, GError **error);
void fov_chain_free (FovChain *chain);

/** Picture n of the batch: its layers, with the pictures that they show. */
void fov_chain_set (FovChain *chain, guint n, const FovSceneResult *scene,
                    const FovScenePicture *pictures);
/** Runs and writes [batch, 3, height, width]; the pictures stay valid until it returns. */
gboolean fov_chain_run (FovChain *chain, float *out, GError **error);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_OPS_CTC_H
#define FOV_OPS_CTC_H

/*
 * fov.Ctc: scores [N,T,C] before softmax and labels [N,S], each ended by -1 where it is shorter, ->
 * the negative log of all alignments' probability [N] (Graves et al. 2006, eq. 8), and fov.CtcGrad:
 * dy, scores, labels -> its gradient by the scores (eq. 16).
 */
#include "graph/op.h"

typedef struct {
    gint64 blank;
} FovCtcParams;

/** Whether a fov.Ctc node can read these labels: classes of its scores but for the blank, and no
 * more than its steps have room for. Says which can not. */
gboolean fov_ctc_check_labels (const FovNode *node, const FovView *labels, GError **error);

#endif

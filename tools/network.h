/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_NETWORK_H
#define FOVEA_TOOLS_NETWORK_H

/*
 * A bare network with made-up input, for info and bench.
 */
#include <fovea/session.h>

G_BEGIN_DECLS

typedef struct {
    FovSession *session;
    FovView *inputs, *outputs;
    guint n_inputs;
} Network;

/**
 * Plans model for device. size ("WxH", or NULL) fills in a picture's free width
 * and height, batch (0: 1) its free first dimension; where a size is free and
 * none was given the error says so. The inputs are seeded noise.
 */
Network *network_new (FovDevice *device, FovModel *model, const char *size, int batch,
                      gboolean profile, GError **error);
void network_free (Network *network);

/** Runs once; seconds may be NULL. */
gboolean network_run (Network *network, double *seconds, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Network, network_free)

G_END_DECLS

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_TRAIN_SOURCE_H
#define FOVEA_TOOLS_TRAIN_SOURCE_H

/*
 * Pictures on their way to a network that is no detector: brought to size, changed by the loader's
 * chain while they teach, as they are while they are measured.
 */
#include <fovea/norms.h>

#include "train.h"

G_BEGIN_DECLS

/** How pictures are changed that a network learns from the beginning, in short runs. */
#define SOURCE_MOVED "none,flip=0.5,translate=0.06"

typedef enum {
    SOURCE_CUT,     /* the largest square in the middle */
    SOURCE_SQUEEZE, /* the whole picture */
    SOURCE_LINE,    /* a line of text: to the height, the last column fills up the width */
} SourceFit;

struct _TrainSource {
    FovData *train, *valid; /* owned; valid: perhaps without pictures */
    int width, height;      /* of the network's input */
    SourceFit fit;
    gboolean masks;
    gboolean one_sided;  /* a mirror makes another thing of it */
    gboolean alone;      /* pictures can not be put together */
    guint group;         /* so many of a class together */
    const char *augment; /* where --augment says nothing; NULL: light */
};

/** Takes data over, and keeps some apart as --validation says. */
void source_take (TrainSource *source, const TrainOptions *options, FovData *data);
void source_clear (TrainSource *source);

/** --augment's words, without what such pictures do not bear. */
gboolean source_augment (const TrainSource *source, const TrainOptions *options,
                         FovAugment *augment, GError **error);
/** Batches to learn from, or to look at (raw: values 0..255), which device changes; NULL: the host.
 * source stays where it is. */
FovLoader *source_learn (TrainSource *source, const TrainOptions *options, FovDevice *device,
                         gboolean raw, GError **error);

/* ---- pictures as they are ---------------------------------------------------- */

typedef struct _SourceWalk SourceWalk;

/** Those of one side in their order. */
SourceWalk *source_walk_new (TrainSource *source, const FovData *data, guint batch, GError **error);
void source_walk_free (SourceWalk *walk);

/** Called for each batch, whose first n pictures are meant. */
typedef gboolean (*SourceLook) (const FovBatch *batch, guint n, gpointer user_data, GError **error);

gboolean source_walk_all (SourceWalk *walk, SourceLook look, gpointer user_data, GError **error);
/** One picture, of a walk with batches of 1: a FovNormFrames' read. */
gboolean source_walk_read (guint index, FovView *inputs, gpointer walk, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SourceWalk, source_walk_free)

G_END_DECLS

#endif

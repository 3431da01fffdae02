/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_CHECKPOINT_H
#define FOV_TRAIN_CHECKPOINT_H

/*
 * Tensors by name and notes, in the safetensors format: eight bytes of length, a JSON header,
 * dense values. A digest over both is among the notes, so that damage is noticed.
 */
#include "train/trainer.h"

/**
 * Writes a file beside path, syncs it, and renames: what was at path is kept as path.1, and a
 * crash at any time leaves one of the two whole. states: of FovTrainerState; notes: char* -> char*.
 */
gboolean fov_checkpoint_write (const char *path, const GArray *states, GHashTable *notes,
                               GError **error);
/**
 * Fills the states' values, and *notes (g_hash_table_unref). Every state must be there with its
 * type and shape; on an error nothing has changed.
 */
gboolean fov_checkpoint_read (const char *path, const GArray *states, GHashTable **notes,
                              GError **error);
/** A damaged file becomes path.damaged, so that the next write does not keep it as path.1. */
void fov_checkpoint_set_aside (const char *path);

#endif

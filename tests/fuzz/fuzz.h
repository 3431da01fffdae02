/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TESTS_FUZZ_H
#define FOVEA_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <glib.h>

/**
 * One fuzz target is one fuzz_NAME.c that defines this function: it feeds size
 * bytes to a reader and returns 0. It frees all it made, for a leak counts as
 * a finding. NAME is added to the list in meson.build and its seeds, each past
 * finding included, lie in corpus/NAME.
 */
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/**
 * The bytes as a file, for a reader that wants a path. It lives in memory, is
 * rewritten by the next call, and the path belongs to the callee.
 */
const char *fuzz_file (const uint8_t *data, size_t size);

/**
 * An empty folder, in memory where the system has such a place: on a disk, a reader of folders
 * would be fuzzed no faster than files are made. The caller removes it; g_free.
 */
char *fuzz_folder (void);

/** Loads the model at path and, where it was accepted, asks it everything; aborts on a broken
 * promise. */
void fuzz_model (const char *path);

/** The bytes as a NUL-terminated string; g_free it. */
char *fuzz_string (const uint8_t *data, size_t size);

#endif

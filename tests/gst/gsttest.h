/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_GST_TEST_H
#define FOVEA_GST_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include "gstfoveaelements.h"
#include "gstfoveameta.h"

/** gst_init, and the plugin's elements inside this program. */
void test_init (int *argc, char ***argv);

/** A buffer for caps' format with every byte 0, pts = index frames of 1/30 s. */
GstBuffer *test_frame (const char *caps, guint index);

/** The same in GRAY8 with a white square; the caps must be GRAY8. */
GstBuffer *test_square (const char *caps, guint index, int x, int y, int size);

/** Puts one object onto buffer and returns its roi_id. */
int test_add_object (GstBuffer *buffer, int width, int height, double x_min, double y_min,
                     double x_max, double y_max, const char *label);

/** What a tracker would say of the last object that test_add_object put onto buffer. */
void test_set_track (GstBuffer *buffer, gint64 id, FovTrackState state, FovTrackReason reason);

/** The first message of that type within a second, or NULL; unref it. */
GstMessage *test_wait_message (GstBus *bus, GstMessageType type);

/** A new directory for the test's files, removed with test_remove_dir. */
char *test_make_dir (void);
void test_remove_dir (char *dir);

/** Resident memory, bytes. */
gsize test_rss (void);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_FOVEA_VIDEO_H
#define GST_FOVEA_VIDEO_H

#include <fovea/image.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

/** Raw video that every Fovea element takes. */
#define GST_FOVEA_VIDEO_FORMATS "{ NV12, I420, RGB, BGR, RGBx, BGRx, RGBA, BGRA, GRAY8 }"

/**
 * Points image at a mapped frame's planes, with its colour matrix and range.
 * Owns nothing: image is good as long as frame is mapped. FALSE with error
 * where the frame is of another format or its planes do not fit its memory.
 */
gboolean gst_fovea_image_from_frame (FovImage *image, const GstVideoFrame *frame, GError **error);

/**
 * Do all rows of each plane of a picture of info's format lie inside buffer?
 * FALSE with FOV_ERROR_FORMAT that names the plane and what it lacks.
 */
gboolean gst_fovea_frame_check (const GstVideoInfo *info, GstBuffer *buffer, GError **error);

/**
 * Maps buffer as a picture of info's format. Unlike gst_video_frame_map alone,
 * it checks the memory before anything is read and says what does not fit.
 */
gboolean gst_fovea_frame_map (GstVideoFrame *frame, const GstVideoInfo *info, GstBuffer *buffer,
                              GstMapFlags flags, GError **error);

/** Posts error as the element message that fits its code; the element is bus-owned as usual. */
void gst_fovea_post_error (gpointer element, const GError *error, const char *what);

/** The same as a warning. */
void gst_fovea_post_warning (gpointer element, const GError *error, const char *what);

G_END_DECLS

#endif

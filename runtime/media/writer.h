/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_MEDIA_WRITER_H
#define FOVEA_MEDIA_WRITER_H

#include "picture.h"

/** An encoder with its input picture. */
typedef struct {
    AVCodecContext *context;
    AVFrame *picture; /* in the encoder's format and (padded) size */
    AVPacket *packet;
    FovScaler scaler;
} FovEncoder;

/** Allocates; the caller sets context's options, then calls fov_encoder_start. */
gboolean fov_encoder_init (FovEncoder *encoder, const AVCodec *codec, GError **error);
gboolean fov_encoder_start (FovEncoder *encoder, GError **error);
void fov_encoder_clear (FovEncoder *encoder);

/** Sends image (at most the encoder's size; the rest repeats its edge) as number pts. */
gboolean fov_encoder_send (FovEncoder *encoder, const FovImage *image, gint64 pts, GError **error);

/** The next packet of encoder->packet: 0, AVERROR (EAGAIN), AVERROR_EOF or an error. */
int fov_encoder_receive (FovEncoder *encoder);

/** True where path ends in .png, .jpg or .jpeg. */
gboolean fov_still_is (const char *path);

/** Encodes image by path's suffix and writes the file whole or not at all. */
gboolean fov_still_save (const FovImage *image, const char *path, GError **error);

/**
 * Splits "dir/%05d.png" into what stands before and after its one %d field,
 * which is width digits wide. FALSE where there is no such field.
 */
gboolean fov_still_pattern (const char *path, char **before, int *width, char **after);

#endif

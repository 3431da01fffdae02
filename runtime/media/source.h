/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_MEDIA_SOURCE_H
#define FOVEA_MEDIA_SOURCE_H

#include "ffmpeg.h"

/** How long a network stream or a device may stay silent. */
#define FOV_SOURCE_TIMEOUT_SECONDS 10

/** What ends a blocking call early. Outlives the sources that point at it. */
typedef struct {
    int cancelled;   /* atomic */
    gint64 deadline; /* g_get_monotonic_time, 0: none */
} FovInterrupt;

/** What comes out beside the pictures. */
typedef enum { FOV_SOURCE_PLAIN, FOV_SOURCE_MOTION } FovSourceWants;

typedef enum {
    FOV_SOURCE_FILE,   /* a local file; what is in it is found by its content */
    FOV_SOURCE_STILL,  /* a local image file; its name has no meaning to FFmpeg */
    FOV_SOURCE_MEMORY, /* an image file's bytes */
    FOV_SOURCE_URL,    /* a network address */
    FOV_SOURCE_DEVICE, /* a V4L2 device */
} FovSourceKind;

/** One opened input and the decoder of its video stream. */
typedef struct {
    char *name;
    FovSourceKind kind;
    FovInterrupt *interrupt;
    AVFormatContext *format;
    AVIOContext *io; /* our own where kind is STILL or MEMORY */
    GBytes *bytes;   /* MEMORY */
    gsize at;        /* of bytes: read so far */
    AVStream *stream;
    AVCodecContext *decoder;
    AVPacket *packet;
    gboolean live, draining;
    guint64 decoded, damaged;
    char *reason; /* of the first damaged packet */
} FovSource;

/** The kind of a path or URL that is no glob. */
FovSourceKind fov_source_guess (const char *name);

FovSource *fov_source_open (const char *name, FovSourceKind kind, FovSourceWants wants,
                            FovInterrupt *interrupt, GError **error);
/** An image file's bytes; name is for messages. */
FovSource *fov_source_open_bytes (GBytes *bytes, const char *name, FovInterrupt *interrupt,
                                  GError **error);
void fov_source_free (FovSource *source);

/**
 * Decodes the next picture into frame. FALSE with no error at the end; a
 * source in which nothing at all could be decoded ends with an error.
 */
gboolean fov_source_next (FovSource *source, AVFrame *frame, GError **error);

/** True for a file that holds one picture and no sequence. */
gboolean fov_source_is_still (const FovSource *source);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovSource, fov_source_free)

#endif

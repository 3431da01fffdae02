/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_MEDIA_FFMPEG_H
#define FOVEA_MEDIA_FFMPEG_H

#include <fovea/media.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>

/** No picture larger than this is decoded or written: a header's claim is not trusted. */
#define FOV_MEDIA_MAX_PIXELS ((gint64) 1 << 28)

/**
 * Registers devices and the network once, sends FFmpeg's log to g_debug, and
 * forgets this thread's last error line. Each public function starts with it.
 */
void fov_media_begin (void);

/** "REASON (last error line that FFmpeg logged in this thread)"; g_free it. */
char *fov_media_reason (int averror);

/** Sets error to "MESSAGE: REASON" with the FovErrorCode that fits averror. */
void fov_media_set_error (GError **error, int averror, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static inline void
fov_media_free_frame (AVFrame *frame)
{
    av_frame_free (&frame);
}

static inline void
fov_media_free_packet (AVPacket *packet)
{
    av_packet_free (&packet);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (AVFrame, fov_media_free_frame)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AVPacket, fov_media_free_packet)

#endif

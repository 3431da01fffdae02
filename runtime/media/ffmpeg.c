/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <libavdevice/avdevice.h>
#include "ffmpeg.h"

static _Thread_local char last_error[512];

/* "[demuxer @ 0x5581] text" -> "text" */
static const char *
without_prefix (const char *line)
{
    while (*line == '[') {
        const char *end = strstr (line, "] ");

        if (!end)
            break;
        line = end + 2;
    }
    return line;
}

/* FFmpeg logs a line in pieces; prefix says that a piece ended one. */
static void
on_log (void *object, int level, const char *format, va_list args)
{
    static _Thread_local char line[1024];
    static _Thread_local int prefix = 1;
    char piece[1024];

    if (level > AV_LOG_INFO)
        return;
    av_log_format_line2 (object, level, format, args, piece, sizeof piece, &prefix);
    g_strlcat (line, piece, sizeof line);
    if (!prefix && strlen (line) < sizeof line - 1)
        return;
    g_strchomp (line);
    g_debug ("FFmpeg: %s", line);
    if (level <= AV_LOG_ERROR)
        g_strlcpy (last_error, without_prefix (line), sizeof last_error);
    line[0] = 0;
}

static gpointer
init (gpointer unused)
{
    av_log_set_callback (on_log);
    avdevice_register_all ();
    avformat_network_init ();
    return NULL;
}

void
fov_media_begin (void)
{
    static GOnce once = G_ONCE_INIT;

    g_once (&once, init, NULL);
    last_error[0] = 0;
}

static FovErrorCode
code_of (int averror)
{
    switch (averror) {
    case AVERROR_INVALIDDATA:
    case AVERROR_EOF:
        return FOV_ERROR_FORMAT;
    case AVERROR_DECODER_NOT_FOUND:
    case AVERROR_DEMUXER_NOT_FOUND:
    case AVERROR_ENCODER_NOT_FOUND:
    case AVERROR_MUXER_NOT_FOUND:
    case AVERROR_PROTOCOL_NOT_FOUND:
    case AVERROR_PATCHWELCOME:
    case AVERROR (ENOSYS):
        return FOV_ERROR_UNSUPPORTED;
    case AVERROR (ENOMEM):
        return FOV_ERROR_MEMORY;
    case AVERROR (ENODEV):
        return FOV_ERROR_DEVICE;
    default:
        return FOV_ERROR_IO;
    }
}

char *
fov_media_reason (int averror)
{
    char text[AV_ERROR_MAX_STRING_SIZE];

    if (averror == AVERROR_EOF)
        g_strlcpy (text, "the data ends too early", sizeof text);
    else
        av_strerror (averror, text, sizeof text);
    if (!last_error[0] || strstr (last_error, text))
        return g_strdup (last_error[0] ? last_error : text);
    return g_strdup_printf ("%s (%s)", text, last_error);
}

void
fov_media_set_error (GError **error, int averror, const char *format, ...)
{
    g_autofree char *reason = fov_media_reason (averror);
    g_autofree char *message = NULL;
    va_list args;

    va_start (args, format);
    message = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (error, FOV_ERROR, code_of (averror), "%s: %s", message, reason);
}

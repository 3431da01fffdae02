/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include "jpeg.h"
#include "picture.h"
#include "source.h"

/* After this many failures in a row a container's or a decoder's end is taken for granted. */
enum { MAX_FAILURES = 256 };

/* FovImage's limit. */
enum { MAX_SIDE = 32768 };

static const char *const still_suffixes[] = { ".jpg",  ".jpeg", ".png", ".bmp", ".tif",
                                              ".tiff", ".webp", ".ppm", ".pgm", ".pnm" };

FovSourceKind
fov_source_guess (const char *name)
{
    if (strstr (name, "://"))
        return FOV_SOURCE_URL;
    if (g_str_has_prefix (name, "/dev/video"))
        return FOV_SOURCE_DEVICE;
    for (guint i = 0; i < G_N_ELEMENTS (still_suffixes); i++) {
        gsize length = strlen (name), suffix = strlen (still_suffixes[i]);

        if (length > suffix && g_ascii_strcasecmp (name + length - suffix, still_suffixes[i]) == 0)
            return FOV_SOURCE_STILL;
    }
    return FOV_SOURCE_FILE;
}

static int
interrupted (void *data)
{
    FovInterrupt *interrupt = data;

    return g_atomic_int_get (&interrupt->cancelled) ||
           (interrupt->deadline && g_get_monotonic_time () > interrupt->deadline);
}

/* A local file may be as slow as it likes; only a peer that went away is to be noticed. */
static void
start_clock (FovSource *source)
{
    gboolean timed = source->kind == FOV_SOURCE_URL || source->kind == FOV_SOURCE_DEVICE;

    source->interrupt->deadline =
        timed ? g_get_monotonic_time () + FOV_SOURCE_TIMEOUT_SECONDS * G_USEC_PER_SEC : 0;
}

static gboolean
check_cancelled (FovSource *source, GError **error)
{
    if (!g_atomic_int_get (&source->interrupt->cancelled))
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_CANCELLED, "reading '%s' was cancelled", source->name);
    return FALSE;
}

static gboolean
fail (FovSource *source, int ret, const char *what, GError **error)
{
    if (!check_cancelled (source, error))
        return FALSE;
    if (ret == AVERROR_EXIT)
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "cannot %s '%s': no data for %d seconds", what,
                     source->name, FOV_SOURCE_TIMEOUT_SECONDS);
    else
        fov_media_set_error (error, ret, "cannot %s '%s'", what, source->name);
    return FALSE;
}

static int
read_memory (void *data, guint8 *buffer, int size)
{
    FovSource *source = data;
    gsize length, n;
    const guint8 *bytes = g_bytes_get_data (source->bytes, &length);

    n = MIN (length - source->at, (gsize) size);
    if (!n)
        return AVERROR_EOF;
    memcpy (buffer, bytes + source->at, n);
    source->at += n;
    return (int) n;
}

static int64_t
seek_memory (void *data, int64_t offset, int whence)
{
    FovSource *source = data;
    const int64_t length = (int64_t) g_bytes_get_size (source->bytes);
    int64_t at = offset;

    if (whence & AVSEEK_SIZE)
        return length;
    whence &= ~AVSEEK_FORCE;
    if (whence != SEEK_SET)
        at += whence == SEEK_CUR ? (int64_t) source->at : length;
    if (at < 0 || at > length)
        return AVERROR (EINVAL);
    source->at = (gsize) at;
    return at;
}

static int
open_memory (FovSource *source)
{
    enum { BUFFER = 32768 };
    guint8 *buffer = av_malloc (BUFFER);

    if (!buffer)
        return AVERROR (ENOMEM);
    source->io = avio_alloc_context (buffer, BUFFER, 0, source, read_memory, NULL, seek_memory);
    if (source->io)
        return 0;
    av_free (buffer);
    return AVERROR (ENOMEM);
}

static void
close_io (FovSource *source)
{
    if (source->kind != FOV_SOURCE_MEMORY || !source->io) {
        avio_closep (&source->io);
        return;
    }
    av_freep (&source->io->buffer);
    avio_context_free (&source->io);
}

/*
 * A still is handed over as bytes without its name: a '%' or '*' in the name
 * would otherwise be taken for a pattern, and the suffix for the format.
 */
static int
open_format (FovSource *source)
{
    g_autofree char *file = g_strconcat ("file:", source->name, NULL);
    const AVInputFormat *input = NULL;
    AVDictionary *options = NULL;
    const char *url = file;
    int ret;

    source->format = avformat_alloc_context ();
    if (!source->format)
        return AVERROR (ENOMEM);
    source->format->interrupt_callback = (AVIOInterruptCB){ interrupted, source->interrupt };
    if (source->kind == FOV_SOURCE_STILL) {
        ret = avio_open2 (&source->io, file, AVIO_FLAG_READ, &source->format->interrupt_callback,
                          NULL);
        if (ret < 0)
            return ret;
        source->format->pb = source->io;
        url = NULL;
    } else if (source->kind == FOV_SOURCE_MEMORY) {
        ret = open_memory (source);
        if (ret < 0)
            return ret;
        source->format->pb = source->io;
        url = NULL;
    } else if (source->kind == FOV_SOURCE_DEVICE) {
        input = av_find_input_format ("v4l2");
        if (!input)
            return AVERROR_DEMUXER_NOT_FOUND;
        source->format->flags |= AVFMT_FLAG_NONBLOCK;
        url = source->name;
    } else if (source->kind == FOV_SOURCE_URL) {
        av_dict_set (&options, "rtsp_transport", "tcp", 0);
        url = source->name;
    }
    /* On failure this frees format. */
    ret = avformat_open_input (&source->format, url, input, &options);
    av_dict_free (&options);
    return ret;
}

static gboolean
is_live (const FovSource *source)
{
    static const char *const schemes[] = { "rtsp", "rtsps", "rtmp", "rtp", "udp", "srt", "tcp" };
    g_autofree char *scheme = NULL;

    if (source->kind == FOV_SOURCE_DEVICE)
        return TRUE;
    if (source->kind != FOV_SOURCE_URL)
        return FALSE;
    scheme = g_uri_parse_scheme (source->name);
    for (guint i = 0; i < G_N_ELEMENTS (schemes); i++) {
        if (scheme && g_ascii_strcasecmp (scheme, schemes[i]) == 0)
            return TRUE;
    }
    return source->format->duration == AV_NOPTS_VALUE && !fov_source_is_still (source);
}

/* Only the video stream is read from here on. */
static gboolean
choose_stream (FovSource *source, const AVCodec **codec, GError **error)
{
    int index = av_find_best_stream (source->format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);

    if (index < 0) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "'%s' has no video: it was read as %s with %u other streams", source->name,
                     source->format->iformat->name, source->format->nb_streams);
        return FALSE;
    }
    source->stream = source->format->streams[index];
    for (guint i = 0; i < source->format->nb_streams; i++) {
        if ((int) i != index)
            source->format->streams[i]->discard = AVDISCARD_ALL;
    }
    *codec = avcodec_find_decoder (source->stream->codecpar->codec_id);
    if (*codec)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED, "'%s': FFmpeg has no decoder for %s",
                 source->name, avcodec_get_name (source->stream->codecpar->codec_id));
    return FALSE;
}

static int
open_decoder (FovSource *source, const AVCodec *codec, FovSourceWants wants)
{
    int ret;

    source->packet = av_packet_alloc ();
    source->decoder = avcodec_alloc_context3 (codec);
    if (!source->packet || !source->decoder)
        return AVERROR (ENOMEM);
    ret = avcodec_parameters_to_context (source->decoder, source->stream->codecpar);
    if (ret < 0)
        return ret;
    source->decoder->pkt_timebase = source->stream->time_base;
    source->decoder->max_pixels = FOV_MEDIA_MAX_PIXELS;
    if (wants == FOV_SOURCE_MOTION)
        source->decoder->flags2 |= AV_CODEC_FLAG2_EXPORT_MVS;
    source->decoder->thread_count = fov_source_is_still (source) ? 1 : 0;
    /* What a cut JPEG lacks would be plain green. Only this decoder has to be told: the others
     * refuse by themselves, and TIFF's would refuse sound files. */
    if (fov_source_is_still (source) && codec->id == AV_CODEC_ID_MJPEG)
        source->decoder->err_recognition |= AV_EF_EXPLODE;
    if (source->live) {
        /* Frame threads would hold back one frame each. */
        source->decoder->flags |= AV_CODEC_FLAG_LOW_DELAY;
        source->decoder->thread_type = FF_THREAD_SLICE;
    }
    return avcodec_open2 (source->decoder, codec, NULL);
}

static FovSource *
open_source (const char *name, GBytes *bytes, FovSourceKind kind, FovSourceWants wants,
             FovInterrupt *interrupt, GError **error)
{
    g_autoptr (FovSource) source = g_new0 (FovSource, 1);
    const AVCodec *codec = NULL;
    int ret;

    fov_media_begin ();
    source->name = g_strdup (name);
    source->kind = kind;
    source->bytes = bytes ? g_bytes_ref (bytes) : NULL;
    source->interrupt = interrupt;
    start_clock (source);
    ret = open_format (source);
    /* Stills and devices say all in their header; the rest is known after some decoding. */
    if (ret >= 0 && (kind == FOV_SOURCE_FILE || kind == FOV_SOURCE_URL))
        ret = avformat_find_stream_info (source->format, NULL);
    if (ret < 0) {
        fail (source, ret, "open", error);
        return NULL;
    }
    source->live = is_live (source);
    if (!choose_stream (source, &codec, error))
        return NULL;
    ret = open_decoder (source, codec, wants);
    if (ret < 0) {
        fail (source, ret, "decode", error);
        return NULL;
    }
    return g_steal_pointer (&source);
}

FovSource *
fov_source_open (const char *name, FovSourceKind kind, FovSourceWants wants,
                 FovInterrupt *interrupt, GError **error)
{
    return open_source (name, NULL, kind, wants, interrupt, error);
}

FovSource *
fov_source_open_bytes (GBytes *bytes, const char *name, FovInterrupt *interrupt, GError **error)
{
    return open_source (name, bytes, FOV_SOURCE_MEMORY, FOV_SOURCE_PLAIN, interrupt, error);
}

void
fov_source_free (FovSource *source)
{
    if (!source)
        return;
    avcodec_free_context (&source->decoder);
    av_packet_free (&source->packet);
    avformat_close_input (&source->format);
    close_io (source);
    g_clear_pointer (&source->bytes, g_bytes_unref);
    g_free (source->reason);
    g_free (source->name);
    g_free (source);
}

static gboolean
is_one_picture (const FovSource *source)
{
    return source->kind == FOV_SOURCE_STILL || source->kind == FOV_SOURCE_MEMORY;
}

gboolean
fov_source_is_still (const FovSource *source)
{
    return is_one_picture (source) || g_str_has_suffix (source->format->iformat->name, "_pipe");
}

static void
count_damage (FovSource *source, int ret)
{
    source->damaged++;
    if (!source->reason)
        source->reason = fov_media_reason (ret);
}

static gboolean
accept (FovSource *source, AVFrame *frame)
{
    if (MAX (frame->width, frame->height) > MAX_SIDE) {
        if (!source->reason)
            source->reason = g_strdup_printf ("a picture of %dx%d pixels, at most %d a side",
                                              frame->width, frame->height, MAX_SIDE);
        source->damaged++;
        return FALSE;
    }
    source->decoded++;
    if (fov_source_is_still (source))
        fov_picture_tag_still (frame);
    return TRUE;
}

static gboolean
turn_upright (const FovSource *source, AVFrame *frame, GError **error)
{
    if (fov_picture_turn_upright (frame, error))
        return TRUE;
    g_prefix_error (error, "'%s': ", source->name);
    return FALSE;
}

/*
 * Reads one packet of any stream; a device that has none yet is asked again a
 * millisecond later: FFmpeg hands out nothing to wait on, and its blocking read
 * of a device can not be cancelled.
 */
static int
read_packet (FovSource *source)
{
    int failures = 0;

    start_clock (source);
    for (;;) {
        int ret = av_read_frame (source->format, source->packet);

        if (ret == AVERROR (EAGAIN)) {
            if (interrupted (source->interrupt))
                return AVERROR_EXIT;
            g_usleep (1000);
        } else if (ret == AVERROR_INVALIDDATA) {
            count_damage (source, ret);
            if (++failures == MAX_FAILURES)
                return AVERROR_EOF;
        } else {
            return ret;
        }
    }
}

/* A file's last bytes may be missing without the decoder's notice. */
static gboolean
is_cut (FovSource *source)
{
    if (!is_one_picture (source) || source->decoder->codec_id != AV_CODEC_ID_MJPEG ||
        fov_jpeg_ends (source->packet->data, (gsize) source->packet->size))
        return FALSE;
    if (!source->reason)
        source->reason = g_strdup ("the end is missing, the file was cut off");
    return TRUE;
}

/* Gives the decoder one packet, or the end. */
static int
feed (FovSource *source)
{
    int ret = read_packet (source);

    if (ret == AVERROR_EOF) {
        source->draining = TRUE;
        ret = avcodec_send_packet (source->decoder, NULL);
        return ret == AVERROR_EOF ? 0 : ret;
    }
    if (ret < 0)
        return ret;
    if (source->packet->stream_index == source->stream->index) {
        ret = source->packet->flags & AV_PKT_FLAG_CORRUPT || is_cut (source)
                  ? AVERROR_INVALIDDATA
                  : avcodec_send_packet (source->decoder, source->packet);
        if (ret < 0 && ret != AVERROR (ENOMEM)) {
            count_damage (source, ret);
            ret = 0;
        }
    }
    av_packet_unref (source->packet);
    return MIN (ret, 0);
}

static gboolean
at_end (FovSource *source, GError **error)
{
    if (source->decoded == 0)
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "'%s': no picture could be decoded (%s): %s", source->name,
                     source->decoder->codec->name,
                     source->reason ? source->reason : "there are no packets");
    return FALSE;
}

gboolean
fov_source_next (FovSource *source, AVFrame *frame, GError **error)
{
    int failures = 0;

    for (;;) {
        int ret;

        if (!check_cancelled (source, error))
            return FALSE;
        if (is_one_picture (source) && source->damaged) /* what follows it may be a preview */
            return at_end (source, error);
        ret = avcodec_receive_frame (source->decoder, frame);
        if (ret == 0 && accept (source, frame))
            return !fov_source_is_still (source) || turn_upright (source, frame, error);
        if (ret == 0)
            continue;
        if (ret == AVERROR_EOF)
            return at_end (source, error);
        if (ret == AVERROR (EAGAIN)) {
            ret = source->draining ? AVERROR_EOF : feed (source);
            if (ret == AVERROR_EOF)
                return at_end (source, error);
            if (ret < 0)
                return fail (source, ret, "read", error);
        } else if (ret == AVERROR (ENOMEM)) {
            return fail (source, ret, "decode", error);
        } else {
            count_damage (source, ret);
            if (source->draining && ++failures == MAX_FAILURES)
                return at_end (source, error);
        }
    }
}

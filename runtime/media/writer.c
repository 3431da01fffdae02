/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <libavutil/opt.h>
#include "writer.h"

#define NS 1000000000

/* When a picture that is still in the encoder is to be shown. */
typedef struct {
    gint64 number, ticks;
} Pending;

struct _FovWriter {
    char *path;
    int width, height;
    gboolean failed;
    gint64 first, last, count; /* pts in ns; pictures so far */
    /* stills */
    gboolean still;
    char *before, *after;
    int digits;
    /* video */
    const char *const *encoders; /* in the order of preference */
    AVRational rate, ticks;      /* ticks: what pictures are placed on */
    gint64 last_ticks;
    FovEncoder encoder;
    AVFormatContext *format;
    AVStream *stream;
    GQueue pending;
};

static const char *const h264_or_mpeg4[] = { "libopenh264", "mpeg4", NULL };
static const char *const vp8[] = { "libvpx", NULL };

static const struct {
    const char *suffix, *muxer;
    const char *const *encoders;
    gboolean constant; /* the container can only hold a constant rate */
} containers[] = {
    { ".mp4", "mp4", h264_or_mpeg4, FALSE },
    { ".mov", "mov", h264_or_mpeg4, FALSE },
    { ".mkv", "matroska", h264_or_mpeg4, FALSE },
    { ".avi", "avi", h264_or_mpeg4, TRUE },
    { ".webm", "webm", vp8, FALSE },
};

/* Their licence would become that of every program that writes a video. */
static gboolean
is_gpl (const char *encoder)
{
    return g_str_has_prefix (encoder, "libx26") || g_str_equal (encoder, "libxvid") ||
           g_str_has_prefix (encoder, "libxavs");
}

static const AVCodec *
find_encoder (FovWriter *writer, const FovWriterParams *params, GError **error)
{
    const char *wanted[] = { params->encoder, NULL };
    const char *const *names = params->encoder ? wanted : writer->encoders;
    g_autofree char *list = g_strjoinv (" or ", (char **) names);

    for (int i = 0; names[i]; i++) {
        const AVCodec *codec = avcodec_find_encoder_by_name (names[i]);

        if (is_gpl (names[i])) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                         "the encoder %s is under the GPL and is never used", names[i]);
            return NULL;
        }
        if (codec && codec->type == AVMEDIA_TYPE_VIDEO &&
            avformat_query_codec (writer->format->oformat, codec->id, FF_COMPLIANCE_NORMAL) == 1)
            return codec;
    }
    g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                 "FFmpeg has no video encoder %s that fits into a %s file", list,
                 writer->format->oformat->name);
    return NULL;
}

static enum AVPixelFormat
choose_format (const AVCodec *codec)
{
    static const enum AVPixelFormat liked[] = { AV_PIX_FMT_YUV420P, AV_PIX_FMT_NV12,
                                                AV_PIX_FMT_YUVJ420P };

    for (guint i = 0; i < G_N_ELEMENTS (liked); i++) {
        for (int k = 0; codec->pix_fmts && codec->pix_fmts[k] != AV_PIX_FMT_NONE; k++) {
            if (codec->pix_fmts[k] == liked[i])
                return liked[i];
        }
    }
    return codec->pix_fmts ? AV_PIX_FMT_NONE : AV_PIX_FMT_YUV420P;
}

/*
 * The encoder counts pictures (MPEG-4's rate control takes its time base for
 * the rate); their real times are put on the packets afterwards, which come
 * in the same order because there are no B-pictures.
 */
static gboolean
set_options (FovWriter *writer, const FovWriterParams *params, GError **error)
{
    AVCodecContext *context = writer->encoder.context;
    double pixels = (double) writer->width * writer->height;
    double bits = 0.12 * pixels * av_q2d (writer->rate);

    context->pix_fmt = choose_format (context->codec);
    if (context->pix_fmt == AV_PIX_FMT_NONE) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "the encoder %s takes no 8-bit 4:2:0 pictures", context->codec->name);
        return FALSE;
    }
    context->width = (writer->width + 1) & ~1;
    context->height = (writer->height + 1) & ~1;
    context->time_base = av_inv_q (writer->rate);
    context->framerate = writer->rate;
    context->bit_rate = params->bitrate > 0 ? params->bitrate : (gint64) MAX (bits, 64000);
    context->gop_size = (int) CLAMP (2 * av_q2d (writer->rate), 1, 250);
    context->max_b_frames = 0;
    /* What a reader assumes where nothing is written. */
    context->colorspace = writer->height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
    context->color_range =
        context->pix_fmt == AV_PIX_FMT_YUVJ420P ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    if (writer->format->oformat->flags & AVFMT_GLOBALHEADER)
        context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (g_str_has_prefix (context->codec->name, "libvpx")) {
        av_opt_set (context->priv_data, "deadline", "realtime", 0);
        av_opt_set_int (context->priv_data, "cpu-used", 4, 0);
        av_opt_set_int (context->priv_data, "lag-in-frames", 0, 0);
    }
    return TRUE;
}

static int
open_file (FovWriter *writer)
{
    AVCodecContext *context = writer->encoder.context;
    g_autofree char *url = g_strconcat ("file:", writer->path, NULL);
    int ret;

    writer->stream = avformat_new_stream (writer->format, NULL);
    if (!writer->stream)
        return AVERROR (ENOMEM);
    ret = avcodec_parameters_from_context (writer->stream->codecpar, context);
    if (ret < 0)
        return ret;
    writer->stream->time_base = writer->ticks;
    writer->stream->avg_frame_rate = writer->rate;
    ret = avio_open (&writer->format->pb, url, AVIO_FLAG_WRITE);
    return ret < 0 ? ret : avformat_write_header (writer->format, NULL);
}

static gboolean
open_video (FovWriter *writer, const FovWriterParams *params, GError **error)
{
    const AVCodec *codec;
    guint i;
    int ret;

    for (i = 0; i < G_N_ELEMENTS (containers); i++) {
        g_autofree char *lower = g_ascii_strdown (writer->path, -1);

        if (g_str_has_suffix (lower, containers[i].suffix))
            break;
    }
    if (i == G_N_ELEMENTS (containers)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "the name must end in .mp4, .mkv, .avi, .webm, .mov, .png or .jpg");
        return FALSE;
    }
    writer->encoders = containers[i].encoders;
    writer->ticks = containers[i].constant ? av_inv_q (writer->rate) : (AVRational){ 1, 90000 };
    ret = avformat_alloc_output_context2 (&writer->format, NULL, containers[i].muxer, NULL);
    if (ret < 0) {
        fov_media_set_error (error, ret, "%s", containers[i].muxer);
        return FALSE;
    }
    codec = find_encoder (writer, params, error);
    if (!codec || !fov_encoder_init (&writer->encoder, codec, error) ||
        !set_options (writer, params, error) || !fov_encoder_start (&writer->encoder, error))
        return FALSE;
    ret = open_file (writer);
    if (ret < 0)
        fov_media_set_error (error, ret, "%s", containers[i].muxer);
    return ret >= 0;
}

static gboolean
check_arguments (const char *path, int width, int height, const FovWriterParams *params,
                 GError **error)
{
    if (!path || !*path)
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "no file to write: the name is empty");
    else if (width < 1 || height < 1 || width > 32768 || height > 32768 ||
             (gint64) width * height > FOV_MEDIA_MAX_PIXELS)
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "cannot write '%s': a size of %dx%d pixels, expected 1..32768 a side and at "
                     "most 2^28 in all",
                     path, width, height);
    else if (params->fps_num < 0 || params->fps_den < 0 || params->bitrate < 0 ||
             params->bitrate > G_MAXINT32)
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "cannot write '%s': rate %d/%d and bitrate %" G_GINT64_FORMAT
                     ", expected 0 or positive figures below 2^31",
                     path, params->fps_num, params->fps_den, params->bitrate);
    else
        return TRUE;
    return FALSE;
}

static AVRational
rate_of (const FovWriterParams *params)
{
    AVRational rate = { 25, 1 };

    /* MPEG-4 keeps the rate in 16 bits. */
    if (params->fps_num > 0)
        av_reduce (&rate.num, &rate.den, params->fps_num, MAX (params->fps_den, 1), 60000);
    return rate.num > 0 && rate.den > 0 ? rate : (AVRational){ 25, 1 };
}

/* Frees without writing anything more. */
static void
discard (FovWriter *writer)
{
    fov_encoder_clear (&writer->encoder);
    if (writer->format)
        avio_closep (&writer->format->pb);
    avformat_free_context (writer->format);
    writer->format = NULL;
    g_queue_clear_full (&writer->pending, g_free);
}

static void
destroy (FovWriter *writer)
{
    discard (writer);
    g_free (writer->before);
    g_free (writer->after);
    g_free (writer->path);
    g_free (writer);
}

FovWriter *
fov_writer_open (const char *path, int width, int height, const FovWriterParams *params,
                 GError **error)
{
    const FovWriterParams none = { 0 };
    GError *local = NULL;
    FovWriter *writer;

    fov_media_begin ();
    params = params ? params : &none;
    if (!check_arguments (path, width, height, params, error))
        return NULL;
    writer = g_new0 (FovWriter, 1);
    writer->path = g_strdup (path);
    writer->width = width;
    writer->height = height;
    writer->last_ticks = -1;
    writer->rate = rate_of (params);
    g_queue_init (&writer->pending);
    writer->still = fov_still_is (path);
    if (writer->still)
        fov_still_pattern (path, &writer->before, &writer->digits, &writer->after);
    else if (!open_video (writer, params, &local)) {
        g_propagate_prefixed_error (error, local, "cannot write '%s': ", path);
        destroy (writer);
        return NULL;
    }
    return writer;
}

static gboolean
write_still (FovWriter *writer, const FovImage *image, GError **error)
{
    g_autofree char *path = NULL;

    if (writer->before)
        path = g_strdup_printf ("%s%0*" G_GINT64_FORMAT "%s", writer->before, writer->digits,
                                writer->count, writer->after);
    else if (writer->count > 0) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "'%s' holds one image; more need a pattern such as %%05d.png", writer->path);
        return FALSE;
    }
    return fov_still_save (image, path ? path : writer->path, error);
}

/* Moves finished packets into the file. */
static int
drain (FovWriter *writer)
{
    for (;;) {
        AVPacket *packet = writer->encoder.packet;
        g_autofree Pending *shown = NULL;
        int ret = fov_encoder_receive (&writer->encoder);

        if (ret < 0)
            return ret == AVERROR (EAGAIN) || ret == AVERROR_EOF ? 0 : ret;
        /* A picture that the encoder dropped has no packet. */
        do {
            g_clear_pointer (&shown, g_free);
            shown = g_queue_pop_head (&writer->pending);
        } while (shown && shown->number < packet->pts);
        if (!shown)
            return AVERROR_BUG;
        packet->pts = packet->dts = shown->ticks;
        packet->duration = av_rescale_q (1, av_inv_q (writer->rate), writer->ticks);
        packet->stream_index = writer->stream->index;
        av_packet_rescale_ts (packet, writer->ticks, writer->stream->time_base);
        ret = av_interleaved_write_frame (writer->format, packet);
        if (ret < 0)
            return ret;
    }
}

static gboolean
write_video (FovWriter *writer, const FovImage *image, gint64 pts, GError **error)
{
    Pending *shown = g_new (Pending, 1);
    int ret;

    shown->number = writer->count;
    shown->ticks = MAX (av_rescale_q (pts - writer->first, (AVRational){ 1, NS }, writer->ticks),
                        writer->last_ticks + 1);
    writer->last_ticks = shown->ticks;
    g_queue_push_tail (&writer->pending, shown);
    if (!fov_encoder_send (&writer->encoder, image, writer->count, error)) {
        g_prefix_error (error, "cannot write '%s': ", writer->path);
        return FALSE;
    }
    ret = drain (writer);
    if (ret >= 0 && writer->format->pb->error < 0)
        ret = writer->format->pb->error;
    if (ret < 0)
        fov_media_set_error (error, ret, "cannot write '%s'", writer->path);
    return ret >= 0;
}

static gboolean
check_picture (FovWriter *writer, const FovImage *image, gint64 pts, GError **error)
{
    if (!fov_image_check (image, error)) {
        g_prefix_error (error, "'%s': ", writer->path);
        return FALSE;
    }
    if (image->width != writer->width || image->height != writer->height)
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "'%s': a picture of %dx%d pixels, expected %dx%d", writer->path, image->width,
                     image->height, writer->width, writer->height);
    else if (pts < 0 || pts > G_MAXINT64 / 4 || (writer->count > 0 && pts <= writer->last))
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "'%s': picture %" G_GINT64_FORMAT " is for %" G_GINT64_FORMAT
                     " ns, expected more than the %" G_GINT64_FORMAT " of the one before",
                     writer->path, writer->count, pts, writer->count > 0 ? writer->last : -1);
    else
        return TRUE;
    return FALSE;
}

gboolean
fov_writer_write (FovWriter *writer, const FovImage *image, gint64 pts, GError **error)
{
    gboolean ok;

    fov_media_begin ();
    if (writer->failed || (!writer->still && !writer->format)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FAILED, "'%s' is closed%s", writer->path,
                     writer->failed ? ": an earlier picture could not be written" : "");
        return FALSE;
    }
    if (!check_picture (writer, image, pts, error))
        return FALSE;
    if (writer->count == 0)
        writer->first = pts;
    if (writer->still)
        return write_still (writer, image, error) && (writer->last = pts, writer->count++, TRUE);
    ok = write_video (writer, image, pts, error);
    writer->failed = !ok;
    writer->last = pts;
    writer->count++;
    return ok;
}

gboolean
fov_writer_close (FovWriter *writer, GError **error)
{
    int ret, closed;

    fov_media_begin ();
    if (!writer->format)
        return TRUE;
    ret = avcodec_send_frame (writer->encoder.context, NULL);
    if (ret >= 0)
        ret = drain (writer);
    closed = av_write_trailer (writer->format);
    ret = ret < 0 ? ret : closed;
    if (ret >= 0)
        ret = writer->format->pb->error;
    closed = avio_closep (&writer->format->pb);
    ret = ret < 0 ? ret : closed;
    discard (writer);
    if (ret >= 0 || writer->failed) /* which was reported */
        return TRUE;
    fov_media_set_error (error, ret, "cannot finish '%s'", writer->path);
    return FALSE;
}

void
fov_writer_free (FovWriter *writer)
{
    g_autoptr (GError) error = NULL;

    if (!writer)
        return;
    if (!fov_writer_close (writer, &error))
        g_warning ("%s", error->message);
    destroy (writer);
}

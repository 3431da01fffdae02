/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <libavutil/imgutils.h>
#include "writer.h"

gboolean
fov_encoder_init (FovEncoder *encoder, const AVCodec *codec, GError **error)
{
    encoder->context = avcodec_alloc_context3 (codec);
    encoder->packet = av_packet_alloc ();
    if (encoder->context && encoder->packet)
        return TRUE;
    fov_media_set_error (error, AVERROR (ENOMEM), "cannot start the encoder %s", codec->name);
    return FALSE;
}

gboolean
fov_encoder_start (FovEncoder *encoder, GError **error)
{
    AVCodecContext *context = encoder->context;
    const AVCodec *codec = context->codec;
    int ret = avcodec_open2 (context, NULL, NULL);

    if (ret < 0) {
        fov_media_set_error (error, ret, "the encoder %s refuses %dx%d pictures", codec->name,
                             context->width, context->height);
        return FALSE;
    }
    encoder->picture = fov_picture_new (context->pix_fmt, context->width, context->height, error);
    if (!encoder->picture)
        return FALSE;
    encoder->picture->colorspace = context->colorspace;
    encoder->picture->color_range = context->color_range;
    return TRUE;
}

void
fov_encoder_clear (FovEncoder *encoder)
{
    avcodec_free_context (&encoder->context);
    av_frame_free (&encoder->picture);
    av_packet_free (&encoder->packet);
    fov_scaler_clear (&encoder->scaler);
}

/*
 * The caller's rows may end where a page does, and libswscale reads in whole
 * vectors; from an odd RGB row it also takes half of the last chroma sample
 * from the pixel after the end, which is therefore made to repeat the last one.
 */
static AVFrame *
copy_in (const FovImage *image, GError **error)
{
    g_autoptr (AVFrame) borrowed = av_frame_alloc ();
    gsize bytes = fov_pixel_format_row_bytes (image->format, 0, 1);
    AVFrame *copy;

    if (!borrowed) {
        fov_media_set_error (error, AVERROR (ENOMEM), "cannot encode");
        return NULL;
    }
    fov_picture_wrap (image, borrowed);
    copy =
        fov_picture_new (borrowed->format, image->width + (image->width & 1), image->height, error);
    if (!copy)
        return NULL;
    copy->width = image->width;
    copy->colorspace = borrowed->colorspace;
    copy->color_range = borrowed->color_range;
    av_image_copy (copy->data, copy->linesize, (const guint8 **) borrowed->data, borrowed->linesize,
                   copy->format, copy->width, copy->height);
    for (int y = 0; image->width & 1 && y < image->height; y++) {
        guint8 *end = copy->data[0] + (gsize) y * (gsize) copy->linesize[0] + image->width * bytes;

        memcpy (end, end - bytes, bytes);
    }
    return copy;
}

/* Chroma rounds up, so only luma has a column and a row to repeat. */
static void
pad (AVFrame *picture, int width, int height)
{
    guint8 *luma = picture->data[0];
    gsize stride = (gsize) picture->linesize[0];

    if (width < picture->width) {
        for (int y = 0; y < height; y++)
            luma[y * stride + width] = luma[y * stride + width - 1];
    }
    if (height < picture->height)
        memcpy (luma + height * stride, luma + (height - 1) * stride, (gsize) picture->width);
}

gboolean
fov_encoder_send (FovEncoder *encoder, const FovImage *image, gint64 pts, GError **error)
{
    g_autoptr (AVFrame) source = copy_in (image, error);
    AVFrame *picture = encoder->picture;
    int full_width = picture->width, full_height = picture->height;
    gboolean ok;
    int ret;

    if (!source)
        return FALSE;
    ret = av_frame_make_writable (picture);
    if (ret < 0) {
        fov_media_set_error (error, ret, "cannot encode");
        return FALSE;
    }
    picture->width = image->width;
    picture->height = image->height;
    ok = fov_scaler_run (&encoder->scaler, source, picture, error);
    picture->width = full_width;
    picture->height = full_height;
    if (!ok)
        return FALSE;
    pad (picture, image->width, image->height);
    picture->pts = pts;
    ret = avcodec_send_frame (encoder->context, picture);
    if (ret < 0)
        fov_media_set_error (error, ret, "%s cannot encode picture %" G_GINT64_FORMAT,
                             encoder->context->codec->name, pts);
    return ret >= 0;
}

int
fov_encoder_receive (FovEncoder *encoder)
{
    return avcodec_receive_packet (encoder->context, encoder->packet);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <fovea/file.h>
#include "source.h"
#include "writer.h"

/* FFmpeg's scale runs from 1 (best) to 31; 2 is about libjpeg's 95. */
enum { JPEG_QUALITY = 2 };

static gboolean
has_suffix (const char *path, const char *suffix)
{
    gsize length = strlen (path), n = strlen (suffix);

    return length > n && g_ascii_strcasecmp (path + length - n, suffix) == 0;
}

gboolean
fov_still_is (const char *path)
{
    return has_suffix (path, ".png") || has_suffix (path, ".jpg") || has_suffix (path, ".jpeg");
}

gboolean
fov_still_pattern (const char *path, char **before, int *width, char **after)
{
    const char *percent = strchr (path, '%');
    const char *p = percent ? percent + 1 : NULL;
    int digits = 0;

    if (!percent)
        return FALSE;
    while (g_ascii_isdigit (*p) && digits <= 20)
        digits = digits * 10 + (*p++ - '0');
    if (*p != 'd' || digits > 20 || strchr (p, '%'))
        return FALSE;
    *before = g_strndup (path, (gsize) (percent - path));
    *width = digits;
    *after = g_strdup (p + 1);
    return TRUE;
}

static void
set_options (AVCodecContext *context, const FovImage *image, gboolean png)
{
    gboolean gray = image->format == FOV_PIXEL_GRAY;

    context->width = image->width;
    context->height = image->height;
    context->time_base = (AVRational){ 1, 25 };
    context->color_range = AVCOL_RANGE_JPEG;
    context->thread_count = 1;
    if (png) {
        context->pix_fmt = gray ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24;
        return;
    }
    /* JFIF is always BT.601 in full range. */
    context->pix_fmt = AV_PIX_FMT_YUVJ420P;
    context->colorspace = AVCOL_SPC_BT470BG;
    context->flags |= AV_CODEC_FLAG_QSCALE;
    context->global_quality = JPEG_QUALITY * FF_QP2LAMBDA;
}

static gboolean
encode (FovEncoder *encoder, const FovImage *image, gboolean png, GError **error)
{
    const AVCodec *codec = avcodec_find_encoder (png ? AV_CODEC_ID_PNG : AV_CODEC_ID_MJPEG);
    int ret;

    if (!codec) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED, "FFmpeg was built without %s",
                     png ? "a PNG encoder" : "a JPEG encoder");
        return FALSE;
    }
    if (!fov_encoder_init (encoder, codec, error))
        return FALSE;
    set_options (encoder->context, image, png);
    if (!fov_encoder_start (encoder, error) || !fov_encoder_send (encoder, image, 0, error))
        return FALSE;
    avcodec_send_frame (encoder->context, NULL);
    ret = fov_encoder_receive (encoder);
    if (ret < 0)
        fov_media_set_error (error, ret, "%s", codec->name);
    return ret >= 0;
}

gboolean
fov_still_save (const FovImage *image, const char *path, GError **error)
{
    FovEncoder encoder = { 0 };
    gboolean ok = encode (&encoder, image, has_suffix (path, ".png"), error);

    if (ok)
        ok = fov_file_write (path, encoder.packet->data, (gsize) encoder.packet->size, error);
    else
        g_prefix_error (error, "cannot write '%s': ", path);
    fov_encoder_clear (&encoder);
    return ok;
}

gboolean
fov_image_save (const FovImage *image, const char *path, GError **error)
{
    fov_media_begin ();
    if (!fov_image_check (image, error))
        return FALSE;
    if (fov_still_is (path))
        return fov_still_save (image, path, error);
    g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                 "cannot write '%s': the name must end in .png, .jpg or .jpeg", path);
    return FALSE;
}

static gboolean
to_rgb (const AVFrame *frame, FovImage *image, GError **error)
{
    g_autoptr (AVFrame) target = av_frame_alloc ();
    FovScaler scaler = { 0 };
    gboolean ok;

    if (!target) {
        fov_media_set_error (error, AVERROR (ENOMEM), "cannot convert");
        return FALSE;
    }
    if (!fov_image_alloc (image, FOV_PIXEL_RGB, frame->width, frame->height, error))
        return FALSE;
    fov_picture_wrap (image, target);
    ok = fov_scaler_run (&scaler, frame, target, error);
    fov_scaler_clear (&scaler);
    if (!ok)
        g_clear_pointer (&image->plane[0], g_free);
    return ok;
}

static gboolean
load (const char *name, GBytes *bytes, FovImage *image, GError **error)
{
    FovInterrupt interrupt = { 0 };
    g_autoptr (FovSource) source = NULL;
    g_autoptr (AVFrame) frame = av_frame_alloc ();

    fov_media_begin ();
    *image = (FovImage){ 0 };
    if (!frame) {
        fov_media_set_error (error, AVERROR (ENOMEM), "cannot read '%s'", name);
        return FALSE;
    }
    source = bytes ? fov_source_open_bytes (bytes, name, &interrupt, error)
                   : fov_source_open (name, FOV_SOURCE_STILL, FOV_SOURCE_PLAIN, &interrupt, error);
    if (!source || !fov_source_next (source, frame, error))
        return FALSE;
    if (to_rgb (frame, image, error))
        return TRUE;
    g_prefix_error (error, "'%s': ", name);
    return FALSE;
}

gboolean
fov_image_load (const char *path, FovImage *image, GError **error)
{
    return load (path, NULL, image, error);
}

gboolean
fov_image_decode (GBytes *bytes, const char *name, FovImage *image, GError **error)
{
    return load (name, bytes, image, error);
}

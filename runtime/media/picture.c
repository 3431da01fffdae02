/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include "picture.h"

static const struct {
    enum AVPixelFormat av;
    FovPixelFormat fov;
} formats[] = {
    /* The first of a FovPixelFormat is the one that av_format gives. */
    { AV_PIX_FMT_YUV420P, FOV_PIXEL_I420 }, { AV_PIX_FMT_YUVJ420P, FOV_PIXEL_I420 },
    { AV_PIX_FMT_NV12, FOV_PIXEL_NV12 },    { AV_PIX_FMT_GRAY8, FOV_PIXEL_GRAY },
    { AV_PIX_FMT_RGB24, FOV_PIXEL_RGB },    { AV_PIX_FMT_BGR24, FOV_PIXEL_BGR },
    { AV_PIX_FMT_RGB0, FOV_PIXEL_RGBX },    { AV_PIX_FMT_RGBA, FOV_PIXEL_RGBX },
    { AV_PIX_FMT_BGR0, FOV_PIXEL_BGRX },    { AV_PIX_FMT_BGRA, FOV_PIXEL_BGRX },
};

/* The yuvj formats are yuv formats with full range written into the name. */
static enum AVPixelFormat
without_j (enum AVPixelFormat format)
{
    switch (format) {
    case AV_PIX_FMT_YUVJ411P:
        return AV_PIX_FMT_YUV411P;
    case AV_PIX_FMT_YUVJ420P:
        return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
        return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ440P:
        return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ444P:
        return AV_PIX_FMT_YUV444P;
    default:
        return format;
    }
}

static gboolean
is_rgb (enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get (format);

    return desc && (desc->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL));
}

static gboolean
is_gray (enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get (format);

    return desc && desc->nb_components <= 2 && !is_rgb (format);
}

static FovColorMatrix
matrix_of (const AVFrame *frame)
{
    switch (frame->colorspace) {
    case AVCOL_SPC_BT709:
    case AVCOL_SPC_SMPTE240M:
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return FOV_MATRIX_BT709;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
    case AVCOL_SPC_FCC:
        return FOV_MATRIX_BT601;
    default:
        return frame->height >= 720 ? FOV_MATRIX_BT709 : FOV_MATRIX_BT601;
    }
}

static FovColorRange
range_of (const AVFrame *frame)
{
    if (is_rgb (frame->format) || without_j (frame->format) != frame->format)
        return FOV_RANGE_FULL;
    return frame->color_range == AVCOL_RANGE_JPEG ? FOV_RANGE_FULL : FOV_RANGE_LIMITED;
}

void
fov_picture_tag_still (AVFrame *frame)
{
    if (frame->color_range == AVCOL_RANGE_UNSPECIFIED)
        frame->color_range = AVCOL_RANGE_JPEG;
    if (frame->colorspace == AVCOL_SPC_UNSPECIFIED)
        frame->colorspace = AVCOL_SPC_BT470BG;
}

static int
find (enum AVPixelFormat format)
{
    for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
        if (formats[i].av == format)
            return (int) i;
    }
    return -1;
}

gboolean
fov_picture_view (const AVFrame *frame, FovImage *image)
{
    int i = find (frame->format);

    if (i < 0)
        return FALSE;
    *image = (FovImage){ .format = formats[i].fov,
                         .width = frame->width,
                         .height = frame->height,
                         .matrix = matrix_of (frame),
                         .range = range_of (frame) };
    for (int p = 0; p < fov_pixel_format_n_planes (image->format); p++) {
        if (!frame->data[p] || frame->linesize[p] <= 0)
            return FALSE;
        image->plane[p] = frame->data[p];
        image->stride[p] = frame->linesize[p];
    }
    return TRUE;
}

static enum AVPixelFormat
nearest (const AVFrame *frame, gboolean still)
{
    if (find (frame->format) >= 0) /* upside down, else it had a view */
        return without_j (frame->format);
    if (is_rgb (frame->format))
        return AV_PIX_FMT_RGB24;
    if (is_gray (frame->format))
        return AV_PIX_FMT_GRAY8;
    return still ? AV_PIX_FMT_RGB24 : AV_PIX_FMT_YUV420P;
}

static enum AVPixelFormat
av_format (FovPixelFormat format)
{
    for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
        if (formats[i].fov == format)
            return formats[i].av;
    }
    return AV_PIX_FMT_NONE;
}

void
fov_picture_wrap (const FovImage *image, AVFrame *frame)
{
    frame->format = av_format (image->format);
    frame->width = image->width;
    frame->height = image->height;
    frame->colorspace = image->matrix == FOV_MATRIX_BT709 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
    frame->color_range = image->range == FOV_RANGE_FULL ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    for (int p = 0; p < fov_pixel_format_n_planes (image->format); p++) {
        frame->data[p] = image->plane[p];
        frame->linesize[p] = image->stride[p];
    }
}

AVFrame *
fov_picture_new (enum AVPixelFormat format, int width, int height, GError **error)
{
    g_autoptr (AVFrame) frame = av_frame_alloc ();
    int ret = AVERROR (ENOMEM);

    if (frame) {
        frame->format = format;
        frame->width = width;
        frame->height = height;
        ret = av_frame_get_buffer (frame, 0);
    }
    if (ret < 0) {
        fov_media_set_error (error, ret, "a %dx%d picture", width, height);
        return NULL;
    }
    return g_steal_pointer (&frame);
}

void
fov_scaler_clear (FovScaler *scaler)
{
    sws_freeContext (scaler->sws);
    *scaler = (FovScaler){ 0 };
}

static int
sws_matrix (FovColorMatrix matrix)
{
    return matrix == FOV_MATRIX_BT709 ? SWS_CS_ITU709 : SWS_CS_ITU601;
}

static void
set_option (struct SwsContext *sws, const char *name, int value)
{
    av_opt_set_int (sws, name, value, 0);
}

static gboolean
prepare (FovScaler *scaler, const AVFrame *src, const AVFrame *dst)
{
    FovScaler want = { NULL,
                       src->width,
                       src->height,
                       without_j (src->format),
                       without_j (dst->format),
                       sws_matrix (matrix_of (src)),
                       sws_matrix (matrix_of (dst)),
                       range_of (src) == FOV_RANGE_FULL,
                       range_of (dst) == FOV_RANGE_FULL };

    want.sws = scaler->sws;
    if (want.sws && memcmp (&want, scaler, sizeof want) == 0)
        return TRUE;
    fov_scaler_clear (scaler);
    want.sws = sws_alloc_context ();
    if (!want.sws)
        return FALSE;
    /* The ranges choose between code paths, so they have to be known before the start. */
    set_option (want.sws, "srcw", want.width);
    set_option (want.sws, "srch", want.height);
    set_option (want.sws, "dstw", want.width);
    set_option (want.sws, "dsth", want.height);
    set_option (want.sws, "src_format", want.src_format);
    set_option (want.sws, "dst_format", want.dst_format);
    set_option (want.sws, "src_range", want.src_full);
    set_option (want.sws, "dst_range", want.dst_full);
    set_option (want.sws, "sws_flags", SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT);
    if (sws_init_context (want.sws, NULL, NULL) < 0) {
        sws_freeContext (want.sws);
        return FALSE;
    }
    /* RGB to RGB has no such details and refuses them, which is fine. */
    sws_setColorspaceDetails (want.sws, sws_getCoefficients (want.src_matrix), want.src_full,
                              sws_getCoefficients (want.dst_matrix), want.dst_full, 0, 1 << 16,
                              1 << 16);
    *scaler = want;
    return TRUE;
}

gboolean
fov_scaler_run (FovScaler *scaler, const AVFrame *src, AVFrame *dst, GError **error)
{
    if (!prepare (scaler, src, dst) ||
        sws_scale (scaler->sws, (const guint8 *const *) src->data, src->linesize, 0, src->height,
                   dst->data, dst->linesize) != src->height) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "a %dx%d %s picture cannot be converted to %s", src->width, src->height,
                     av_get_pix_fmt_name (src->format), av_get_pix_fmt_name (dst->format));
        return FALSE;
    }
    return TRUE;
}

AVFrame *
fov_picture_convert (FovScaler *scaler, const AVFrame *src, gboolean still, AVFrame *reuse,
                     GError **error)
{
    enum AVPixelFormat format = nearest (src, still);
    AVFrame *dst = reuse;

    if (!dst || dst->format != format || dst->width != src->width || dst->height != src->height) {
        av_frame_free (&dst);
        dst = fov_picture_new (format, src->width, src->height, error);
        if (!dst)
            return NULL;
    }
    dst->colorspace = src->colorspace;
    dst->color_range = range_of (src) == FOV_RANGE_FULL ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    if (!fov_scaler_run (scaler, src, dst, error))
        av_frame_free (&dst);
    return dst;
}

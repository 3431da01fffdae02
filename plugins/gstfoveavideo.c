/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstfoveavideo.h"

#include <gio/gio.h>

static const struct {
    GstVideoFormat gst;
    FovPixelFormat fov;
} formats[] = {
    { GST_VIDEO_FORMAT_NV12, FOV_PIXEL_NV12 },  { GST_VIDEO_FORMAT_I420, FOV_PIXEL_I420 },
    { GST_VIDEO_FORMAT_RGB, FOV_PIXEL_RGB },    { GST_VIDEO_FORMAT_BGR, FOV_PIXEL_BGR },
    { GST_VIDEO_FORMAT_RGBx, FOV_PIXEL_RGBX },  { GST_VIDEO_FORMAT_BGRx, FOV_PIXEL_BGRX },
    { GST_VIDEO_FORMAT_RGBA, FOV_PIXEL_RGBX },  { GST_VIDEO_FORMAT_BGRA, FOV_PIXEL_BGRX },
    { GST_VIDEO_FORMAT_GRAY8, FOV_PIXEL_GRAY },
};

static gboolean
pixel_format (GstVideoFormat format, FovPixelFormat *out)
{
    for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
        if (formats[i].gst == format) {
            *out = formats[i].fov;
            return TRUE;
        }
    }
    return FALSE;
}

gboolean
gst_fovea_image_from_frame (FovImage *image, const GstVideoFrame *frame, GError **error)
{
    const GstVideoColorimetry *color = &frame->info.colorimetry;

    *image = (FovImage){ .width = GST_VIDEO_FRAME_WIDTH (frame),
                         .height = GST_VIDEO_FRAME_HEIGHT (frame) };
    if (!pixel_format (GST_VIDEO_FRAME_FORMAT (frame), &image->format)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "video format %s is not supported, expected one of %s",
                     gst_video_format_to_string (GST_VIDEO_FRAME_FORMAT (frame)),
                     GST_FOVEA_VIDEO_FORMATS);
        return FALSE;
    }
    image->matrix =
        color->matrix == GST_VIDEO_COLOR_MATRIX_BT709 ? FOV_MATRIX_BT709 : FOV_MATRIX_BT601;
    image->range = color->range == GST_VIDEO_COLOR_RANGE_0_255 ? FOV_RANGE_FULL : FOV_RANGE_LIMITED;
    for (int i = 0; i < fov_pixel_format_n_planes (image->format); i++) {
        image->plane[i] = GST_VIDEO_FRAME_PLANE_DATA (frame, i);
        image->stride[i] = GST_VIDEO_FRAME_PLANE_STRIDE (frame, i);
    }
    return fov_image_check (image, error);
}

/* Do all rows of each plane lie inside the buffer? gst_video_frame_map checks
 * the first byte of a plane only when the buffer carries a GstVideoMeta. */
gboolean
gst_fovea_frame_check (const GstVideoInfo *info, GstBuffer *buffer, GError **error)
{
    const GstVideoMeta *meta = gst_buffer_get_video_meta (buffer);
    const gsize size = gst_buffer_get_size (buffer);
    FovPixelFormat format = FOV_PIXEL_GRAY;
    guint n_planes = GST_VIDEO_INFO_N_PLANES (info);

    pixel_format (GST_VIDEO_INFO_FORMAT (info), &format);
    if (meta && (meta->n_planes != n_planes || meta->width < (guint) GST_VIDEO_INFO_WIDTH (info) ||
                 meta->height < (guint) GST_VIDEO_INFO_HEIGHT (info))) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "corrupt frame: its video meta says %ux%u in %u planes, the caps %dx%d in %u",
                     meta->width, meta->height, meta->n_planes, GST_VIDEO_INFO_WIDTH (info),
                     GST_VIDEO_INFO_HEIGHT (info), n_planes);
        return FALSE;
    }
    for (guint i = 0; i < n_planes; i++) {
        gsize offset = meta ? meta->offset[i] : GST_VIDEO_INFO_PLANE_OFFSET (info, i);
        gint64 stride = meta ? meta->stride[i] : GST_VIDEO_INFO_PLANE_STRIDE (info, i);
        gsize row = fov_pixel_format_row_bytes (format, (int) i, GST_VIDEO_INFO_WIDTH (info));
        gsize rows = (gsize) fov_pixel_format_rows (format, (int) i, GST_VIDEO_INFO_HEIGHT (info));
        if (stride <= 0 || (gsize) stride < row || offset > size ||
            (gsize) stride * (rows - 1) + row > size - offset) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                         "corrupt frame: plane %u needs %" G_GSIZE_FORMAT
                         " rows of %" G_GSIZE_FORMAT " bytes from byte %" G_GSIZE_FORMAT
                         " with stride %" G_GINT64_FORMAT ", but the buffer has %" G_GSIZE_FORMAT
                         " bytes",
                         i, rows, row, offset, stride, size);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean
gst_fovea_frame_map (GstVideoFrame *frame, const GstVideoInfo *info, GstBuffer *buffer,
                     GstMapFlags flags, GError **error)
{
    if (!gst_fovea_frame_check (info, buffer, error))
        return FALSE;
    if (!gst_video_frame_map (frame, info, buffer, flags)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "corrupt frame: its %" G_GSIZE_FORMAT " bytes can not be mapped as %dx%d %s",
                     gst_buffer_get_size (buffer), GST_VIDEO_INFO_WIDTH (info),
                     GST_VIDEO_INFO_HEIGHT (info),
                     gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (info)));
        return FALSE;
    }
    return TRUE;
}

/* Which message fits a library error. */
static void
classify (const GError *error, GQuark *domain, int *code)
{
    *domain = GST_LIBRARY_ERROR;
    *code = GST_LIBRARY_ERROR_FAILED;
    if (g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT) ||
        g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)) {
        *domain = GST_RESOURCE_ERROR;
        *code = GST_RESOURCE_ERROR_NOT_FOUND;
        return;
    }
    if (g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOSPC)) {
        *domain = GST_RESOURCE_ERROR;
        *code = GST_RESOURCE_ERROR_NO_SPACE_LEFT;
        return;
    }
    if (error->domain == G_FILE_ERROR || error->domain == G_IO_ERROR) {
        *domain = GST_RESOURCE_ERROR;
        *code = GST_RESOURCE_ERROR_WRITE;
        return;
    }
    if (error->domain != FOV_ERROR)
        return;

    static const struct {
        int fov;
        gboolean stream;
        int code;
    } map[] = {
        { FOV_ERROR_IO, FALSE, GST_RESOURCE_ERROR_NOT_FOUND },
        { FOV_ERROR_FORMAT, TRUE, GST_STREAM_ERROR_WRONG_TYPE },
        { FOV_ERROR_UNSUPPORTED, TRUE, GST_STREAM_ERROR_NOT_IMPLEMENTED },
        { FOV_ERROR_SHAPE, TRUE, GST_STREAM_ERROR_FORMAT },
        { FOV_ERROR_ARGUMENT, FALSE, GST_RESOURCE_ERROR_SETTINGS },
        { FOV_ERROR_DEVICE, FALSE, GST_RESOURCE_ERROR_NOT_FOUND },
        { FOV_ERROR_DEVICE_LOST, FALSE, GST_RESOURCE_ERROR_READ },
        { FOV_ERROR_MEMORY, FALSE, GST_RESOURCE_ERROR_NO_SPACE_LEFT },
    };
    for (guint i = 0; i < G_N_ELEMENTS (map); i++) {
        if (map[i].fov == error->code) {
            *domain = map[i].stream ? GST_STREAM_ERROR : GST_RESOURCE_ERROR;
            *code = map[i].code;
        }
    }
}

static void
post (gpointer element, GstMessageType type, const GError *error, const char *what)
{
    GQuark domain;
    int code;

    classify (error, &domain, &code);
    gst_element_message_full (GST_ELEMENT (element), type, domain, code,
                              g_strdup_printf ("%s: %s", what, error->message),
                              g_strdup_printf ("%s error %d", g_quark_to_string (error->domain),
                                               error->code),
                              __FILE__, G_STRFUNC, __LINE__);
}

void
gst_fovea_post_error (gpointer element, const GError *error, const char *what)
{
    post (element, GST_MESSAGE_ERROR, error, what);
}

void
gst_fovea_post_warning (gpointer element, const GError *error, const char *what)
{
    post (element, GST_MESSAGE_WARNING, error, what);
}

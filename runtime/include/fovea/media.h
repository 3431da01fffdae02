/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_MEDIA_H
#define FOVEA_MEDIA_H

#include <fovea/image.h>

G_BEGIN_DECLS

/**
 * Reads pictures from a video file, an image, a folder of images (all that
 * end in .jpg, .jpeg, .png, .bmp, .tif, .tiff, .webp, .ppm, .pgm or .pnm, in
 * any case), a glob of images ("dir/\*.jpg"), a V4L2 device ("/dev/video0") or a stream URL
 * (rtsp://, http://), through FFmpeg. One object, one thread at a time; calls block. FFmpeg's own
 * log lines become g_debug lines of the domain "Fovea". An image that says how the camera was held
 * (EXIF's orientation) is turned upright.
 */
typedef struct _FovReader FovReader;

typedef struct {
    int width, height;    /**< pixels of the first picture; a later one may differ */
    int fps_num, fps_den; /**< nominal frame rate; 0/1 if unknown */
    gint64 n_frames;      /**< -1 if unknown (live, or not stored) */
    gint64 duration;      /**< ns, -1 if unknown */
    gboolean live;        /**< a device or a live stream */
    gboolean reordered;   /**< pictures are stored out of order: there may be B pictures */
    const char *codec;    /**< decoder's name, owned by the reader */
} FovReaderInfo;

/**
 * How the encoder predicted one block of a picture from another picture: the
 * pixel at x, y looks like the one at x + dx, y + dy there. An encoder looks for
 * what saves bits, which is mostly but not always the true motion.
 */
typedef struct {
    float x, y;            /**< pixels: the block's centre in this picture */
    float dx, dy;          /**< pixels: from there to its source in the other picture */
    guint16 width, height; /**< pixels of the block */
    gint8 direction;       /**< -1: from an earlier picture, 1: from a later one */
} FovMotionVector;

/**
 * One decoded picture; valid until the next fov_reader_read or _free on its
 * reader. Its planes may be the decoder's own: read them only, and draw on a
 * copy (fov_image_alloc, fov_image_convert).
 */
typedef struct {
    FovImage image;   /**< any FovPixelFormat, whatever is nearest to the source */
    gint64 pts;       /**< ns from the first frame, increasing */
    gint64 index;     /**< 0-based */
    const char *path; /**< the image file it came from, or NULL for video */
    /**
     * n_motion vectors, owned by the reader like the picture. 0 unless they were
     * asked for, in pictures that stand on their own, and from decoders that give
     * none (H.264, MPEG-4 and MPEG-2 do). The other picture is the nearest
     * reference, which is the one before unless the file has B pictures.
     */
    const FovMotionVector *motion;
    guint n_motion;
} FovFrame;

/**
 * How the camera moved since the last picture, from the picture's motion vectors,
 * as fov_tracker_set_camera_motion takes it: x' = m[0] x + m[1] y + m[2], y' =
 * m[3] x + m[4] y + m[5], pixels. A turn, a zoom and a shift that most vectors
 * agree with to a pixel (RANSAC, Fischler and Bolles 1981), the least squares of
 * those by their area; what moves by itself is outvoted. FALSE with m untouched where the vectors
 * do not say: too few, of no one motion, or those of a B picture. A file with B pictures should not
 * be asked at all: its other vectors reach back further than to the last picture.
 */
FOV_API gboolean fov_frame_camera_motion (const FovFrame *frame, double m[6]);

/** Zero means the default. */
typedef struct {
    gboolean motion_vectors; /**< fill FovFrame.motion */
} FovReaderParams;

/**
 * Opens a name that is none of the above as a local file. A glob is expanded
 * when no file has that very name; its files, and a folder's, come in the order of their bytes,
 * as pictures of 25 a second, and those that cannot be decoded are skipped and
 * counted. No picture may be larger than 2^28 pixels or 32768 a side; a network
 * stream (rtsp:// over TCP) or a device that is silent for 10 s is an error.
 * Errors name the input: IO, FORMAT, UNSUPPORTED (no decoder), DEVICE.
 */
FOV_API FovReader *fov_reader_open (const char *input, GError **error);
/** The same with params, which may be NULL. */
FOV_API FovReader *fov_reader_open_full (const char *input, const FovReaderParams *params,
                                         GError **error);
FOV_API void fov_reader_free (FovReader *reader);
FOV_API const FovReaderInfo *fov_reader_info (FovReader *reader);

/**
 * Reads the next picture. Returns FALSE at the end (error not set) or on
 * failure (error set). Damaged packets are skipped and counted; only when
 * nothing at all can be decoded is it an error.
 */
FOV_API gboolean fov_reader_read (FovReader *reader, FovFrame *frame, GError **error);

/** Damaged packets or pictures skipped so far. */
FOV_API guint64 fov_reader_damaged (FovReader *reader);
/** What the first of them was, with its file's name; the reader's own. NULL: there are none. */
FOV_API const char *fov_reader_damage (FovReader *reader);

/** Makes a blocked and each later read return FOV_ERROR_CANCELLED. Thread and signal safe. */
FOV_API void fov_reader_cancel (FovReader *reader);

/**
 * Writes pictures to a video file (container by extension; H.264 through
 * OpenH264 where FFmpeg has it, else MPEG-4 or VP8; never a GPL encoder), or,
 * for ".png" / ".jpg" names, one image (a pattern such as %05d.png: a series
 * that starts at 0). Video is tagged and stored as limited-range BT.709 from
 * 720 rows on, else BT.601. One object, one thread at a time; calls block.
 */
typedef struct _FovWriter FovWriter;

/** Zero means the default. */
typedef struct {
    int fps_num, fps_den; /**< nominal rate, default 25/1 */
    gint64 bitrate;       /**< bits per second; 0: 0.12 bits per pixel and frame */
    const char *encoder;  /**< FFmpeg encoder name; NULL: chosen as above */
} FovWriterParams;

/**
 * Creates the file (written in place; stills replace theirs as a whole). An odd
 * video size is padded to an even one by repeating the edge. Errors name the
 * path: IO, ARGUMENT, UNSUPPORTED (suffix, or no encoder for it).
 */
FOV_API FovWriter *fov_writer_open (const char *path, int width, int height,
                                    const FovWriterParams *params, GError **error);

/**
 * Appends a picture of the writer's size in any format; pts in ns, >= 0 and
 * increasing. The first one becomes the file's time 0; the times are kept as
 * they are except in .avi, which places pictures on multiples of the rate.
 * After an error other than a bad argument nothing more can be written.
 */
FOV_API gboolean fov_writer_write (FovWriter *writer, const FovImage *image, gint64 pts,
                                   GError **error);

/** Flushes and closes the file. A second call does nothing and succeeds. */
FOV_API gboolean fov_writer_close (FovWriter *writer, GError **error);

/** Closes (errors are logged) and frees. */
FOV_API void fov_writer_free (FovWriter *writer);

/**
 * Decodes one image file into a newly allocated RGB image, upright as EXIF's orientation says;
 * g_free (image->plane[0]). One that is cut off (a JPEG: if only its last two bytes, the end, are
 * missing) or otherwise damaged is FOV_ERROR_FORMAT, not half a picture; errors name the file.
 */
FOV_API gboolean fov_image_load (const char *path, FovImage *image, GError **error);

/** The same from the file's bytes; name is for messages. */
FOV_API gboolean fov_image_decode (GBytes *bytes, const char *name, FovImage *image,
                                   GError **error);

/** Encodes one image by extension (.png, .jpg). */
FOV_API gboolean fov_image_save (const FovImage *image, const char *path, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovReader, fov_reader_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovWriter, fov_writer_free)

G_END_DECLS

#endif

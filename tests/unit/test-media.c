/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include <fovea/media.h>
#include "media/clock.h"
#include "media/jpeg.h"

#define FRAME_NS 40000000

/* A slope whose brightness tells which frame it is; colours that are easy on codecs. */
static FovImage
make_image (FovPixelFormat format, int width, int height, int number)
{
    FovImage rgb, image;
    GError *error = NULL;

    assert_fov_ok (fov_image_alloc (&rgb, FOV_PIXEL_RGB, width, height, &error), error);
    rgb.range = FOV_RANGE_FULL;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            guint8 *pixel = rgb.plane[0] + y * rgb.stride[0] + 3 * x;

            pixel[0] = (guint8) (40 + 8 * number + 100 * x / width);
            pixel[1] = (guint8) (40 + 8 * number);
            pixel[2] = (guint8) (40 + 8 * number + 100 * y / height);
        }
    }
    if (format == FOV_PIXEL_RGB)
        return rgb;
    assert_fov_ok (fov_image_alloc (&image, format, width, height, &error), error);
    image.matrix = FOV_MATRIX_BT601;
    image.range = FOV_RANGE_LIMITED;
    assert_fov_ok (fov_image_convert (&rgb, &image, &error), error);
    g_free (rgb.plane[0]);
    return image;
}

/* Mean absolute difference as RGB, over the size that both have. */
static double
difference (const FovImage *a, const FovImage *b)
{
    FovImage rgb[2];
    GError *error = NULL;
    int width = MIN (a->width, b->width), height = MIN (a->height, b->height);
    double sum = 0;

    for (int i = 0; i < 2; i++) {
        const FovImage *from = i ? b : a;

        assert_fov_ok (fov_image_alloc (&rgb[i], FOV_PIXEL_RGB, from->width, from->height, &error),
                       error);
        rgb[i].range = FOV_RANGE_FULL;
        assert_fov_ok (fov_image_convert (from, &rgb[i], &error), error);
    }
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < 3 * width; x++)
            sum += ABS (rgb[0].plane[0][y * rgb[0].stride[0] + x] -
                        rgb[1].plane[0][y * rgb[1].stride[0] + x]);
    }
    g_free (rgb[0].plane[0]);
    g_free (rgb[1].plane[0]);
    return sum / (3.0 * width * height);
}

static void
write_clip (const char *path, FovPixelFormat format, int width, int height, int n, gint64 start,
            const FovWriterParams *params)
{
    GError *error = NULL;
    g_autoptr (FovWriter) writer = fov_writer_open (path, width, height, params, &error);

    assert_fov_ok (writer != NULL, error);
    for (int i = 0; i < n; i++) {
        FovImage image = make_image (format, width, height, i);

        assert_fov_ok (fov_writer_write (writer, &image, start + i * (gint64) FRAME_NS, &error),
                       error);
        g_free (image.plane[0]);
    }
    assert_fov_ok (fov_writer_close (writer, &error), error);
    assert_fov_ok (fov_writer_close (writer, &error), error);
}

static const struct {
    const char *name;
    FovPixelFormat format;
    int width, height;
    double tolerance;
} clips[] = {
    { "a.mp4", FOV_PIXEL_I420, 64, 48, 4 },   { "b.mov", FOV_PIXEL_NV12, 65, 48, 4 },
    { "c.mkv", FOV_PIXEL_RGB, 64, 49, 4 },    { "d.avi", FOV_PIXEL_BGR, 67, 51, 4 },
    { "e.webm", FOV_PIXEL_RGBX, 64, 48, 4 },  { "f.mkv", FOV_PIXEL_BGRX, 33, 17, 4 },
    { "g.MP4", FOV_PIXEL_GRAY, 64, 48, 60 }, /* the reference has colour */
    { "h.mp4", FOV_PIXEL_RGB, 1, 1, 6 },      { "i.avi", FOV_PIXEL_I420, 1280, 720, 1.5 },
    { "j%d.mkv", FOV_PIXEL_I420, 64, 48, 4 },
};

static void
check_clip (const char *path, guint row)
{
    GError *error = NULL;
    g_autoptr (FovReader) reader = fov_reader_open (path, &error);
    const FovReaderInfo *info;
    FovFrame frame;
    int n = 0;

    assert_fov_ok (reader != NULL, error);
    info = fov_reader_info (reader);
    assert_int_equal (info->width, (clips[row].width + 1) & ~1);
    assert_int_equal (info->height, (clips[row].height + 1) & ~1);
    assert_int_equal (info->fps_num, 25 * info->fps_den);
    assert_false (info->live);
    for (; fov_reader_read (reader, &frame, &error); n++) {
        FovImage want = make_image (FOV_PIXEL_RGB, clips[row].width, clips[row].height, n);
        double found;

        assert_fov_ok (fov_image_check (&frame.image, &error), error);
        assert_int_equal (frame.image.format, FOV_PIXEL_I420);
        assert_int_equal (frame.image.matrix,
                          clips[row].height >= 720 ? FOV_MATRIX_BT709 : FOV_MATRIX_BT601);
        assert_int_equal (frame.image.range, FOV_RANGE_LIMITED);
        assert_int_equal (frame.index, n);
        assert_null (frame.path);
        /* Matroska counts in milliseconds, the others finer. */
        assert_in_range (frame.pts + 1000000 - n * (gint64) FRAME_NS, 0, 2000000);
        found = difference (&want, &frame.image);
        if (found > clips[row].tolerance)
            fail_msg ("%s, frame %d: colours are off by %g", clips[row].name, n, found);
        g_free (want.plane[0]);
    }
    assert_fov_ok (TRUE, error);
    assert_int_equal (n, 10);
    assert_int_equal (fov_reader_damaged (reader), 0);
    assert_false (fov_reader_read (reader, &frame, &error));
    assert_null (error);
}

static void
test_clips (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (clips); i++) {
        g_autofree char *path = in_folder (clips[i].name);

        print_message ("# %s\n", clips[i].name);
        write_clip (path, clips[i].format, clips[i].width, clips[i].height, 10, 5 * FRAME_NS,
                    &(FovWriterParams){ .bitrate = clips[i].width > 1000 ? 8000000 : 400000 });
        check_clip (path, i);
    }
}

/* Irregular times survive in a container that can hold them. */
static void
test_variable_rate (void **state)
{
    static const gint64 times[] = { 0, 10, 50, 51, 1000, 1001, 1500, 9000 }; /* ms */
    static const char *const names[] = { "vfr.mp4", "vfr.mkv", "vfr.webm" };

    for (guint k = 0; k < G_N_ELEMENTS (names); k++) {
        g_autofree char *path = in_folder (names[k]);
        GError *error = NULL;
        FovImage image = make_image (FOV_PIXEL_I420, 32, 32, 3);
        FovWriter *writer = fov_writer_open (path, 32, 32, NULL, &error);
        g_autoptr (FovReader) reader = NULL;
        FovFrame frame;

        assert_fov_ok (writer != NULL, error);
        for (guint i = 0; i < G_N_ELEMENTS (times); i++)
            assert_fov_ok (fov_writer_write (writer, &image, times[i] * 1000000, &error), error);
        assert_false (fov_writer_write (writer, &image, 9000000000, &error));
        assert_fov_error (&error, FOV_ERROR_ARGUMENT, "9000000000");
        fov_writer_free (writer);
        g_free (image.plane[0]);
        reader = fov_reader_open (path, &error);
        assert_fov_ok (reader != NULL, error);
        for (guint i = 0; i < G_N_ELEMENTS (times); i++) {
            assert_fov_ok (fov_reader_read (reader, &frame, &error), error);
            assert_in_range (frame.pts + 100000 - times[i] * 1000000, 0, 200000);
        }
        assert_false (fov_reader_read (reader, &frame, &error));
    }
}

static void
test_stills (void **state)
{
    static const struct {
        const char *name;
        FovPixelFormat format, expected;
        int width, height;
        double tolerance;
    } rows[] = {
        { "a.png", FOV_PIXEL_RGB, FOV_PIXEL_RGB, 33, 17, 0 },
        { "b.PNG", FOV_PIXEL_BGRX, FOV_PIXEL_RGB, 33, 17, 3 },
        { "c.jpg", FOV_PIXEL_RGB, FOV_PIXEL_I420, 33, 17, 3 },
        { "d.jpeg", FOV_PIXEL_NV12, FOV_PIXEL_I420, 1280, 720, 3 },
        { "e 100%.png", FOV_PIXEL_RGB, FOV_PIXEL_RGB, 1, 1, 0 },
        { "f*[1].jpg", FOV_PIXEL_I420, FOV_PIXEL_I420, 64, 48, 3 },
        { "g.png", FOV_PIXEL_GRAY, FOV_PIXEL_GRAY, 64, 48, 60 },
    };

    for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *path = in_folder (rows[i].name);
        GError *error = NULL;
        FovImage image = make_image (rows[i].format, rows[i].width, rows[i].height, 2);
        FovImage want = make_image (FOV_PIXEL_RGB, rows[i].width, rows[i].height, 2);
        FovImage loaded;
        g_autoptr (FovReader) reader = NULL;
        FovFrame frame;

        print_message ("# %s\n", rows[i].name);
        assert_fov_ok (fov_image_save (&image, path, &error), error);
        assert_fov_ok (fov_image_load (path, &loaded, &error), error);
        assert_int_equal (loaded.format, FOV_PIXEL_RGB);
        assert_int_equal (loaded.width, rows[i].width);
        assert_int_equal (loaded.height, rows[i].height);
        assert_true (difference (&want, &loaded) <= rows[i].tolerance);
        reader = fov_reader_open (path, &error);
        assert_fov_ok (reader != NULL, error);
        assert_int_equal (fov_reader_info (reader)->n_frames, 1);
        assert_fov_ok (fov_reader_read (reader, &frame, &error), error);
        assert_int_equal (frame.image.format, rows[i].expected);
        assert_int_equal (frame.image.range, FOV_RANGE_FULL);
        assert_string_equal (frame.path, path);
        assert_true (difference (&want, &frame.image) <= rows[i].tolerance);
        assert_false (fov_reader_read (reader, &frame, &error));
        assert_null (error);
        g_free (image.plane[0]);
        g_free (want.plane[0]);
        g_free (loaded.plane[0]);
    }
}

/* A series with images of several sizes and, in its middle, things that are none. */
static void
test_glob (void **state)
{
    g_autofree char *pattern = in_folder ("series-%03d.png");
    g_autofree char *broken = in_folder ("series-001b.png");
    g_autofree char *empty = in_folder ("series-001c.png");
    g_autofree char *subfolder = in_folder ("series-001d.png");
    g_autofree char *other = in_folder ("series-000b.png");
    g_autofree char *glob = in_folder ("series-*.png");
    static const int widths[] = { 40, 31, 40, 40 };
    GError *error = NULL;
    FovImage image = make_image (FOV_PIXEL_RGB, 31, 20, 0);
    g_autoptr (FovReader) reader = NULL;
    FovFrame frame;
    gint64 pts = -1;

    write_clip (pattern, FOV_PIXEL_I420, 40, 30, 3, 0, NULL);
    assert_fov_ok (fov_image_save (&image, other, &error), error);
    g_free (image.plane[0]);
    assert_true (g_file_set_contents (broken, "\x89PNG\r\n\x1a\nrubbish", -1, NULL));
    assert_true (g_file_set_contents (empty, "", 0, NULL));
    assert_int_equal (g_mkdir (subfolder, 0700), 0);
    reader = fov_reader_open (glob, &error);
    assert_fov_ok (reader != NULL, error);
    assert_int_equal (fov_reader_info (reader)->n_frames, 6);
    for (guint i = 0; i < G_N_ELEMENTS (widths); i++) {
        assert_fov_ok (fov_reader_read (reader, &frame, &error), error);
        assert_int_equal (frame.image.width, widths[i]);
        assert_int_equal (frame.index, i);
        assert_true (frame.pts > pts);
        assert_true (g_file_test (frame.path, G_FILE_TEST_EXISTS));
        pts = frame.pts;
    }
    assert_false (fov_reader_read (reader, &frame, &error));
    assert_null (error);
    assert_int_equal (fov_reader_damaged (reader), 2);
}

/* All of a folder's pictures, of whatever type and case, by name; a glob's signs are a name's. */
static void
test_folder (void **state)
{
    static const char *const names[] = { "B.JPG", "a.png", "b.jpeg", "c.PNG", "d.jpg" };
    g_autofree char *pictures = in_folder ("pictures [1]*"), *text = NULL, *hidden = NULL,
                    *below = NULL;
    FovImage image = make_image (FOV_PIXEL_RGB, 31, 20, 0);
    g_autoptr (FovReader) reader = NULL;
    GError *error = NULL;
    FovFrame frame;

    assert_int_equal (g_mkdir (pictures, 0700), 0);
    text = g_build_filename (pictures, "list.txt", NULL);
    hidden = g_build_filename (pictures, "._a.png", NULL);
    below = g_build_filename (pictures, "e.png", NULL);
    assert_true (g_file_set_contents (text, "a.png", -1, NULL));
    assert_true (g_file_set_contents (hidden, "no picture", -1, NULL));
    assert_int_equal (g_mkdir (below, 0700), 0);
    for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *path = g_build_filename (pictures, names[i], NULL);
        assert_fov_ok (fov_image_save (&image, path, &error), error);
    }
    g_free (image.plane[0]);
    reader = fov_reader_open (pictures, &error);
    assert_fov_ok (reader != NULL, error);
    assert_int_equal (fov_reader_info (reader)->n_frames, G_N_ELEMENTS (names));
    for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
        assert_fov_ok (fov_reader_read (reader, &frame, &error), error);
        assert_true (g_str_has_suffix (frame.path, names[i]));
        assert_int_equal (g_remove (frame.path), 0);
    }
    assert_false (fov_reader_read (reader, &frame, &error));
    assert_int_equal (fov_reader_damaged (reader), 0);
    assert_int_equal (g_remove (text) + g_remove (hidden) + g_remove (below), 0);
}

static void
write_bytes (const char *path, const char *bytes, gsize size)
{
    assert_true (g_file_set_contents (path, bytes, (gssize) size, NULL));
}

static void
test_bad_input (void **state)
{
    static const struct {
        const char *name;
        int code;
        const char *text;
    } rows[] = {
        { "missing.mp4", FOV_ERROR_IO, "No such file" },
        { "no-match-*.png", FOV_ERROR_IO, "no file matches" },
        { "no-pictures", FOV_ERROR_IO, "folder with no pictures" },
        { "zero.mp4", FOV_ERROR_FORMAT, "zero.mp4" },
        { "zero.png", FOV_ERROR_FORMAT, "zero.png" },
        { "random.avi", FOV_ERROR_FORMAT, "random.avi" },
        { "random.jpg", FOV_ERROR_FORMAT, "random.jpg" },
        { "text.mp4", FOV_ERROR_FORMAT, "text.mp4" },
        { "text.png", FOV_ERROR_FORMAT, "text.png" },
        { "huge.png", FOV_ERROR_FORMAT, "huge.png" },
        { "rando*.jpg", FOV_ERROR_FORMAT, "random.jpg" },
        { "moov-less.mp4", FOV_ERROR_FORMAT, "moov" },
    };
    static const char huge[] = "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff"
                               "\x08\x02\0\0\0\0\0\0\0\0\0\0\0IEND\0\0\0\0";
    g_autofree char *whole = NULL;
    g_autofree char *source = in_folder ("source.mp4");
    g_autofree char *random = g_malloc (50000);
    g_autoptr (GRand) rand = g_rand_new_with_seed (7);
    const char *text = "Once upon a time there was a file that was no film.\n";

    for (int i = 0; i < 50000; i++)
        random[i] = (char) g_rand_int (rand);
    write_clip (source, FOV_PIXEL_I420, 64, 48, 5, 0, NULL);
    for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *path = in_folder (rows[i].name);
        GError *error = NULL;
        FovImage image;
        FovReader *reader;
        FovFrame frame;

        print_message ("# %s\n", rows[i].name);
        if (g_str_equal (rows[i].name, "no-pictures"))
            assert_int_equal (g_mkdir (path, 0700), 0);
        if (g_str_has_prefix (rows[i].name, "zero"))
            write_bytes (path, "", 0);
        if (g_str_has_prefix (rows[i].name, "random"))
            write_bytes (path, random, 50000);
        if (g_str_has_prefix (rows[i].name, "text"))
            write_bytes (path, text, strlen (text));
        if (g_str_has_prefix (rows[i].name, "huge"))
            write_bytes (path, huge, sizeof huge);
        if (g_str_has_prefix (rows[i].name, "moov")) {
            assert_true (g_file_get_contents (source, &whole, NULL, NULL));
            write_bytes (path, whole, 400);
        }
        reader = fov_reader_open (path, &error);
        if (reader)
            assert_false (fov_reader_read (reader, &frame, &error));
        fov_reader_free (reader);
        assert_fov_error (&error, rows[i].code, rows[i].text);
        assert_false (fov_image_load (path, &image, &error));
        assert_null (image.plane[0]);
        assert_true (strstr (error->message, rows[i].name) != NULL);
        g_clear_error (&error);
    }
    assert_null (fov_reader_open ("", NULL));
}

/* However a file is cut or hit: an end or an error, and what was read is sound. */
static void
test_damaged_files (void **state)
{
    static const char *const names[] = { "x.avi", "x.mp4", "x.mkv", "x.webm", "x.png", "x.jpg" };
    g_autoptr (GRand) rand = g_rand_new_with_seed (3);
    int survived = 0;

    for (guint k = 0; k < G_N_ELEMENTS (names); k++) {
        g_autofree char *path = in_folder (names[k]);
        g_autofree char *bytes = NULL;
        gsize size;

        write_clip (path, FOV_PIXEL_I420, 64, 48, k < 4 ? 10 : 1, 0, NULL);
        assert_true (g_file_get_contents (path, &bytes, &size, NULL));
        for (int round = 0; round < 12; round++) {
            g_autofree char *copy = g_memdup2 (bytes, size);
            gsize length = round % 2 ? size : size * (guint) (round + 1) / 12;
            GError *error = NULL;
            FovReader *reader;
            FovFrame frame;
            int n = 0;

            for (int hit = 0; round % 2 && hit < round; hit++)
                copy[g_rand_int_range (rand, 0, (gint32) size)] = (char) g_rand_int (rand);
            write_bytes (path, copy, length);
            reader = fov_reader_open (path, &error);
            while (reader && fov_reader_read (reader, &frame, &error)) {
                assert_true (fov_image_check (&frame.image, NULL));
                assert_true (++n < 100);
            }
            assert_true (n > 0 || error != NULL);
            survived += n > 0;
            g_clear_error (&error);
            fov_reader_free (reader);
        }
    }
    assert_true (survived > 20);
}

/* Half a picture is none, however plausible the decoder fills what is missing. */
static void
test_cut_stills (void **state)
{
    static const char *const names[] = { "cut-a.jpg", "cut-a.png" };
    FovImage image = make_image (FOV_PIXEL_RGB, 640, 480, 2), loaded;

    for (guint k = 0; k < G_N_ELEMENTS (names); k++) {
        g_autofree char *path = in_folder (names[k]), *bytes = NULL;
        gsize size;

        assert_true (fov_image_save (&image, path, NULL));
        assert_true (g_file_get_contents (path, &bytes, &size, NULL));
        for (guint i = 0; i < 8; i++) {
            const gsize length =
                i < 4 ? size * (25 + 24 * i) / 100 : size - (gsize[]){ 1, 2, 3, 9 }[i - 4];
            g_autoptr (GBytes) part = g_bytes_new (bytes, length);
            GError *error = NULL;

            write_bytes (path, bytes, length);
            assert_false (fov_image_load (path, &loaded, &error));
            assert_fov_error (&error, FOV_ERROR_FORMAT, names[k]);
            assert_false (fov_image_decode (part, "some bytes", &loaded, &error));
            assert_fov_error (&error, FOV_ERROR_FORMAT, "some bytes");
            assert_null (fov_reader_open (path, &error));
            assert_fov_error (&error, FOV_ERROR_FORMAT, names[k]);
        }
    }
    g_free (image.plane[0]);
}

/* Sound are a thumbnail with an end of its own, fill bytes, and whatever follows the end. */
static void
test_jpeg_ends (void **state)
{
    static const struct {
        const char *bytes;
        gsize n;
        gboolean ends;
    } rows[] = {
#define ROW(bytes, ends) { bytes, sizeof bytes - 1, ends }
        ROW ("", FALSE),
        ROW ("\xff", FALSE),
        ROW ("\xff\xd8\xff\xda\0\3a12\xff\0\xff\xd3"
             "3\xff\xd9",
             TRUE),
        ROW ("\xff\xd8\xff\xda\0\3a12\xff\0\xff\xd3"
             "3\xff",
             FALSE),
        ROW ("\xff\xd8\xff\xda\0\3a12\xff\xff\xd9"
             "behind",
             TRUE),
        ROW ("\xff\xd8\xff\xe1\0\6\xff\xd8\xff\xd9\xff\xda\0\2"
             "12",
             FALSE),
        ROW ("\xff\xd8\xff\xe1\0\6\xff\xd8\xff\xd9\xff\xda\0\2"
             "12\xff\xd9",
             TRUE),
        ROW ("\xff\xd8\xff\xe1\xff\xff\xff\xd9", FALSE),
        ROW ("\xff\xd8\xff\xe1\0", FALSE),
        ROW ("\xff\xd8\xff\xda\0\2"
             "1\xff\xc4\0\3"
             "1\xff\xda\0\2"
             "2",
             FALSE),
#undef ROW
    };

    for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree guint8 *bytes = g_memdup2 (rows[i].bytes, rows[i].n);
        if (fov_jpeg_ends (bytes, rows[i].n) != rows[i].ends)
            fail_msg ("row %u", i);
    }
}

static void
test_cut_in_series (void **state)
{
    g_autofree char *sound = in_folder ("row-a.jpg"), *cut = in_folder ("row-b.jpg"),
                    *last = in_folder ("row-c.jpg");
    g_autofree char *glob = in_folder ("row-*.jpg"), *bytes = NULL;
    FovImage image = make_image (FOV_PIXEL_RGB, 640, 480, 2);
    g_autoptr (FovReader) reader = NULL;
    FovFrame frame;
    gsize size;

    assert_true (fov_image_save (&image, sound, NULL) && fov_image_save (&image, last, NULL));
    assert_true (g_file_get_contents (sound, &bytes, &size, NULL));
    write_bytes (cut, bytes, size / 2);
    reader = fov_reader_open (glob, NULL);
    assert_non_null (reader);
    assert_null (fov_reader_damage (reader));
    assert_true (fov_reader_read (reader, &frame, NULL));
    assert_true (fov_reader_read (reader, &frame, NULL));
    assert_string_equal (frame.path, last);
    assert_false (fov_reader_read (reader, &frame, NULL));
    assert_int_equal (fov_reader_damaged (reader), 1);
    assert_non_null (strstr (fov_reader_damage (reader), "row-b.jpg"));
    g_free (image.plane[0]);
}

/* A JPEG's bytes with an APP1 segment whose EXIF, of one entry, says how the camera was held. */
static void
write_oriented (const char *path, const char *bytes, gsize size, guint8 orientation)
{
    static const guint8 head[] = "\xff\xd8\xff\xe1\x00\x22"
                                 "Exif\0\0"
                                 "MM\0\x2a\0\0\0\x08"
                                 "\0\x01"
                                 "\x01\x12\0\x03\0\0\0\x01\0";
    g_autoptr (GByteArray) all = g_byte_array_new ();
    const guint8 tail[] = { orientation, 0, 0, 0, 0, 0, 0 };

    g_byte_array_append (all, head, sizeof head - 1);
    g_byte_array_append (all, tail, sizeof tail);
    g_byte_array_append (all, (const guint8 *) bytes + 2, (guint) size - 2);
    write_bytes (path, (const char *) all->data, all->len);
}

/* x, y of the upright picture -> x, y of the stored one of w x h (TIFF 6.0, tag 274). */
static void
stored_place (int orientation, int w, int h, int x, int y, int *from_x, int *from_y)
{
    const gboolean lies = orientation >= 5;
    const int u = lies ? y : x, v = lies ? x : y;

    *from_x = strchr ("\2\3\7\x8", orientation) ? w - 1 - u : u;
    *from_y = strchr ("\3\4\6\7", orientation) ? h - 1 - v : v;
}

static void
test_orientations (void **state)
{
    enum { W = 33, H = 17 };
    g_autofree char *plain = in_folder ("plain.jpg"), *path = in_folder ("held.jpg"), *bytes = NULL;
    FovImage image = make_image (FOV_PIXEL_RGB, W, H, 2), stored, loaded;
    GError *error = NULL;
    gsize size;

    assert_fov_ok (fov_image_save (&image, plain, &error), error);
    assert_fov_ok (fov_image_load (plain, &stored, &error), error);
    assert_true (g_file_get_contents (plain, &bytes, &size, NULL));
    for (guint8 o = 1; o <= 8; o++) {
        FovReader *reader;
        FovFrame frame;

        write_oriented (path, bytes, size, o);
        assert_fov_ok (fov_image_load (path, &loaded, &error), error);
        assert_int_equal (loaded.width, o < 5 ? W : H);
        assert_int_equal (loaded.height, o < 5 ? H : W);
        for (int i = 0, x, y; i < W * H; i++) {
            stored_place (o, W, H, i % loaded.width, i / loaded.width, &x, &y);
            if (memcmp (loaded.plane[0] + i / loaded.width * loaded.stride[0] +
                            3 * (i % loaded.width),
                        stored.plane[0] + y * stored.stride[0] + 3 * x, 3))
                fail_msg ("orientation %d: not %d, %d of the file", o, x, y);
        }
        reader = fov_reader_open (path, &error);
        assert_fov_ok (reader && fov_reader_read (reader, &frame, &error), error);
        assert_int_equal (fov_reader_info (reader)->width, loaded.width);
        assert_int_equal (fov_reader_info (reader)->height, loaded.height);
        assert_true (difference (&frame.image, &loaded) < 3);
        fov_reader_free (reader);
        g_free (loaded.plane[0]);
    }
    g_free (image.plane[0]);
    g_free (stored.plane[0]);
}

static void
test_cancel (void **state)
{
    g_autofree char *path = in_folder ("cancel.avi");
    GError *error = NULL;
    g_autoptr (FovReader) reader = NULL;
    FovFrame frame;

    write_clip (path, FOV_PIXEL_I420, 64, 48, 5, 0, NULL);
    reader = fov_reader_open (path, &error);
    assert_fov_ok (reader != NULL, error);
    assert_fov_ok (fov_reader_read (reader, &frame, &error), error);
    fov_reader_cancel (reader);
    assert_false (fov_reader_read (reader, &frame, &error));
    assert_fov_error (&error, FOV_ERROR_CANCELLED, "cancel.avi");
}

/* Sends a clip and then keeps the line open in silence. */
static gpointer
serve (gpointer data)
{
    GSocketListener *listener = data;
    g_autofree char *path = in_folder ("stream.mkv");
    g_autofree char *bytes = NULL;
    g_autoptr (GSocketConnection) connection = NULL;
    gsize size;

    connection = g_socket_listener_accept (listener, NULL, NULL, NULL);
    if (connection && g_file_get_contents (path, &bytes, &size, NULL)) {
        char unused;

        g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)), bytes,
                                   size, NULL, NULL, NULL);
        g_input_stream_read (g_io_stream_get_input_stream (G_IO_STREAM (connection)), &unused, 1,
                             NULL, NULL);
    }
    return NULL;
}

static gpointer
cancel_soon (gpointer reader)
{
    g_usleep (200000);
    fov_reader_cancel (reader);
    return NULL;
}

/* A stream that falls silent holds a read up only until it is cancelled. */
static void
test_cancel_stream (void **state)
{
    g_autoptr (GSocketListener) listener = g_socket_listener_new ();
    g_autofree char *path = in_folder ("stream.mkv");
    g_autofree char *url = NULL;
    guint16 port = g_socket_listener_add_any_inet_port (listener, NULL, NULL);
    GError *error = NULL;
    GThread *server, *canceller;
    FovReader *reader;
    FovFrame frame;
    gint64 start;
    int n = 0;

    if (port == 0)
        skip ();
    write_clip (path, FOV_PIXEL_I420, 64, 48, 20, 0, NULL);
    url = g_strdup_printf ("tcp://127.0.0.1:%u", port);
    server = g_thread_new ("server", serve, listener);
    reader = fov_reader_open (url, &error);
    assert_fov_ok (reader != NULL, error);
    assert_true (fov_reader_info (reader)->live);
    canceller = g_thread_new ("cancel", cancel_soon, reader);
    start = g_get_monotonic_time ();
    while (fov_reader_read (reader, &frame, &error))
        n++;
    assert_fov_error (&error, FOV_ERROR_CANCELLED, "tcp://");
    assert_true (n >= 15);
    assert_true (g_get_monotonic_time () - start < 5 * G_USEC_PER_SEC);
    g_thread_join (canceller);
    fov_reader_free (reader);
    g_thread_join (server);
}

/* Times of streams that jitter, lack times, start over or lie. */
static void
test_clock (void **state)
{
    const gint64 s = 1000000000, none = FOV_CLOCK_NONE;
    const struct {
        const char *name;
        gint64 in[4], out[4];
    } rows[] = {
        { "regular", { 5 * s, 6 * s, 7 * s, 8 * s }, { 0, s, 2 * s, 3 * s } },
        { "negative start", { -3 * s, -2 * s, 0, s }, { 0, s, 3 * s, 4 * s } },
        { "no times", { none, none, none, none }, { 0, 40, 80, 120 } },
        { "some missing", { 0, none, 100, none }, { 0, 40, 100, 140 } },
        { "twice the same", { 0, 50, 50, 5000 }, { 0, 50, 1050, 5000 } },
        { "starts over", { 100 * s, 160 * s, 0, s }, { 0, 60 * s, 60 * s + 40, 61 * s + 40 } },
        { "absurd", { 0, G_MAXINT64, G_MININT64 + 1, 200 }, { 0, 40, 80, 200 } },
    };

    for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
        FovClock clock = { .step = 40 };

        print_message ("# %s\n", rows[i].name);
        for (int k = 0; k < 4; k++)
            assert_int_equal (fov_clock_next (&clock, rows[i].in[k]), rows[i].out[k]);
    }
}

static void
test_writer_arguments (void **state)
{
    static const struct {
        const char *name;
        int width, height;
        FovWriterParams params;
        FovErrorCode code;
        const char *text;
    } rows[] = {
        { "a.xyz", 64, 48, { 0 }, FOV_ERROR_UNSUPPORTED, "must end in" },
        { "a.mp4", 0, 48, { 0 }, FOV_ERROR_ARGUMENT, "0x48" },
        { "a.mp4", 64, 40000, { 0 }, FOV_ERROR_ARGUMENT, "64x40000" },
        { "a.mp4", 64, 48, { .fps_num = -1 }, FOV_ERROR_ARGUMENT, "-1/0" },
        { "a.mp4", 64, 48, { .encoder = "libx264" }, FOV_ERROR_ARGUMENT, "GPL" },
        { "a.mp4", 64, 48, { .encoder = "nonsense" }, FOV_ERROR_UNSUPPORTED, "nonsense" },
        { "a.webm", 64, 48, { .encoder = "mpeg4" }, FOV_ERROR_UNSUPPORTED, "mpeg4" },
        { "none/a.mp4", 64, 48, { 0 }, FOV_ERROR_IO, "No such file" },
    };
    g_autofree char *path = in_folder ("good.avi");
    GError *error = NULL;
    FovImage image = make_image (FOV_PIXEL_RGB, 32, 32, 0);
    g_autoptr (FovWriter) writer = fov_writer_open (path, 64, 48, NULL, &error);

    assert_fov_ok (writer != NULL, error);
    assert_false (fov_writer_write (writer, &image, 0, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "32x32");
    assert_false (fov_image_save (&image, "a.gif", &error));
    assert_fov_error (&error, FOV_ERROR_UNSUPPORTED, "a.gif");
    assert_false (fov_image_save (&image, "/none/a.png", &error));
    assert_fov_error (&error, FOV_ERROR_IO, "/none/a.png");
    g_free (image.plane[0]);
    for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *name = in_folder (rows[i].name);

        assert_null (
            fov_writer_open (name, rows[i].width, rows[i].height, &rows[i].params, &error));
        assert_fov_error (&error, rows[i].code, rows[i].text);
    }
}

static void
test_disk_full (void **state)
{
    static const char *const names[] = { "full.avi", "full.mp4", "full.mkv" };

    if (g_access ("/dev/full", W_OK) != 0)
        skip ();
    for (guint k = 0; k < G_N_ELEMENTS (names); k++) {
        g_autofree char *path = in_folder (names[k]);
        GError *error = NULL;
        FovWriter *writer;
        gboolean ok = TRUE;

        assert_int_equal (symlink ("/dev/full", path), 0);
        writer = fov_writer_open (path, 64, 48, NULL, &error);
        for (int i = 0; writer && ok && i < 5; i++) {
            FovImage image = make_image (FOV_PIXEL_RGB, 64, 48, i);

            ok = fov_writer_write (writer, &image, i * (gint64) FRAME_NS, &error);
            g_free (image.plane[0]);
        }
        if (writer && ok)
            assert_false (fov_writer_close (writer, &error));
        assert_fov_error (&error, FOV_ERROR_IO, "No space left");
        fov_writer_free (writer);
    }
}

static void
test_real_film (void **state)
{
    const char *data = g_getenv ("FOVEA_TEST_DATA");
    g_autofree char *path = data ? g_build_filename (data, "video", "vtest.avi", NULL) : NULL;
    GError *error = NULL;
    g_autoptr (FovReader) reader = NULL;
    FovFrame frame;
    int n = 0;

    if (!path || !g_file_test (path, G_FILE_TEST_EXISTS)) {
        print_message ("# skipped: FOVEA_TEST_DATA has no video/vtest.avi\n");
        skip ();
    }
    reader = fov_reader_open (path, &error);
    assert_fov_ok (reader != NULL, error);
    assert_int_equal (fov_reader_info (reader)->n_frames, 795);
    for (; fov_reader_read (reader, &frame, &error); n++) {
        assert_int_equal (frame.image.width, 768);
        assert_int_equal (frame.image.height, 576);
        assert_int_equal (frame.pts, n * G_GINT64_CONSTANT (100000000));
    }
    assert_fov_ok (TRUE, error);
    assert_int_equal (n, 795);
    assert_int_equal (fov_reader_damaged (reader), 0);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_clips),
        cmocka_unit_test (test_variable_rate),
        cmocka_unit_test (test_stills),
        cmocka_unit_test (test_folder),
        cmocka_unit_test (test_glob),
        cmocka_unit_test (test_bad_input),
        cmocka_unit_test (test_damaged_files),
        cmocka_unit_test (test_cut_stills),
        cmocka_unit_test (test_cut_in_series),
        cmocka_unit_test (test_jpeg_ends),
        cmocka_unit_test (test_orientations),
        cmocka_unit_test (test_clock),
        cmocka_unit_test (test_cancel),
        cmocka_unit_test (test_cancel_stream),
        cmocka_unit_test (test_writer_arguments),
        cmocka_unit_test (test_disk_full),
        cmocka_unit_test (test_real_film),
    };
    return RUN_IN_FOLDER ("media", tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Motion vectors of files, and what they say of the camera. */
#include <math.h>
#include <unistd.h>

#include "folder.h"
#include <fovea/media.h>

#define FRAME_NS 40000000

/* A texture that moves 6 pixels right and 2 down in each picture. */
static void
write_pan (const char *path, int n)
{
    GError *error = NULL;
    g_autoptr (FovWriter) writer =
        fov_writer_open (path, 320, 240, &(FovWriterParams){ .bitrate = 4000000 }, &error);

    assert_fov_ok (writer != NULL, error);
    for (int i = 0; i < n; i++) {
        FovImage image;
        assert_fov_ok (fov_image_alloc (&image, FOV_PIXEL_GRAY, 320, 240, &error), error);
        for (int y = 0; y < 240; y++) {
            for (int x = 0; x < 320; x++) {
                double u = x - 6 * i, v = y - 2 * i;
                image.plane[0][y * image.stride[0] + x] =
                    (guint8) (128 + 60 * sin (u * 0.13) * cos (v * 0.11 + u * 0.02));
            }
        }
        assert_fov_ok (fov_writer_write (writer, &image, i * (gint64) FRAME_NS, &error), error);
        g_free (image.plane[0]);
    }
    assert_fov_ok (fov_writer_close (writer, &error), error);
}

static int
by_value (gconstpointer a, gconstpointer b)
{
    float x = *(const float *) a, y = *(const float *) b;

    return (x > y) - (x < y);
}

static float
median (GArray *values)
{
    g_array_sort (values, by_value);
    return g_array_index (values, float, values->len / 2);
}

static void
test_motion_vectors (void **state)
{
    static const char *const names[] = { "pan.avi", "pan.mp4" };

    for (guint k = 0; k < G_N_ELEMENTS (names); k++) {
        g_autofree char *path = in_folder (names[k]);
        g_autoptr (GArray) dx = g_array_new (FALSE, FALSE, sizeof (float));
        g_autoptr (GArray) dy = g_array_new (FALSE, FALSE, sizeof (float));
        GError *error = NULL;
        FovFrame frame;
        int n_known = 0;

        write_pan (path, 10);
        g_autoptr (FovReader) reader =
            fov_reader_open_full (path, &(FovReaderParams){ .motion_vectors = TRUE }, &error);
        assert_fov_ok (reader != NULL, error);
        while (fov_reader_read (reader, &frame, &error)) {
            double m[6];
            assert_true (frame.index > 0 || frame.n_motion == 0);
            if (fov_frame_camera_motion (&frame, m)) {
                n_known++;
                assert_true (fabs (m[2] - 6) < .5 && fabs (m[5] - 2) < .5);
            }
            for (guint i = 0; i < frame.n_motion; i++) {
                const FovMotionVector *v = &frame.motion[i];
                if (v->x < 40 || v->x > 280 || v->y < 40 || v->y > 200)
                    continue; /* what comes in at the borders has no source */
                assert_int_equal (v->direction, -1);
                assert_in_range (v->width, 4, 16);
                g_array_append_val (dx, v->dx);
                g_array_append_val (dy, v->dy);
            }
        }
        assert_null (error);
        assert_int_equal (n_known, 9);
        assert_true (dx->len > 500);
        if (fabsf (median (dx) + 6) > 0.26f || fabsf (median (dy) + 2) > 0.26f)
            fail_msg ("%s moves by %g, %g", names[k], (double) median (dx), (double) median (dy));
    }
}

/* Vectors of a camera that turns, zooms and shifts, a third of them of things that move. */
static void
test_camera_motion (void **state)
{
    static const struct {
        double zoom, turn, x, y;
    } rows[] = { { 1, 0, 0, 0 }, { 1, 0, 12, -7 }, { 1.02, 0, 0, 0 }, { .99, .02, -5, 3 } };
    g_autoptr (GRand) rand = g_rand_new_with_seed (1);
    FovMotionVector v[40 * 30];

    for (guint r = 0; r < G_N_ELEMENTS (rows); r++) {
        double a = rows[r].zoom * cos (rows[r].turn), b = rows[r].zoom * sin (rows[r].turn);
        double square = a * a + b * b, m[6];
        FovFrame frame = { .image = { .width = 640, .height = 480 },
                           .motion = v,
                           .n_motion = 1200 };
        for (int i = 0; i < 1200; i++) {
            double x = 16 * (i % 40) + 8, y = 16 * (i / 40) + 8;
            double u = x - rows[r].x, t = y - rows[r].y; /* back to the last picture */
            double from_x = (a * u + b * t) / square, from_y = (a * t - b * u) / square;
            gboolean moves = i % 40 > 26;
            v[i] = (FovMotionVector){ .x = (float) x, .y = (float) y, .width = 16, .height = 16 };
            v[i].dx = moves ? 20 : (float) (round ((from_x - x) * 4) / 4);
            v[i].dy = moves ? (float) g_rand_double_range (rand, -30, 30)
                            : (float) (round ((from_y - y) * 4) / 4);
            v[i].direction = -1;
        }
        const double want[6] = { a, -b, rows[r].x, b, a, rows[r].y };
        assert_true (fov_frame_camera_motion (&frame, m));
        for (int k = 0; k < 6; k++)
            if (fabs (m[k] - want[k]) > (k % 3 == 2 ? .3 : 5e-4))
                fail_msg ("row %u: m[%d] is %g, expected %g", r, k, m[k], want[k]);
        v[5].direction = 1;
        assert_false (fov_frame_camera_motion (&frame, m));
        frame.n_motion = 10;
        assert_false (fov_frame_camera_motion (&frame, m));
    }
}

static void
test_no_motion_unless_asked (void **state)
{
    g_autofree char *path = in_folder ("still-pan.avi");
    GError *error = NULL;
    FovFrame frame;

    write_pan (path, 3);
    g_autoptr (FovReader) reader = fov_reader_open (path, &error);
    assert_fov_ok (reader != NULL, error);
    while (fov_reader_read (reader, &frame, &error))
        assert_int_equal (frame.n_motion, 0);
    assert_null (error);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_motion_vectors),
        cmocka_unit_test (test_camera_motion),
        cmocka_unit_test (test_no_motion_unless_asked),
    };
    return RUN_IN_FOLDER ("motion", tests);
}

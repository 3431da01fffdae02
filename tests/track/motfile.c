/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "../unit/folder.h"
#include <fovea/motfile.h>
#include <fovea/sot.h>

#define TRUTHS FOV_MOT_FILE_TRUTHS
#define RESULTS FOV_MOT_FILE_RESULTS
#define DETECTIONS FOV_MOT_FILE_DETECTIONS

static GArray *
read_text (const char *text, FovMotFileKind kind, const char *object_class, GError **error)
{
    g_autofree char *path = file_with ("file.txt", text);
    return fov_mot_file_read (path, kind, &(FovMotFileParams){ .object_class = object_class },
                              error);
}

static GArray *
rows_of (const char *text, FovMotFileKind kind, const char *object_class)
{
    GError *error = NULL;
    GArray *rows = read_text (text, kind, object_class, &error);
    assert_fov_ok (rows != NULL, error);
    return rows;
}

static FovMotRow
row (const GArray *rows, guint i)
{
    return g_array_index (rows, FovMotRow, i);
}

/* ---- what is read ----------------------------------------------------------- */

static void
mot_truths (void **state)
{
    g_autoptr (GArray) rows = rows_of ("\xef\xbb\xbf"
                                       "2,1,10,20,30,40,1,1,0.5\r\n"
                                       "\n"
                                       "1,2,11,21,30.5,40,0,1,1\n"
                                       "1,3,12,22,30,40,0,7,1\n"
                                       "1,4,13,23,30,40,1,6,1\n"
                                       "1,5,14,24,30,40,0,11,1",
                                       TRUTHS, NULL);
    assert_int_equal (rows->len, 5);
    /* By frame; within one as in the file. */
    assert_int_equal (row (rows, 0).id, 2);
    assert_int_equal (row (rows, 0).role, FOV_MOT_NEUTRAL);
    assert_int_equal (row (rows, 1).role, FOV_MOT_DISTRACTOR);
    assert_int_equal (row (rows, 2).role, FOV_MOT_NEUTRAL);
    assert_int_equal (row (rows, 3).role, FOV_MOT_NEUTRAL);
    assert_int_equal (row (rows, 4).role, FOV_MOT_COUNTED);
    assert_int_equal (row (rows, 4).frame, 2);
    assert_true (row (rows, 0).box.x2 == 41.5f && row (rows, 0).box.y2 == 61);

    g_autofree char *path = file_with ("file.txt", "1,4,13,23,30,40,1,6,1\n");
    g_autoptr (GArray) mot20 =
        fov_mot_file_read (path, TRUTHS, &(FovMotFileParams){ .mot20 = TRUE }, NULL);
    assert_int_equal (row (mot20, 0).role, FOV_MOT_DISTRACTOR);
}

/* MOT15 has no classes: its columns 8 to 10 are metres, and what is not marked goes. */
static void
mot15_truths (void **state)
{
    g_autoptr (GArray) rows = rows_of ("1,1,10,20,30,40,1,-4.1,-7.3,0\n"
                                       "1,2,10,20,30,40,0,8,1,0\n",
                                       TRUTHS, NULL);
    assert_int_equal (rows->len, 1);
    assert_int_equal (row (rows, 0).role, FOV_MOT_COUNTED);
}

static void
mot_results_and_detections (void **state)
{
    const char *text =
        "3, 7.0, -5, 1e1, 30, 40, 0.25, -1, -1, -1\n1,-1,1,2,0,-4,93.6\n1,8,1,2,3,4\n";
    g_autoptr (GArray) results = rows_of (text, RESULTS, NULL);
    g_autoptr (GArray) detections = rows_of (text, DETECTIONS, NULL);
    guint n;

    assert_int_equal (row (results, 2).id, 7);
    assert_true (row (results, 2).box.x1 == -5 && row (results, 2).box.y1 == 10);
    assert_true (row (results, 2).score == 0.25f && row (results, 1).score == 1);
    assert_int_equal (row (detections, 0).id, -1);
    assert_true (row (detections, 0).score == 93.6f);
    assert_ptr_equal (fov_mot_rows_of_frame (results, 3, &n), &((FovMotRow *) results->data)[2]);
    assert_int_equal (n, 1);
    assert_non_null (fov_mot_rows_of_frame (results, 1, &n));
    assert_int_equal (n, 2);
    assert_null (fov_mot_rows_of_frame (results, 2, &n));
    assert_int_equal (n, 0);
}

static const char kitti[] = "0 1 Car 0 0 -1.5 10 20 50 60 1 1 1 1 1 1 1\n"
                            "0 2 Car 1 0 -1.5 10 20 50 60 1 1 1 1 1 1 1\n"
                            "0 3 Car 0 3 -1.5 10 20 50 60 1 1 1 1 1 1 1\n"
                            "0 4 Van 0 0 -1.5 10 20 50 60 1 1 1 1 1 1 1\n"
                            "0 5 Person 0 0 -1.5 10 20 50 60 1 1 1 1 1 1 1\n"
                            "0 6 Pedestrian 0 2 -1.5 10 20 50 60 1 1 1 1 1 1 1 0.5\n"
                            "0 -1 DontCare -1 -1 -10 10 20 50 60 -1 -1 -1 -1000 -1000 -1000 -10\n"
                            "0 7 Cyclist 0 0 -1.5 10 20 50 60 1 1 1 1 1 1 1\n";

static void
kitti_truths (void **state)
{
    g_autoptr (GArray) cars = rows_of (kitti, TRUTHS, "car");
    g_autoptr (GArray) people = rows_of (kitti, TRUTHS, "pedestrian");
    g_autoptr (GArray) results = rows_of (kitti, RESULTS, "pedestrian");
    const FovMotRole roles[] = { FOV_MOT_COUNTED, FOV_MOT_DISTRACTOR, FOV_MOT_DISTRACTOR,
                                 FOV_MOT_DISTRACTOR, FOV_MOT_REGION };

    assert_int_equal (cars->len, 5);
    for (guint i = 0; i < cars->len; i++)
        assert_int_equal (row (cars, i).role, roles[i]);
    assert_int_equal (row (cars, 0).frame, 1);
    assert_true (row (cars, 0).box.x2 == 50 && row (cars, 0).box.y2 == 60);
    assert_int_equal (people->len, 3);
    assert_int_equal (row (people, 0).role, FOV_MOT_DISTRACTOR);
    assert_int_equal (row (people, 1).role, FOV_MOT_COUNTED);
    assert_int_equal (results->len, 1);
    assert_true (row (results, 0).score == 0.5f);
}

static void
what_is_written_is_read (void **state)
{
    const FovMotRow rows[] = { { 1, 0.5f, 4, { 1.25f, 2, 11.25f, 22 }, 0 },
                               { 70, 0.25f, 400000000000, { -5, 2, 1, 3 }, 0 } };
    g_autoptr (GArray) in = g_array_new (FALSE, FALSE, sizeof (FovMotRow));
    g_autofree char *path = in_folder ("written.txt");

    g_array_append_vals (in, rows, 2);
    for (int is_kitti = 0; is_kitti < 2; is_kitti++) {
        assert_true (fov_mot_file_write (path, in, is_kitti ? "Car" : NULL, NULL));
        g_autoptr (GArray) out = fov_mot_file_read (path, RESULTS, NULL, NULL);
        assert_int_equal (out->len, 2);
        for (guint i = 0; i < 2; i++) {
            FovMotRow r = row (out, i);
            assert_true (r.frame == rows[i].frame && r.id == rows[i].id);
            assert_memory_equal (&r.box, &rows[i].box, sizeof r.box);
            assert_true (r.score == rows[i].score);
        }
    }
}

static void
sequence_info (void **state)
{
    g_autofree char *path =
        file_with ("file.txt", "[Sequence]\nname=MOT17-02\nimDir=img1\nframeRate=29.97\n"
                               "seqLength=600\nimWidth=1920\nimHeight=1080\nimExt=.jpg\n");
    FovMotSequenceInfo info;

    assert_true (fov_mot_sequence_info_read (path, &info, NULL));
    assert_string_equal (info.name, "MOT17-02");
    assert_string_equal (info.image_dir, "img1");
    assert_string_equal (info.image_suffix, ".jpg");
    assert_true (info.frame_rate == 29.97 && info.n_frames == 600);
    assert_true (info.width == 1920 && info.height == 1080);
    fov_mot_sequence_info_clear (&info);
    assert_null (info.name);
}

static void
camera_motion (void **state)
{
    g_autofree char *path =
        file_with ("file.txt", "1\t1\t2\t3\t4\t5\t6\n0 1.0 0.0 0.0 0.0 1.0 0.0\n");
    g_autoptr (GArray) motions = fov_mot_motions_read (path, NULL);
    const FovMotMotion *motion;

    assert_int_equal (motions->len, 2);
    motion = fov_mot_motion_of_frame (motions, 2);
    for (int i = 0; i < 6; i++)
        assert_true (motion->m[i] == i + 1);
    assert_true (fov_mot_motion_of_frame (motions, 1)->m[4] == 1);
    assert_null (fov_mot_motion_of_frame (motions, 3));
}

static void
sot_boxes (void **state)
{
    g_autofree char *path = file_with ("file.txt", "1,2,3,4\n1.5\t2\t3\t4\nNaN,nan,NaN,NaN\n");
    g_autoptr (GArray) boxes = fov_sot_file_read (path, NULL);

    assert_int_equal (boxes->len, 3);
    assert_true (g_array_index (boxes, FovSotBox, 1).x == 1.5);
    assert_true (isnan (g_array_index (boxes, FovSotBox, 2).height));
}

/* ---- what is refused --------------------------------------------------------- */

static const struct {
    FovMotFileKind kind;
    const char *text, *message;
} refused[] = {
    { RESULTS, "1,1,2,3,4\n", "file.txt:1: 5 columns, expected a number within +-1e9 in column 6" },
    { RESULTS, "1,1,2,3,4,5\n1,1,2,x\"y,4,5\n",
      "file.txt:2: column 4 is 'x\\\"y', expected a num" },
    { RESULTS, "1,1,2,nan,4,5\n", "file.txt:1: column 4 is 'nan'" },
    { RESULTS, "1,1,nan,3,4,5,6,7,8\n", "file.txt:1: column 3 is 'nan'" },
    { RESULTS, "1,1,2,inf,4,5\n", "column 4 is 'inf'" },
    { RESULTS, "1,1,2,1e400,4,5\n", "column 4 is '1e400'" },
    { RESULTS, "1,1,2,0x10,4,5\n", "column 4 is '0x10'" },
    { RESULTS, "1,1,2,,4,5\n", "column 4 is ''" },
    { RESULTS, "1,1,2,3-,4,5\n", "column 4 is '3-'" },
    { RESULTS, "0,1,2,3,4,5\n", "column 1 is '0', expected a whole number 1..16777216" },
    { RESULTS, "1.5,1,2,3,4,5\n", "column 1 is '1.5'" },
    { RESULTS, "99999999,1,2,3,4,5\n", "column 1 is '99999999'" },
    { RESULTS, "1,9e18,2,3,4,5\n", "column 2 is '9e18'" },
    { RESULTS, "1,1,2,3,4,5,x\n", "column 7 is 'x'" },
    { TRUTHS, "1,1,2,3,4,5,1,1,1\n1,1,2,3,4,5,1,1\n", "file.txt:2: 8 columns, expected 9" },
    { TRUTHS, "1,1,2,3,4,5,1,1.5,1\n", "column 8 is '1.5'" },
    { RESULTS, "0 1 Car 0 0 0 1 2 3\n", "9 columns, expected a number within +-1e9 in column 10" },
    { TRUTHS, "0 1 Car a 0 0 1 2 3 4\n", "column 4 is 'a'" },
    { RESULTS, "-1 1 Car 0 0 0 1 2 3 4\n", "column 1 is '-1'" },
};

static void
refusals (void **state)
{
    GError *error = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS (refused); i++) {
        assert_null (read_text (refused[i].text, refused[i].kind, NULL, &error));
        assert_fov_error (&error, FOV_ERROR_FORMAT, refused[i].message);
    }
    assert_null (read_text ("1,1,1,1,1,1\n", RESULTS, "boat", &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "'boat', expected car or pedestrian");
    assert_null (fov_mot_file_read ("/nowhere/gt.txt", TRUTHS, NULL, &error));
    assert_fov_error (&error, FOV_ERROR_IO, "/nowhere/gt.txt");
    assert_null (fov_mot_file_read (folder, TRUTHS, NULL, &error));
    assert_fov_error (&error, FOV_ERROR_IO, folder);
}

static void
refused_sequences (void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "", "expected a group [Sequence]" },
        { "[Sequence\n", "file.txt: " },
        { "[Sequence]\nseqLength=-4\n", "seqLength is '-4', expected a whole number from 1" },
        { "[Sequence]\nseqLength=1.5\n", "seqLength is '1.5'" },
        { "[Sequence]\nseqLength=99999999\n", "up to 16777216" },
        { "[Sequence]\nframeRate=nan\n", "frameRate is 'nan'" },
        { "[Sequence]\nimWidth=100000\n", "imWidth is '100000'" },
    };
    FovMotSequenceInfo info;
    GError *error = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autofree char *path = file_with ("file.txt", cases[i].text);
        assert_false (fov_mot_sequence_info_read (path, &info, &error));
        assert_fov_error (&error, FOV_ERROR_FORMAT, cases[i].message);
        fov_mot_sequence_info_clear (&info);
    }
}

static void
refused_others (void **state)
{
    g_autofree char *path = file_with ("file.txt", "0 1 0 0 0 1\n");
    GError *error = NULL;

    assert_null (fov_mot_motions_read (path, &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT, "file.txt:1: 6 columns");
    assert_null (fov_sot_file_read ("/nowhere", &error));
    assert_fov_error (&error, FOV_ERROR_IO, "/nowhere");
    g_free (file_with ("file.txt", "1,2,3\n"));
    assert_null (fov_sot_file_read (path, &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT, "file.txt:1: 3 columns");
}

/* 5 million rows are too many, one line of 16 MB is too long; neither is kept in memory first. */
static void
huge_files (void **state)
{
    g_autofree char *path = in_folder ("file.txt");
    FILE *file = g_fopen (path, "w");
    GError *error = NULL;

    for (int i = 0; i < 5000000; i++)
        fputs ("1,1,1,1,1,1\n", file);
    fclose (file);
    assert_null (fov_mot_file_read (path, RESULTS, NULL, &error));
    assert_fov_error (&error, FOV_ERROR_MEMORY, "more than 4000000 rows");
    file = g_fopen (path, "w");
    for (int i = 0; i < 1 << 20; i++)
        fputs ("1,1,1,1,1,1,1,1,", file);
    fclose (file);
    assert_null (fov_mot_file_read (path, RESULTS, NULL, &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT, "file.txt:1: longer than 4096 bytes");
    g_unlink (path);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (mot_truths),
        cmocka_unit_test (mot15_truths),
        cmocka_unit_test (mot_results_and_detections),
        cmocka_unit_test (kitti_truths),
        cmocka_unit_test (what_is_written_is_read),
        cmocka_unit_test (sequence_info),
        cmocka_unit_test (camera_motion),
        cmocka_unit_test (sot_boxes),
        cmocka_unit_test (refusals),
        cmocka_unit_test (refused_sequences),
        cmocka_unit_test (refused_others),
        cmocka_unit_test (huge_files),
    };
    return RUN_IN_FOLDER ("track-motfile", tests);
}

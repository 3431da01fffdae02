/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Real detectors get other classes: what is known stays, what is new starts at 0.01. */
#include "smallnet.h"

#include <fovea/detector.h>
#include <math.h>

static const struct {
    const char *file, *known; /* a class that the model has, and */
    int column;               /* its score's column of the first output that has scores, before */
    guint output;
    int columns, classes; /* of that output before; of the model */
    gboolean turned;
} models[] = {
    { "yolox_nano.onnx", "person", 5, 0, 85, 80, FALSE },
    { "yolov8n_640.onnx", "person", 4, 0, 84, 80, TRUE },
    { "nanodet_320.onnx", "person", 0, 0, 80, 80, FALSE },
};

static FovModel *
load (const char *file)
{
    const char *data = g_getenv ("FOVEA_TEST_DATA");
    g_autofree char *path = data ? g_build_filename (data, "models", "detect", file, NULL) : NULL;
    g_autoptr (GError) error = NULL;
    FovModel *model;

    if (!path || !g_file_test (path, G_FILE_TEST_EXISTS)) {
        print_message ("# skipped: no %s in FOVEA_TEST_DATA\n", file);
        skip ();
    }
    model = fov_model_load (path, &error);
    if (!model)
        fail_msg ("%s", error->message);
    return model;
}

/* The numbers of one output for a fixed picture. */
static float *
run (FovModel *model, guint output, FovShape *shape)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("cpu:2", &error);
    g_autoptr (FovSession) session = fov_session_new (device, model, NULL, &error);
    FovView in, out[8];
    FovTensorInfo info;
    float *x, *y;

    if (!session)
        fail_msg ("%s", error->message);
    fov_session_input (session, 0, &info);
    x = g_new (float, fov_shape_elements (&info.shape));
    for (gint64 i = 0; i < fov_shape_elements (&info.shape); i++)
        x[i] = (float) (0.5 + 0.5 * sin (0.013 * (double) i));
    in = (FovView){ FOV_F32, info.shape, x };
    if (!fov_session_run (session, &in, out, &error))
        fail_msg ("%s", error->message);
    *shape = out[output].shape;
    y = g_memdup2 (out[output].data, (gsize) fov_shape_elements (shape) * sizeof *y);
    g_free (x);
    return y;
}

/* Two classes, new and known, in place of the model's: boxes and the known one's scores stay. */
static void
test_classes (void **state)
{
    const guint m = GPOINTER_TO_UINT (*state);
    const int columns = models[m].columns, now = columns - models[m].classes + 2;
    g_autoptr (FovModel) model = load (models[m].file);
    g_autofree char *list = g_strconcat ("thing,", models[m].known, NULL);
    g_autoptr (FovLabels) labels = fov_labels_parse (list, NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (FovModel) made = fov_train_new_head (model, NULL, labels, 1, &error);
    FovShape before, after;
    g_autofree float *old = run (model, models[m].output, &before), *new = NULL;
    gint64 rows;

    if (!made)
        fail_msg ("%s", error->message);
    assert_string_equal (fov_model_metadata (made, "names"), "{0: 'thing', 1: 'person'}");
    new = run (made, models[m].output, &after);
    rows = fov_shape_elements (&before) / columns;
    assert_int_equal (fov_shape_elements (&after), rows * now);
    for (gint64 r = 0; r < rows; r++)
        for (int k = 0; k < now; k++) {
            const int from = k < models[m].column ? k : models[m].column;
            const float was = old[models[m].turned ? from * rows + r : r * columns + from];
            const float is = new[models[m].turned ? k * rows + r : r * now + k];
            if (k == models[m].column)
                assert_true (is > 0.0001f && is < 0.1f);
            else
                assert_true (fabsf (is - was) <= 1e-4f + 1e-4f * fabsf (was));
        }
}

/* With the backbone as it is, fewer tensors learn, and the step costs less. */
static void
test_freezing (void **state)
{
    g_autoptr (FovModel) model = load ("yolox_nano.onnx");
    g_autoptr (FovDevice) device = fov_device_open ("cpu:2", NULL);
    FovTrainerInfo info[2];

    for (int frozen = 0; frozen < 2; frozen++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (FovTrainer) trainer =
            fov_trainer_new (device, model,
                             &(FovTrainerParams){ .loss = FOV_LOSS_DETECTION,
                                                  .freeze_backbone = frozen },
                             &error);
        FovTrainerIntake intake;
        if (!trainer)
            fail_msg ("%s", error->message);
        fov_trainer_info (trainer, &info[frozen]);
        assert_true (fov_trainer_intake (trainer, &intake));
        assert_true (intake.bgr && !intake.stretch && !intake.center && intake.width == 416 &&
                     intake.n_classes == 80);
    }
    assert_true (info[1].n_parameters > 60 && info[1].n_parameters < info[0].n_parameters - 60);
    assert_true (info[1].flops < 0.8 * info[0].flops);
}

/* ---- anchors ---------------------------------------------------------------------- */

enum { SIDE = 300 };

static GArray *
detect (FovDevice *device, FovModel *model)
{
    const FovDetectorParams params = { .threshold = 0.02f, .max_detections = 30 };
    GArray *found = g_array_new (FALSE, FALSE, sizeof (FovDetection));
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDetector) detector = fov_detector_new (device, model, &params, &error);
    FovImage image = { 0 };
    FovTicket ticket;

    fov_image_alloc (&image, FOV_PIXEL_RGB, SIDE, SIDE, NULL);
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        image.plane[0][i] =
            (guint8) (128 + 100 * sin (0.05 * (i / 3 % SIDE)) * cos (0.03 * (i / 3 / SIDE)));
    ticket = detector ? fov_detector_submit (detector, &image, &error) : 0;
    if (!ticket || !fov_detector_wait (detector, ticket, found, &error))
        fail_msg ("%s", error->message);
    g_free (image.plane[0]);
    return found;
}

/* Anchors move towards the boxes; what the network finds does not. */
static void
test_anchors (void **state)
{
    static const float sizes[] = {
        0.11f, 0.25f, 0.12f, 0.27f, 0.1f, 0.3f, 0.5f, 0.9f, 0.02f, 0.03f
    };
    g_autoptr (FovModel) model = load ("ssd_mobilenetv2_oidv4.onnx");
    g_autoptr (FovDevice) device = fov_device_open ("cpu:2", NULL);
    g_autoptr (GError) error = NULL;
    double overlap[2];
    g_autoptr (FovModel) made = fov_train_new_anchors (model, NULL, sizes, 5, 1, overlap, &error);
    g_autoptr (GArray) before = detect (device, model), after = NULL;

    if (!made)
        fail_msg ("%s", error->message);
    assert_true (overlap[1] > 0.95 && overlap[1] > overlap[0] + 0.2);
    after = detect (device, made);
    assert_true (before->len > 3);
    assert_int_equal (after->len, before->len);
    for (guint i = 0; i < after->len; i++) {
        const FovDetection a = g_array_index (before, FovDetection, i);
        const FovDetection b = g_array_index (after, FovDetection, i);
        assert_true (a.label == b.label && fabsf (a.score - b.score) < 1e-4f);
        assert_true (fabsf (a.box.x1 - b.box.x1) < 0.05f && fabsf (a.box.y2 - b.box.y2) < 0.05f);
    }
}

static void
test_no_anchors (void **state)
{
    static const float sizes[] = { 0.1f, 0.2f, 0.1f, -1 };
    g_autoptr (FovModel) ssd = load ("ssd_mobilenetv2_oidv4.onnx");
    g_autoptr (FovModel) yolox = load ("yolox_nano.onnx");
    const struct {
        FovModel *model;
        guint n;
        const char *message;
    } cases[] = { { yolox, 1, "expected an SSD" },
                  { ssd, 2, "box 1 has the height -1" },
                  { ssd, 0, "no boxes" } };

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GError) error = NULL;
        assert_null (
            fov_train_new_anchors (cases[i].model, NULL, sizes, cases[i].n, 1, NULL, &error));
        if (!strstr (error->message, cases[i].message))
            fail_msg ("'%s', expected '%s'", error->message, cases[i].message);
    }
}

/* At small sizes there are as few cells as columns; a network stays what it is. */
static void
test_small_sizes (void **state)
{
    static const struct {
        const char *file, *family;
        int size, n; /* pictures */
    } cases[] = {
        { "yolox_nano.onnx", "family   yolox", 64, 1 },
        { "yolox_nano.onnx", "family   yolox", 64, 2 },
        { "yolox_nano.onnx", "family   yolox", 32, 2 },
        { "yolox_nano.onnx", "family   yolox", 96, 1 },
    };
    g_autoptr (FovDevice) device = fov_device_open ("cpu:1", NULL);

    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        const FovShape shape = { 4, { cases[i].n, 3, cases[i].size, cases[i].size } };
        g_autoptr (GError) error = NULL;
        g_autoptr (FovModel) model = load (cases[i].file);
        g_autoptr (FovModel) small = fov_model_reshape (model, &shape, &error);
        const FovDetectorParams params = { .batch = (guint) cases[i].n };
        g_autofree char *text = small ? fov_detector_explain (small, &params, NULL) : NULL;
        g_autoptr (FovTrainer) trainer = NULL;
        FovTrainerIntake intake;
        if (!text || !strstr (text, cases[i].family))
            fail_msg ("%s at %d: %s", cases[i].file, cases[i].size, text ? text : error->message);
        trainer = fov_trainer_new (device, small, &(FovTrainerParams){ .loss = FOV_LOSS_DETECTION },
                                   &error);
        if (!trainer)
            fail_msg ("%s at %d: %s", cases[i].file, cases[i].size, error->message);
        assert_true (fov_trainer_intake (trainer, &intake));
        assert_int_equal (intake.n_classes, 80);
        assert_int_equal (intake.width, cases[i].size);
        assert_true (intake.bgr);
    }
}

static void
test_errors (void **state)
{
    g_autoptr (FovLabels) labels = fov_labels_parse ("a,b", NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("cpu:2", NULL);
    FovModel *model = fov_model_new_from_graph (small_net (), "small.onnx", "ONNX", NULL);

    assert_null (fov_train_new_head (model, NULL, labels, 1, &error));
    assert_int_equal (error->code, FOV_ERROR_UNSUPPORTED);
    g_clear_error (&error);
    assert_null (
        fov_trainer_new (device, model, &(FovTrainerParams){ .loss = FOV_LOSS_DETECTION }, &error));
    assert_int_equal (error->code, FOV_ERROR_UNSUPPORTED);
    assert_non_null (strstr (error->message, "no detector fits the outputs"));
    fov_model_unref (model);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        { "YOLOX gets other classes", test_classes, NULL, NULL, GUINT_TO_POINTER (0) },
        { "YOLOv8 gets other classes", test_classes, NULL, NULL, GUINT_TO_POINTER (1) },
        { "NanoDet gets other classes", test_classes, NULL, NULL, GUINT_TO_POINTER (2) },
        cmocka_unit_test (test_freezing),
        cmocka_unit_test (test_anchors),
        cmocka_unit_test (test_no_anchors),
        cmocka_unit_test (test_small_sizes),
        cmocka_unit_test (test_errors),
    };

    return cmocka_run_group_tests_name ("train-newhead", tests, NULL, NULL);
}

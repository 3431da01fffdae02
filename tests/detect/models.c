/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Detectors on real photographs: what is in them is found, where it is. */
#include "common.h"

#include <fovea/detector.h>
#include <fovea/media.h>

typedef struct {
    const char *picture;
    const char *label; /* NULL: the model's only class */
    FovBox box;
} Truth;

/* By hand, to a few pixels. */
static const Truth bus_jpg[] = {
    { "bus.jpg", "bus", { 14, 230, 804, 740 } },
    { "bus.jpg", "person", { 49, 396, 240, 904 } },
    { "bus.jpg", "person", { 222, 404, 345, 861 } },
    { NULL },
};
static const Truth zidane_jpg[] = {
    { "zidane.jpg", "person", { 120, 195, 1120, 712 } },
    { "zidane.jpg", "person", { 745, 40, 1145, 712 } },
    { NULL },
};
static const Truth zidane_right[] = {
    { "zidane.jpg", "person", { 745, 40, 1145, 712 } },
    { NULL },
};
static const Truth faces[] = {
    { "zidane.jpg", NULL, { 923, 107, 1055, 283 } },
    { NULL },
};

typedef struct {
    const char *model, *family;
    float threshold, iou;
    int classes;
    const Truth *truth;
} Case;

static const Case cases[] = {
    { "detect/yolox_nano.onnx", "yolox", 0.4f, 0.8f, 80, bus_jpg },
    { "detect/yolox_nano.onnx", "yolox", 0.4f, 0.8f, 80, zidane_right },
    { "detect/nanodet_320.onnx", "nanodet", 0.4f, 0.8f, 80, bus_jpg },
    { "detect/yolov8n_640.onnx", "yolov8", 0.4f, 0.8f, 80, bus_jpg },
    { "detect/yolov8n_640.onnx", "yolov8", 0.4f, 0.8f, 80, zidane_jpg },
    { "detect/fastestdet.onnx", "fastestdet", 0.4f, 0, 80, bus_jpg },
    { "detect/ssd_mobilenetv2_oidv4.onnx", "ssd", 0.1f, 0, 0, zidane_jpg },
    { "face/ultraface-RFB-320.onnx", "ssd", 0.5f, 0.7f, 0, faces },
};

static FovModel *
load (const char *name)
{
    const char *data = g_getenv ("FOVEA_TEST_DATA");
    g_autofree char *path = data ? g_build_filename (data, "models", name, NULL) : NULL;
    g_autoptr (GError) error = NULL;
    FovModel *model;

    if (!path || !g_file_test (path, G_FILE_TEST_EXISTS))
        return NULL;
    model = fov_model_load (path, &error);
    assert_fov_ok (model != NULL, error);
    return model;
}

static void
load_picture (const char *name, FovImage *image)
{
    g_autofree char *path = g_build_filename (g_getenv ("FOVEA_TEST_DATA"), "images", name, NULL);
    g_autoptr (GError) error = NULL;

    assert_fov_ok (fov_image_load (path, image, &error), error);
}

static void
find_truth (const Case *c, const char *spec, FovLabels *labels, const Truth *truth, GArray *found)
{
    float best = 0;

    for (guint i = 0; i < found->len; i++) {
        const FovDetection *d = &g_array_index (found, FovDetection, i);
        if (!truth->label ||
            g_strcmp0 (fov_labels_get (labels, (guint) d->label), truth->label) == 0)
            best = MAX (best, fov_box_iou (d->box, truth->box));
    }
    if (best < c->iou)
        fail_msg ("%s on %s: the %s of %s overlaps no box by more than %g, expected %g", c->model,
                  spec, truth->label ? truth->label : "object", truth->picture, best, c->iou);
}

static void
detect (FovDetector *detector, const FovImage *image, GArray *found)
{
    g_autoptr (GError) error = NULL;
    FovTicket ticket = fov_detector_submit (detector, image, &error);

    assert_fov_ok (ticket != 0, error);
    assert_fov_ok (fov_detector_wait (detector, ticket, found, &error), error);
}

static void
check_case (const Case *c, FovDevice *device, const char *spec, FovModel *model)
{
    g_autoptr (GError) error = NULL;
    FovDetectorParams params = { .threshold = c->threshold };
    g_autoptr (FovDetector) detector = fov_detector_new (device, model, &params, &error);
    g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (FovDetection));
    FovImage image;

    assert_fov_ok (detector != NULL, error);
    assert_string_equal (fov_detector_family (detector), c->family);
    if (c->classes)
        assert_int_equal (fov_labels_count (fov_detector_labels (detector)), c->classes);
    load_picture (c->truth->picture, &image);
    detect (detector, &image, found);
    assert_in_range (found->len, 1, 60);
    for (const Truth *t = c->truth; t->picture && c->iou > 0; t++)
        find_truth (c, spec, fov_detector_labels (detector), t, found);
    for (guint i = 0; i < found->len; i++) {
        const FovDetection *d = &g_array_index (found, FovDetection, i);
        assert_true (d->score >= c->threshold && d->score <= 1);
        assert_true (d->box.x1 >= 0 && d->box.x2 <= (float) image.width);
        assert_true (d->box.y1 >= 0 && d->box.y2 <= (float) image.height);
    }
    g_free (image.plane[0]);
}

static void
check_models (const char *spec)
{
    g_autoptr (FovDevice) device = test_device (spec);

    if (!device)
        skip ();
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (FovModel) model = load (cases[i].model);
        if (!model)
            skip ();
        check_case (&cases[i], device, spec, model);
    }
}

static void
test_host (void **state)
{
    check_models ("cpu");
}

static void
test_vulkan (void **state)
{
    check_models ("vulkan");
}

/* Tickets left unasked for, in any order, of pictures of other sizes; live thresholds. */
static void
check_tickets (const char *spec)
{
    g_autoptr (FovDevice) device = test_device (spec);
    g_autoptr (FovModel) model = load ("detect/yolox_nano.onnx");
    g_autoptr (GError) error = NULL;
    g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (FovDetection));
    FovTicket tickets[5];
    FovImage bus, zidane, nv12;

    if (!device || !model)
        skip ();
    g_autoptr (FovDetector) detector =
        fov_detector_new (device, model, &(FovDetectorParams){ .threshold = 0.6f }, &error);
    assert_fov_ok (detector != NULL, error);
    load_picture ("bus.jpg", &bus);
    load_picture ("zidane.jpg", &zidane);
    assert_true (fov_image_alloc (&nv12, FOV_PIXEL_NV12, bus.width, bus.height, NULL));
    assert_true (fov_image_convert (&bus, &nv12, NULL));
    for (int i = 0; i < 5; i++) {
        tickets[i] = fov_detector_submit (detector,
                                          i == 4  ? &nv12
                                          : i % 2 ? &zidane
                                                  : &bus,
                                          &error);
        assert_fov_ok (tickets[i] != 0, error);
    }
    for (int i = 4; i >= 0; i--) {
        assert_fov_ok (fov_detector_wait (detector, tickets[i], found, &error), error);
        assert_in_range (found->len, 1, 8);
        assert_int_equal (g_array_index (found, FovDetection, 0).label, i % 2 ? 0 : 5);
    }
    assert_false (fov_detector_wait (detector, tickets[0], found, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "not under way");
    fov_detector_set_threshold (detector, 1.0f);
    detect (detector, &bus, found);
    assert_int_equal (found->len, 0);
    fov_detector_set_threshold (detector, 0.3f);
    detect (detector, &bus, found);
    assert_in_range (found->len, 4, 12);
    g_free (bus.plane[0]);
    g_free (zidane.plane[0]);
    g_free (nv12.plane[0]);
}

static void
test_tickets_host (void **state)
{
    check_tickets ("cpu");
}

static void
test_tickets_vulkan (void **state)
{
    check_tickets ("vulkan");
}

/* A model that is no detector is explained, not guessed at. */
static void
test_refusal (void **state)
{
    g_autoptr (FovDevice) device = test_device ("cpu");
    g_autoptr (FovModel) model = load ("classify/squeezenet1.1.onnx");
    g_autoptr (GError) error = NULL;
    g_autofree char *text = NULL;
    gboolean ok = TRUE;

    if (!model)
        skip ();
    assert_null (fov_detector_new (device, model, NULL, &error));
    assert_fov_error (&error, FOV_ERROR_UNSUPPORTED, "no detector family fits");
    assert_null (
        fov_detector_new (device, model, &(FovDetectorParams){ .decoder = "yolox" }, &error));
    assert_fov_error (&error, FOV_ERROR_UNSUPPORTED, "5 + classes");
    assert_null (
        fov_detector_new (device, model, &(FovDetectorParams){ .decoder = "yolo" }, &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "nanodet, yolov8");
    text = fov_detector_explain (model, NULL, &ok);
    assert_false (ok);
    assert_non_null (strstr (text, "What stands against each family"));
    for (const char *const *name = fov_detector_families (); *name; name++)
        assert_non_null (strstr (text, *name));
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_host),         cmocka_unit_test (test_vulkan),
        cmocka_unit_test (test_tickets_host), cmocka_unit_test (test_tickets_vulkan),
        cmocka_unit_test (test_refusal),
    };
    return RUN ("detect-models", tests);
}

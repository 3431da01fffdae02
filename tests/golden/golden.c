/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whole networks on one device against other runtimes' answers (make.js tells
 * how the goldens were made): golden DEVICE MODEL [MODEL...].
 */
#include <json-glib/json-glib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <fovea/media.h>
#include <fovea/session.h>

#include "gpu/gpu.h"

/* Of an output's largest magnitude. */
#define TOLERANCE 1e-4

typedef struct {
    JsonObject *root;
    JsonParser *parser;
} Golden;

static JsonArray *
array_of (JsonObject *object, const char *key)
{
    return json_object_get_array_member (object, key);
}

static gboolean
golden_load (Golden *golden, const char *model, GError **error)
{
    g_autofree char *name = g_path_get_basename (model), *file = g_strconcat (name, ".json", NULL);
    g_autofree char *path = g_build_filename (GOLDEN_DIR, file, NULL);

    golden->parser = json_parser_new ();
    if (!json_parser_load_from_file (golden->parser, path, error))
        return FALSE;
    golden->root = json_node_get_object (json_parser_get_root (golden->parser));
    return TRUE;
}

/* A channel (R, G, B) of an I420 picture of full range, as make.js has it, to the last bit. */
static double
pixel_at (const FovImage *photo, gint64 row, gint64 column, gint64 channel)
{
    double y = photo->plane[0][row * photo->stride[0] + column];
    double u = photo->plane[1][row / 2 * photo->stride[1] + column / 2] - 128;
    double v = photo->plane[2][row / 2 * photo->stride[2] + column / 2] - 128;
    double value = channel == 0   ? y + 1.402 * v
                   : channel == 1 ? y - 0.344136 * u - 0.714136 * v
                                  : y + 1.772 * u;

    return CLAMP (floor (value + 0.5), 0, 255);
}

static gint64
side_of (const Golden *golden, const char *name)
{
    gboolean square = json_object_has_member (golden->root, "size");

    return json_object_get_int_member (golden->root, square ? "size" : name);
}

static float *
fill_input (const Golden *golden, const FovImage *photo)
{
    gint64 width = side_of (golden, "width"), height = side_of (golden, "height");
    float *input = g_new (float, (gsize) (3 * width * height));

    for (guint c = 0; c < 3; c++) {
        gint64 channel = json_array_get_int_element (array_of (golden->root, "order"), c);
        double mean = json_array_get_double_element (array_of (golden->root, "mean"), c);
        double scale = json_array_get_double_element (array_of (golden->root, "scale"), c);
        for (gint64 y = 0; y < height; y++)
            for (gint64 x = 0; x < width; x++) {
                double pixel =
                    pixel_at (photo, y * photo->height / height, x * photo->width / width, channel);
                input[(c * height + y) * width + x] = (float) ((pixel - mean) * scale);
            }
    }
    return input;
}

/* What make.js says of networks that take no picture. */
static float *
make_pattern (const FovShape *shape, guint k)
{
    gint64 n = fov_shape_elements (shape);
    float *input = g_new (float, (gsize) n);

    for (gint64 i = 0; i < n; i++)
        input[i] = (float) ((double) ((i * 37 + k * 11) % 101 - 50) / 25);
    return input;
}

static float *
make_photo (const Golden *golden, const char *photo, GError **error)
{
    g_autofree char *path = g_build_filename (g_getenv ("FOVEA_TEST_DATA"), "images", photo, NULL);
    g_autoptr (FovReader) reader = fov_reader_open (path, error);
    FovFrame frame;

    if (!reader || !fov_reader_read (reader, &frame, error))
        return NULL;
    g_assert (frame.image.format == FOV_PIXEL_I420);
    return fill_input (golden, &frame.image);
}

/* ---- comparing ------------------------------------------------------------- */

static gboolean
same_shape (const FovShape *shape, JsonArray *dims)
{
    gboolean same = shape->rank == (int) json_array_get_length (dims);

    for (int i = 0; same && i < shape->rank; i++)
        same = shape->dim[i] == json_array_get_int_element (dims, (guint) i);
    return same;
}

/* Largest difference of the kept values, of the mean (which sees all others) and of the largest
 * magnitude, relative to that. */
static double
compare (const FovView *view, JsonObject *output)
{
    const float *data = view->data;
    JsonArray *values = array_of (output, "values");
    gint64 step = json_object_get_int_member (output, "step");
    double max = json_object_get_double_member (output, "max"), found = 0, worst = 0;
    double sum = json_object_get_double_member (output, "sum");
    gint64 n = fov_shape_elements (&view->shape);

    for (gint64 i = 0; i < n; i++) {
        found = isfinite (data[i]) ? MAX (found, fabs (data[i])) : INFINITY;
        sum -= data[i];
    }
    worst = fabs (sum) / (double) n;
    for (guint k = 0; k < json_array_get_length (values); k++)
        worst = MAX (worst, fabs (data[k * step] - json_array_get_double_element (values, k)));
    return MAX (worst, fabs (found - max)) / max;
}

static gboolean
compare_all (FovSession *session, const FovView *views, JsonObject *run, GString *report)
{
    JsonArray *outputs = array_of (run, "outputs");
    gboolean ok = fov_session_n_outputs (session) == json_array_get_length (outputs);

    if (!ok)
        g_string_append_printf (report, " %u outputs", fov_session_n_outputs (session));
    for (guint i = 0; ok && i < json_array_get_length (outputs); i++) {
        JsonObject *output = json_array_get_object_element (outputs, i);
        g_autofree char *shape = fov_shape_to_string (&views[i].shape);
        double difference = INFINITY;

        if (views[i].dtype == FOV_F32 && same_shape (&views[i].shape, array_of (output, "shape")))
            difference = compare (&views[i], output);
        g_string_append_printf (report, " %s %.2g", shape, difference);
        ok = difference <= TOLERANCE;
    }
    return ok;
}

/* ---- running ----------------------------------------------------------------- */

/* Where the model lies, or NULL with the reason why it is skipped. */
static char *
find_model (const char *name, const char **missing)
{
    gboolean tfjs = g_str_equal (name, "tfjs-ssd");
    const char *data = g_getenv (tfjs ? "FOVEA_TFJS_SSD" : "FOVEA_TEST_DATA");
    g_autofree char *file = g_strconcat (name, ".onnx", NULL);

    *missing = tfjs && !data ? "FOVEA_TFJS_SSD is not set" : "FOVEA_TEST_DATA is not set";
    if (!data || !g_getenv ("FOVEA_TEST_DATA"))
        return NULL;
    if (tfjs)
        return g_strdup (data);
    return g_build_filename (data, "models", strchr (name, '/') ? "." : "detect", file, NULL);
}

static float *
make_input (const Golden *golden, JsonObject *run, const FovShape *shape, guint k, GError **error)
{
    if (!json_object_has_member (run, "photo"))
        return make_pattern (shape, k);
    return make_photo (golden, json_object_get_string_member (run, "photo"), error);
}

#define MOST_INPUTS 2
#define MOST_OUTPUTS 8

static gboolean
run_session (FovSession *session, const Golden *golden, JsonObject *run, GString *report,
             GError **error)
{
    FovView inputs[MOST_INPUTS] = { { FOV_F32 } }, outputs[MOST_OUTPUTS];
    guint n = fov_session_n_inputs (session);
    gboolean ok = n <= MOST_INPUTS && fov_session_n_outputs (session) <= MOST_OUTPUTS;

    for (guint i = 0; ok && i < n; i++) {
        FovTensorInfo info;
        fov_session_input (session, i, &info);
        inputs[i] =
            (FovView){ FOV_F32, info.shape, make_input (golden, run, &info.shape, i, error) };
        ok = inputs[i].data != NULL;
    }
    ok = ok && fov_session_run (session, inputs, outputs, error) &&
         compare_all (session, outputs, run, report);
    for (guint i = 0; i < MOST_INPUTS; i++)
        g_free (inputs[i].data);
    return ok;
}

static gboolean
run_model (FovDevice *device, const char *name, const char *path, GString *report, GError **error)
{
    Golden golden = { 0 };
    g_autoptr (FovModel) model =
        golden_load (&golden, name, error) ? fov_model_load (path, error) : NULL;
    g_autoptr (FovSession) session = model ? fov_session_new (device, model, NULL, error) : NULL;
    JsonArray *runs = session ? array_of (golden.root, "runs") : NULL;
    gboolean ok = session != NULL;

    for (guint i = 0; ok && i < json_array_get_length (runs); i++)
        ok = run_session (session, &golden, json_array_get_object_element (runs, i), report, error);
    if (session && fov_gpu_validation_errors ()) {
        g_string_append (report, " but the validation layers complain");
        ok = FALSE;
    }
    g_clear_object (&golden.parser);
    return ok;
}

int
main (int argc, char **argv)
{
    g_autoptr (GError) why = NULL;
    g_autoptr (FovDevice) device = argc > 2 ? fov_device_open (argv[1], &why) : NULL;
    int failures = 0;

    if (argc < 3) {
        fprintf (stderr, "usage: %s DEVICE MODEL...\n", argv[0]);
        return 1;
    }
    printf ("1..%d\n", argc - 2);
    for (int i = 2; i < argc; i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (GString) report = g_string_new (NULL);
        const char *missing;
        g_autofree char *path = find_model (argv[i], &missing);
        gboolean ok;

        if (path && !device && !g_str_has_prefix (argv[1], "vulkan")) {
            printf ("not ok %d - %s\n", i - 1, why->message);
            failures++;
            continue;
        }
        if (!path || !device) {
            printf ("ok %d - %s on %s # SKIP %s\n", i - 1, argv[i], argv[1],
                    path ? why->message : missing);
            continue;
        }
        ok = run_model (device, argv[i], path, report, &error);
        failures += !ok;
        printf ("%s %d - %s on %s:%s\n", ok ? "ok" : "not ok", i - 1, argv[i], argv[1],
                error ? error->message : report->str);
        fflush (stdout);
    }
    return failures != 0;
}

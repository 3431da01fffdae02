/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which anchor learns which object: 200 random scenes against a reference in Python
 * (tests/golden/assign.py). */
#include "smallnet.h"

#include "gpu/gpu.h"
#include "graph/op.h"
#include "scenes.h"

#include <math.h>
#include <stdio.h>

enum { SCENES = 200, ANCHORS = 80 };
static const char *const methods[] = { "simota", "aligned", "overlap" };

typedef struct {
    float boxes[ANCHORS][4], scores[ANCHORS][SCENE_CLASSES], objectness[ANCHORS];
    float places[ANCHORS][4], rows[SCENE_ROWS][6];
} Scene;

static void
throw_anchor (Scene *s, int i, int number, int n_objects, guint64 *dice)
{
    const float *p = s->places[i];
    const gboolean equal = number % 4 == 0;

    if (equal || n_objects == 0 || roll (dice, 4) == 0) {
        for (int k = 0; k < 4; k++)
            s->boxes[i][k] = k < 2 ? p[k] - p[2] : p[k - 2] + p[2];
    } else {
        const int o = roll (dice, n_objects);
        for (int k = 0; k < 4; k++)
            s->boxes[i][k] = s->rows[o][k] + (float) (roll (dice, 9) - 4);
    }
    for (int c = 0; c < SCENE_CLASSES; c++) {
        const float x = (float) (roll (dice, 65) - 32) / 8;
        s->scores[i][c] = equal ? 0 : x;
    }
    s->objectness[i] = (float) (roll (dice, 65) - 32) / 8 * (equal ? 0 : 1);
}

static void
throw_scene (Scene *s, int number)
{
    guint64 dice = (guint64) number;
    const int n = throw_targets (&dice, number % 10 == 0, s->rows);
    int i = 0;

    for (int stride = 8; stride <= 16; stride *= 2)
        for (int cell = 0; cell < SCENE_SIZE / stride * (SCENE_SIZE / stride); cell++, i++) {
            const int across = SCENE_SIZE / stride;
            const float x = ((float) (cell % across) + 0.5f) * (float) stride;
            const float y = ((float) (cell / across) + 0.5f) * (float) stride;
            memcpy (s->places[i], (float[]){ x, y, (float) stride, (float) stride }, 16);
            throw_anchor (s, i, number, n, &dice);
        }
}

enum { N_INPUTS = 5 };

static FovSession *
make_session (const char *device_name, const char *method, const FovShape shapes[N_INPUTS])
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open (device_name, &error);
    FovGraph *graph = fov_graph_new ();
    FovAttr attr = { .name = "method", .type = FOV_ATTR_STRING, .s = method };
    FovTensor *in[N_INPUTS];
    FovSession *session;
    FovNode *node;

    for (guint i = 0; i < N_INPUTS; i++)
        in[i] = fov_graph_add_input (graph, "in", FOV_F32, &shapes[i]);
    node = fov_graph_add_node (graph, "fov.Assign", "assign", in, N_INPUTS, 2, &attr, 1, &error);
    assert_non_null (node);
    fov_graph_add_output (graph, node->outputs[0]);
    fov_graph_add_output (graph, node->outputs[1]);
    session = fov_session_new_from_graph (device, graph, NULL, &error);
    if (!session)
        fail_msg ("%s", error->message);
    return session;
}

/* A line of the reference: a letter for each anchor, then the weights of those with an object. */
static void
compare (const char *line, const FovView out[2], int number, const char *method)
{
    g_auto (GStrv) words = g_strsplit (line, " ", -1);
    const gint32 *row = out[0].data;
    const float *weight = out[1].data;
    char got[ANCHORS + 1] = "";
    guint n = 1;

    for (int i = 0; i < ANCHORS; i++)
        got[i] = (char) (row[i] >= 0 ? '0' + row[i] : weight[i] > 0 ? '.' : 'x');
    if (!g_str_equal (got, words[0]))
        fail_msg ("scene %d, %s:\n%s, expected\n%s", number, method, got, words[0]);
    for (int i = 0; i < ANCHORS; i++)
        if (row[i] >= 0 &&
            fabs ((double) weight[i] - g_ascii_strtod (words[n++], NULL)) > 1e-6 + 5e-7)
            fail_msg ("scene %d, %s: anchor %d has weight %g, expected %s", number, method, i,
                      (double) weight[i], words[n - 1]);
}

static void
test_scenes (void **state)
{
    const FovShape shapes[] = { { 3, { 1, ANCHORS, 4 } },
                                { 3, { 1, ANCHORS, SCENE_CLASSES } },
                                { 2, { ANCHORS, 4 } },
                                { 3, { 1, SCENE_ROWS, 6 } },
                                { 3, { 1, ANCHORS, 1 } } };
    g_autofree char *path = g_build_filename (GOLDEN_DIR, "assign.txt", NULL), *text = NULL;
    g_auto (GStrv) lines = NULL;
    FovSession *sessions[G_N_ELEMENTS (methods)];
    const int n_methods = (int) G_N_ELEMENTS (methods);

    assert_true (g_file_get_contents (path, &text, NULL, NULL));
    lines = g_strsplit (g_strchomp (text), "\n", -1);
    assert_int_equal (g_strv_length (lines), SCENES * n_methods);
    for (int m = 0; m < n_methods; m++)
        sessions[m] = make_session (*state, methods[m], shapes);
    for (int number = 0; number < SCENES; number++) {
        Scene s;
        throw_scene (&s, number);
        const FovView in[] = { { FOV_F32, { 3, { 1, ANCHORS, 4 } }, s.boxes },
                               { FOV_F32, { 3, { 1, ANCHORS, SCENE_CLASSES } }, s.scores },
                               { FOV_F32, { 2, { ANCHORS, 4 } }, s.places },
                               { FOV_F32, { 3, { 1, SCENE_ROWS, 6 } }, s.rows },
                               { FOV_F32, { 3, { 1, ANCHORS, 1 } }, s.objectness } };
        for (int m = 0; m < n_methods; m++) {
            FovView out[2];
            for (int i = 0; m == 2 && i < ANCHORS; i++) { /* priors are larger than cells */
                s.places[i][2] *= 3;
                s.places[i][3] *= 3;
            }
            assert_true (fov_session_run (sessions[m], in, out, NULL));
            compare (lines[number * n_methods + m], out, number, methods[m]);
        }
    }
    for (int m = 0; m < n_methods; m++) {
        /* On vulkan a kernel did it. */
        assert_int_equal (fov_session_plan (sessions[m])->n_static,
                          fov_session_plan (sessions[m])->n_steps);
        fov_session_unref (sessions[m]);
    }
    assert_int_equal (fov_gpu_validation_errors (), 0);
}

/* ---- many anchors ----------------------------------------------------------- */

enum { MANY = 1701, CROWD = 37, PICTURES = 3 };

static float
between (guint64 *dice, float low, float high)
{
    return low + (high - low) * (float) roll (dice, 100000) / 100000;
}

/* Boxes that lie about, objects, regions, and rows that are none. */
static void
throw_crowd (float *in[N_INPUTS])
{
    guint64 dice = 11;

    for (int i = 0; i < MANY; i++) {
        const float size = (float) (8 << i % 3);
        for (int k = 0; k < 4; k++)
            in[2][i * 4 + k] = k < 2 ? floorf (between (&dice, 0, 40)) * 5 : size;
    }
    for (int i = 0; i < PICTURES * MANY; i++) {
        const float *p = in[2] + i % MANY * 4;
        const gboolean equal = i < MANY; /* in the first picture most are as good as others */
        for (int k = 0; k < 4; k++)
            in[0][i * 4 + k] =
                p[k % 2] + (k < 2 ? -1 : 1) * (equal ? p[2] : between (&dice, 2, 30));
        for (int c = 0; c < SCENE_CLASSES; c++)
            in[1][i * SCENE_CLASSES + c] = equal ? 0.5f : between (&dice, -5, 5);
        in[4][i] = equal ? -1 : between (&dice, -5, 5);
    }
    for (int i = 0; i < PICTURES * CROWD; i++) {
        float *row = in[3] + i * 6;
        const float sizes[] = { between (&dice, 5, 90), between (&dice, 5, 90) };
        for (int k = 0; k < 4; k++)
            row[k] = k < 2 ? between (&dice, 0, 150) : row[k - 2] + sizes[k - 2];
        row[4] = (float) roll (&dice, SCENE_CLASSES + (i % 11 == 0));
        row[5] = (float) (i % 9 == 0 ? -1 : i % 7 != 0);
    }
}

/* One choice in a picture hangs on a thousand others: all are as the reference has them. */
static void
test_crowds (void **state)
{
    const FovShape shapes[] = { { 3, { PICTURES, MANY, 4 } },
                                { 3, { PICTURES, MANY, SCENE_CLASSES } },
                                { 2, { MANY, 4 } },
                                { 3, { PICTURES, CROWD, 6 } },
                                { 3, { PICTURES, MANY, 1 } } };
    float *values[N_INPUTS];
    FovView in[N_INPUTS], got[2], want[2];

    for (int i = 0; i < N_INPUTS; i++) {
        values[i] = g_new0 (float, fov_shape_elements (&shapes[i]));
        in[i] = (FovView){ FOV_F32, shapes[i], values[i] };
    }
    throw_crowd (values);
    for (guint m = 0; m < G_N_ELEMENTS (methods); m++) {
        FovSession *tested = make_session (*state, methods[m], shapes);
        FovSession *oracle = make_session ("reference", methods[m], shapes);
        int n_found = 0;
        assert_true (fov_session_run (tested, in, got, NULL));
        assert_true (fov_session_run (oracle, in, want, NULL));
        for (int i = 0; i < PICTURES * MANY; i++) {
            const gint32 row = ((const gint32 *) want[0].data)[i];
            const double weight = (double) ((const float *) want[1].data)[i];
            if (((const gint32 *) got[0].data)[i] != row)
                fail_msg ("%s: anchor %d has row %d, expected %d", methods[m], i,
                          ((const gint32 *) got[0].data)[i], row);
            assert_true (fabs ((double) ((const float *) got[1].data)[i] - weight) <= 1e-6);
            n_found += row >= 0;
        }
        assert_true (n_found > PICTURES * CROWD / 2);
        fov_session_unref (tested);
        fov_session_unref (oracle);
    }
    for (int i = 0; i < N_INPUTS; i++)
        g_free (values[i]);
}

/* ---- anchors of a data set ---------------------------------------------------- */

/* Boxes of three sizes, each a tenth larger or smaller: their middles are found. */
static void
test_anchors (void **state)
{
    const float middle[3][2] = { { 10, 20 }, { 60, 30 }, { 100, 120 } };
    g_autoptr (GError) error = NULL;
    float sizes[300][2], anchors[3][2], again[3][2];
    double overlap;
    guint64 dice = 3;

    for (int i = 0; i < 300; i++)
        for (int d = 0; d < 2; d++)
            sizes[i][d] = middle[i % 3][d] * (0.9f + 0.001f * (float) roll (&dice, 201));
    assert_true (fov_train_anchors (sizes[0], 300, 3, 1, anchors[0], &overlap, &error));
    for (int i = 0; i < 3; i++)
        for (int d = 0; d < 2; d++)
            assert_true (fabsf (anchors[i][d] / middle[i][d] - 1) < 0.02f);
    assert_true (overlap > 0.88 && overlap < 0.96);
    assert_true (fov_train_anchors (sizes[0], 300, 3, 1, again[0], NULL, &error));
    assert_memory_equal (anchors, again, sizeof anchors);
    assert_false (fov_train_anchors (sizes[0], 2, 3, 1, anchors[0], NULL, &error));
    assert_string_equal (error->message, "3 anchors of 2 boxes, expected 1..2");
    g_clear_error (&error);
    sizes[1][1] = 0;
    assert_false (fov_train_anchors (sizes[0], 300, 3, 1, anchors[0], NULL, &error));
    assert_string_equal (error->message, "box 1 has the height 0");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        { "the reference assigns as Python does", test_scenes, NULL, NULL, (void *) "reference" },
        { "the host assigns as Python does", test_scenes, NULL, NULL, (void *) "cpu:2" },
        { "vulkan assigns as Python does", test_scenes, NULL, NULL, (void *) "vulkan" },
        { "many anchors, host", test_crowds, NULL, NULL, (void *) "cpu:2" },
        { "many anchors, vulkan", test_crowds, NULL, NULL, (void *) "vulkan" },
        { "anchors of the sizes that there are", test_anchors, NULL, NULL, NULL },
    };

    return cmocka_run_group_tests_name ("train-assign", tests, NULL, NULL);
}

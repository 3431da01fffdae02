/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which anchor learns which object: 200 random scenes against a reference in Python
 * (tests/golden/assign.py). */
#include "smallnet.h"

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

static FovSession *
make_session (const char *device_name, const char *method)
{
    const FovShape shapes[] = { { 3, { 1, ANCHORS, 4 } },
                                { 3, { 1, ANCHORS, SCENE_CLASSES } },
                                { 2, { ANCHORS, 4 } },
                                { 3, { 1, SCENE_ROWS, 6 } },
                                { 3, { 1, ANCHORS, 1 } } };
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open (device_name, &error);
    FovGraph *graph = fov_graph_new ();
    FovAttr attr = { .name = "method", .type = FOV_ATTR_STRING, .s = method };
    FovTensor *in[G_N_ELEMENTS (shapes)];
    FovSession *session;
    FovNode *node;

    for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
        in[i] = fov_graph_add_input (graph, "in", FOV_F32, &shapes[i]);
    node = fov_graph_add_node (graph, "fov.Assign", "assign", in, G_N_ELEMENTS (in), 2, &attr, 1,
                               &error);
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
    g_autofree char *path = g_build_filename (GOLDEN_DIR, "assign.txt", NULL), *text = NULL;
    g_auto (GStrv) lines = NULL;
    FovSession *sessions[G_N_ELEMENTS (methods)];
    const int n_methods = (int) G_N_ELEMENTS (methods);

    assert_true (g_file_get_contents (path, &text, NULL, NULL));
    lines = g_strsplit (g_strchomp (text), "\n", -1);
    assert_int_equal (g_strv_length (lines), SCENES * n_methods);
    for (int m = 0; m < n_methods; m++)
        sessions[m] = make_session (*state, methods[m]);
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
    for (int m = 0; m < n_methods; m++)
        fov_session_unref (sessions[m]);
}

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
        { "anchors of the sizes that there are", test_anchors, NULL, NULL, NULL },
    };

    return cmocka_run_group_tests_name ("train-assign", tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Losses and their gradients: PyTorch's values, and CTC against the sum over all alignments. */
#include "smallnet.h"

#include "train/build.h"

#include <math.h>

static const float weights[] = { 0.5f, 2, 1, 0.25f, 3 }, more[] = { 4, 1, 0.5f, 2, 10 };

#define MATRIX                                                                                     \
    {                                                                                              \
        2,                                                                                         \
        {                                                                                          \
            7, 5                                                                                   \
        }                                                                                          \
    }
#define MASK                                                                                       \
    {                                                                                              \
        4,                                                                                         \
        {                                                                                          \
            2, 5, 3, 4                                                                             \
        }                                                                                          \
    }
#define VECTORS                                                                                    \
    {                                                                                              \
        2,                                                                                         \
        {                                                                                          \
            8, 4                                                                                   \
        }                                                                                          \
    }
#define WEIGHTED .class_weights = weights, .n_class_weights = 5

static const struct {
    const char *name;
    FovShape shape;
    FovTrainerParams params;
    gboolean ignore; /* every fourth label */
} cases[] = {
    { "ce", MATRIX, { .loss = FOV_LOSS_CROSS_ENTROPY } },
    { "ce-ignore", MATRIX, { .loss = FOV_LOSS_CROSS_ENTROPY }, TRUE },
    { "ce-weights", MATRIX, { .loss = FOV_LOSS_CROSS_ENTROPY, WEIGHTED } },
    { "ce-smooth-ignore",
      MATRIX,
      { .loss = FOV_LOSS_CROSS_ENTROPY, .label_smoothing = 0.2f },
      TRUE },
    { "ce-all", MASK, { .loss = FOV_LOSS_CROSS_ENTROPY, .label_smoothing = 0.2f, WEIGHTED }, TRUE },
    { "bce", MATRIX, { .loss = FOV_LOSS_BCE } },
    { "bce-weights", MATRIX, { .loss = FOV_LOSS_BCE, WEIGHTED } },
    { "bce-positive",
      MATRIX,
      { .loss = FOV_LOSS_BCE, .positive_weights = more, .n_class_weights = 5 } },
    { "bce-both", MATRIX, { .loss = FOV_LOSS_BCE, .positive_weights = more, WEIGHTED } },
    { "focal", MATRIX, { .loss = FOV_LOSS_FOCAL } },
    { "focal-plain", MATRIX, { .loss = FOV_LOSS_FOCAL, .focal_alpha = -1, .focal_gamma = 1.5f } },
    { "ce-focal", MATRIX, { .loss = FOV_LOSS_CROSS_ENTROPY, .focal_gamma = 2 }, TRUE },
    { "ce-focal-weights",
      MASK,
      { .loss = FOV_LOSS_CROSS_ENTROPY, .focal_gamma = 0.5f, WEIGHTED },
      TRUE },
    { "dice", MASK, { .loss = FOV_LOSS_DICE }, TRUE },
    { "ce-dice", MASK, { .loss = FOV_LOSS_CROSS_ENTROPY_DICE }, TRUE },
    { "triplet", VECTORS, { .loss = FOV_LOSS_TRIPLET } },
    { "contrastive", VECTORS, { .loss = FOV_LOSS_CONTRASTIVE } },
    { "ctc", { 3, { 3, 6, 5 } }, { .loss = FOV_LOSS_CTC, .label_length = 3 } },
};

/* ---- a graph of a loss alone -------------------------------------------------- */

static FovSession *
loss_session (const char *device_name, const FovShape *shape, const FovTrainerParams *given,
              FovTensorInfo *target, GError **error)
{
    g_autoptr (FovDevice) device = fov_device_open (device_name, NULL);
    FovTrainerParams params = *given;
    FovTrainGraph t = { .graph = fov_graph_new () };
    FovTensor *x = fov_graph_add_input (t.graph, "x", FOV_F32, shape), *gradient;

    if (!fov_train_complete (&params, error) || !fov_train_add_loss (&t, x, &params, error)) {
        fov_graph_free (t.graph);
        return NULL;
    }
    *target = (FovTensorInfo){ "target", t.target->dtype, t.target->shape };
    if (!fov_graph_backward (t.graph, t.loss, &x, 1, &gradient, error)) {
        fov_graph_free (t.graph);
        return NULL;
    }
    fov_graph_add_output (t.graph, t.loss);
    fov_graph_add_output (t.graph, gradient);
    return fov_session_new_from_graph (device, t.graph, NULL, error);
}

/* As tests/golden/losses.py makes them. */
static void
fill_target (FovView *view, FovLoss loss, gboolean ignore)
{
    static const gint64 text[] = { 1, 2, 2, 4, -1, -1, 3, 3, 1 };

    for (gint64 i = 0; i < fov_shape_elements (&view->shape); i++)
        if (view->dtype == FOV_F32)
            fov_view_set (view, i, i % 5 == 4 ? 0.25 : i * i % 3 == 1);
        else if (loss == FOV_LOSS_CTC)
            fov_view_set_int (view, i, text[i]);
        else if (loss == FOV_LOSS_TRIPLET || loss == FOV_LOSS_CONTRASTIVE)
            fov_view_set_int (view, i, i % 3);
        else
            fov_view_set_int (view, i, ignore && i % 4 == 3 ? -1 : (i * 3 + 1) % 5);
}

static void
compare_case (guint k, const char *device, char **words)
{
    const gboolean vectors =
        g_str_equal (cases[k].name, "triplet") || g_str_equal (cases[k].name, "contrastive");
    const gint64 n = fov_shape_elements (&cases[k].shape);
    g_autofree float *scores = g_new (float, n);
    g_autoptr (GError) error = NULL;
    g_autofree gint64 *room = NULL;
    FovTensorInfo info;
    g_autoptr (FovSession) session =
        loss_session (device, &cases[k].shape, &cases[k].params, &info, &error);
    FovView in[2] = { { FOV_F32, cases[k].shape, scores } }, out[2];

    if (!session)
        fail_msg ("%s: %s", cases[k].name, error->message);
    room = g_new0 (gint64, fov_shape_elements (&info.shape));
    in[1] = (FovView){ info.dtype, info.shape, room };
    for (gint64 i = 0; i < n; i++)
        scores[i] = (float) ((vectors ? 0.5 : 3) * sin (1.7 * (double) i + 0.3));
    fill_target (&in[1], cases[k].params.loss, cases[k].ignore);
    if (!fov_session_run (session, in, out, &error))
        fail_msg ("%s: %s", cases[k].name, error->message);
    assert_int_equal (g_strv_length (words), n + 2);
    for (gint64 i = -1; i < n; i++) {
        double got = fov_view_get (&out[i >= 0], MAX (i, 0));
        double want = g_ascii_strtod (words[i + 2], NULL);
        if (!(fabs (got - want) <= 1e-5 * MAX (fabs (want), 1)))
            fail_msg ("%s on %s: %s %d is %.9g, expected %.9g", cases[k].name, device,
                      i < 0 ? "loss" : "gradient", (int) i, got, want);
    }
}

static void
test_as_pytorch (void **state)
{
    g_autofree char *text = NULL;
    g_auto (GStrv) lines = NULL;

    assert_true (g_file_get_contents (GOLDEN_DIR "/train-losses.txt", &text, NULL, NULL));
    lines = g_strsplit (g_strchomp (text), "\n", -1);
    assert_int_equal (g_strv_length (lines), G_N_ELEMENTS (cases));
    for (guint k = 0; k < G_N_ELEMENTS (cases); k++) {
        g_auto (GStrv) words = g_strsplit (lines[k], " ", -1);
        assert_string_equal (words[0], cases[k].name);
        compare_case (k, "reference", words);
        compare_case (k, "cpu:2", words);
        compare_case (k, "vulkan", words);
    }
}

/* ---- CTC ----------------------------------------------------------------------- */

enum { SYMBOLS = 3 };

/* Whether the path, without repeats and then without blanks (0), is the label. */
static gboolean
reads (const int *path, int steps, const gint64 *label, int length)
{
    int at = 0;

    for (int t = 0; t < steps; t++) {
        if (path[t] == 0 || (t > 0 && path[t] == path[t - 1]))
            continue;
        if (at >= length || label[at++] != path[t])
            return FALSE;
    }
    return at == length;
}

/* The sum of the probabilities of all SYMBOLS^steps paths that read as the label. */
static double
sum_of_paths (const float *scores, int steps, const gint64 *label, int length)
{
    int path[6] = { 0 }, n = (int) pow (SYMBOLS, steps);
    double sum = 0;

    for (int code = 0; code < n; code++) {
        double p = 1;
        for (int t = 0, rest = code; t < steps; t++, rest /= SYMBOLS)
            path[t] = rest % SYMBOLS;
        for (int t = 0; t < steps; t++) {
            double all = 0;
            for (int c = 0; c < SYMBOLS; c++)
                all += exp (scores[t * SYMBOLS + c]);
            p *= exp (scores[t * SYMBOLS + path[t]]) / all;
        }
        sum += reads (path, steps, label, length) ? p : 0;
    }
    return sum;
}

/* Where no path is long enough, the loss is no number, or the device says so. */
static void
test_ctc_sums_all_alignments (void **state)
{
    static const gint64 labels[][4] = {
        { -1, -1, -1, -1 }, { 1, -1, -1, -1 }, { 1, 2, -1, -1 }, { 1, 1, -1, -1 },
        { 2, 1, 2, -1 },    { 2, 2, 1, -1 },   { 1, 2, 1, 2 },   { 1, 1, 2, 2 },
    };
    const int each = g_str_equal (*state, "vulkan") ? 3 : 1; /* there a session takes its time */
    guint n = 0;

    for (int steps = each; steps <= 6; steps += each)
        for (guint k = 0; k < G_N_ELEMENTS (labels); k++) {
            g_autoptr (GError) error = NULL;
            FovShape shape = { 3, { 1, steps, SYMBOLS } };
            FovTensorInfo info;
            g_autoptr (FovSession) session =
                loss_session (*state, &shape,
                              &(FovTrainerParams){ .loss = FOV_LOSS_CTC, .label_length = 4 }, &info,
                              &error);
            float scores[6 * SYMBOLS];
            FovView in[2] = { { FOV_F32, shape, scores },
                              { FOV_I64, info.shape, (gpointer) labels[k] } },
                    out[2];
            int length = 0;
            double sum, loss;
            while (length < 4 && labels[k][length] >= 0)
                length++;
            for (int i = 0; i < steps * SYMBOLS; i++)
                scores[i] = (float) (2 * sin (2.3 * i + steps + k));
            sum = sum_of_paths (scores, steps, labels[k], length);
            if (!fov_session_run (session, in, out, &error)) {
                assert_true (sum == 0);
                assert_non_null (strstr (error->message, "the label of picture 0 needs"));
                continue;
            }
            loss = fov_view_get (&out[0], 0) * MAX (length, 1);
            if (sum == 0) {
                assert_true (isnan (loss));
                continue;
            }
            if (!(fabs (exp (-loss) - sum) <= 1e-6 * sum))
                fail_msg ("%d steps, label %u: %.9g, expected %.9g", steps, k, exp (-loss), sum);
            n++;
        }
    assert_true (n > 30 / (guint) each);
}

/* ---- shares -------------------------------------------------------------------- */

static void
run_loss (const char *device, const FovTrainerParams *params, const FovShape *shape,
          const float *scores, gpointer target, float *loss, float *gradient)
{
    g_autoptr (GError) error = NULL;
    FovTensorInfo info;
    g_autoptr (FovSession) session = loss_session (device, shape, params, &info, &error);
    FovView in[2] = { { FOV_F32, *shape, (gpointer) scores } }, out[2];

    if (!session)
        fail_msg ("%s: %s", device, error->message);
    in[1] = (FovView){ info.dtype, info.shape, target };
    assert_true (fov_session_run (session, in, out, &error));
    *loss = (float) fov_view_get (&out[0], 0);
    for (gint64 i = 0; i < fov_shape_elements (shape); i++)
        gradient[i] = (float) fov_view_get (&out[1], i);
}

/* Whole shares are labels; between two pictures lies what is between their losses. */
static void
test_shares (void **state)
{
    static const char *const devices[] = { "reference", "cpu:2", "vulkan" };
    static const FovTrainerParams params[] = {
        { .loss = FOV_LOSS_SHARES },
        { .loss = FOV_LOSS_SHARES, WEIGHTED, .label_smoothing = 0.2f },
        { .loss = FOV_LOSS_SHARES, WEIGHTED, .focal_gamma = 2 },
    };
    const FovShape shape = { 2, { 7, 5 } };
    float scores[35], loss[4], gradient[4][35];

    for (int i = 0; i < 35; i++)
        scores[i] = (float) (3 * sin (1.7 * i + 0.3));
    for (guint k = 0; k < G_N_ELEMENTS (params) * G_N_ELEMENTS (devices); k++) {
        const char *device = devices[k % 3];
        FovTrainerParams hard = params[k / 3];
        gint64 labels[7];
        float shares[2][35] = { { 0 } }, mixed[35];
        hard.loss = FOV_LOSS_CROSS_ENTROPY;
        for (int i = 0; i < 7; i++) {
            labels[i] = i == 3 ? -1 : (i * 3 + 1) % 5;
            if (i != 3)
                shares[0][5 * i + labels[i]] = shares[1][5 * i + (labels[i] + 1) % 5] = 1;
        }
        for (int i = 0; i < 35; i++)
            mixed[i] = 0.7f * shares[0][i] + 0.3f * shares[1][i];
        run_loss (device, &hard, &shape, scores, labels, &loss[0], gradient[0]);
        run_loss (device, &params[k / 3], &shape, scores, shares[0], &loss[1], gradient[1]);
        run_loss (device, &params[k / 3], &shape, scores, shares[1], &loss[2], gradient[2]);
        run_loss (device, &params[k / 3], &shape, scores, mixed, &loss[3], gradient[3]);
        assert_float_equal (loss[1], loss[0], 1e-5);
        for (int i = 0; i < 35; i++)
            assert_float_equal (gradient[1][i], gradient[0][i], 1e-5);
        if (params[k / 3].class_weights)
            continue;
        assert_float_equal (loss[3], 0.7f * loss[1] + 0.3f * loss[2], 1e-5);
        for (int i = 0; i < 35; i++)
            assert_float_equal (gradient[3][i], 0.7f * gradient[1][i] + 0.3f * gradient[2][i],
                                1e-5);
    }
}

/* ---- edges ------------------------------------------------------------------------ */

/* Nothing but ignored labels is no loss, and no gradient. */
static void
test_all_ignored (void **state)
{
    static const FovTrainerParams losses[] = {
        { .loss = FOV_LOSS_CROSS_ENTROPY, .label_smoothing = 0.1f },
        { .loss = FOV_LOSS_CROSS_ENTROPY, .focal_gamma = 2 },
        { .loss = FOV_LOSS_CROSS_ENTROPY_DICE, .label_smoothing = 0.1f },
    };

    for (guint k = 0; k < G_N_ELEMENTS (losses); k++) {
        g_autoptr (GError) error = NULL;
        FovTensorInfo info;
        FovShape shape = { 4, { 1, 2, 1, 2 } };
        g_autoptr (FovSession) session = loss_session ("cpu:1", &shape, &losses[k], &info, &error);
        float scores[] = { 1, 2, 3, 4 };
        gint64 labels[] = { -1, -1 };
        FovView in[2] = { { FOV_F32, shape, scores }, { FOV_I64, info.shape, labels } }, out[2];
        assert_true (fov_session_run (session, in, out, &error));
        assert_true (fov_view_get (&out[0], 0) == 0);
        for (int i = 0; i < 4; i++)
            assert_true (fov_view_get (&out[1], i) == 0);
    }
}

static const struct {
    FovShape shape;
    FovTrainerParams params;
    const char *message;
} bad[] = {
    { { 1, { 5 } }, { .loss = FOV_LOSS_CROSS_ENTROPY }, "which the loss can not be of" },
    { { 4, { 1, 2, 3, 4 } }, { .loss = FOV_LOSS_TRIPLET }, "which the loss can not be of" },
    { { 3, { 1, 2, 3 } }, { .loss = FOV_LOSS_CTC }, "which the loss can not be of" },
    { { 2, { 1, 4 } }, { .loss = FOV_LOSS_BCE, WEIGHTED }, "5 weights of classes, expected 4" },
    { { 2, { 1, 4 } }, { .loss = FOV_LOSS_FOCAL, .focal_gamma = -1 }, "focal_gamma is -1" },
    { { 2, { 1, 4 } },
      { .loss = FOV_LOSS_CROSS_ENTROPY, .focal_gamma = 2, .label_smoothing = 0.1f },
      "expected one of them" },
    { { 2, { 1, 4 } }, { .loss = FOV_LOSS_TRIPLET, .margin = -1 }, "margin is -1" },
};

static void
test_bad (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GError) error = NULL;
        FovTensorInfo info;
        assert_null (loss_session ("cpu:1", &bad[i].shape, &bad[i].params, &info, &error));
        if (!strstr (error->message, bad[i].message))
            fail_msg ("'%s', expected '%s'", error->message, bad[i].message);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_as_pytorch),
        { "CTC sums all alignments, reference", test_ctc_sums_all_alignments, NULL, NULL,
          (void *) "reference" },
        { "CTC sums all alignments, vulkan", test_ctc_sums_all_alignments, NULL, NULL,
          (void *) "vulkan" },
        cmocka_unit_test (test_all_ignored),
        cmocka_unit_test (test_shares),
        cmocka_unit_test (test_bad),
    };

    return cmocka_run_group_tests_name ("losses", tests, NULL, NULL);
}

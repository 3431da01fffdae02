/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Several labels a picture: scores and macro AP after twenty steps, as PyTorch has them. */
#include "smallnet.h"

#include <math.h>
#include <fovea/metrics.h>

enum { STEPS = 20, PICTURES = STEPS * SMALL_BATCH };

static const FovShape batch_shape = { 4, { SMALL_BATCH, 3, SMALL_SIZE, SMALL_SIZE } };

/* As tests/golden/train.py makes them. */
static gboolean
has_tag (guint step, guint picture, guint class)
{
    return (picture * 7 + step * 3 + class * class) % 5 < 2;
}

static FovModel *
train (FovDevice *device)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovModel) model = fov_model_new_from_graph (small_net (), "small", "test", NULL);
    g_autoptr (FovTrainer) trainer =
        fov_trainer_new (device, model,
                         &(FovTrainerParams){ .input_shapes = &batch_shape,
                                              .loss = FOV_LOSS_BCE,
                                              .learning_rate = 0.05f,
                                              .weight_decay = 0.01f },
                         &error);
    float tags[SMALL_BATCH * SMALL_CLASSES];
    const FovView target = { FOV_F32, { 2, { SMALL_BATCH, SMALL_CLASSES } }, tags };
    SmallBatch batch;

    for (guint step = 1; step <= STEPS; step++) {
        small_batch (&batch, step);
        for (guint i = 0; i < G_N_ELEMENTS (tags); i++)
            tags[i] = has_tag (step, i / SMALL_CLASSES, i % SMALL_CLASSES);
        if (!fov_trainer_step (trainer, &batch.x, &target, NULL, &error))
            fail_msg ("%s", error->message);
    }
    return fov_trainer_model (trainer, FOV_WEIGHTS_CURRENT, &error);
}

static void
score (FovDevice *device, FovModel *model, float scores[SMALL_CLASSES][PICTURES],
       guint8 truths[SMALL_CLASSES][PICTURES])
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovSession) session =
        fov_session_new (device, model, &(FovSessionParams){ .input_shapes = &batch_shape },
                         &error);
    SmallBatch batch;
    FovView out;

    for (guint at = 0; at < PICTURES; at++) {
        const guint step = STEPS + 1 + at / SMALL_BATCH, i = at % SMALL_BATCH;
        small_batch (&batch, step);
        if (i == 0 && !fov_session_run (session, &batch.x, &out, &error))
            fail_msg ("%s", error->message);
        for (guint c = 0; c < SMALL_CLASSES; c++) {
            scores[c][at] = (float) fov_view_get (&out, i * SMALL_CLASSES + c);
            truths[c][at] = has_tag (step, i, c);
        }
    }
}

static void
test_macro_ap (void **state)
{
    static const char *const devices[] = { "reference", "cpu:2" };
    g_autofree char *text = NULL;
    g_auto (GStrv) words = NULL;

    assert_true (g_file_get_contents (GOLDEN_DIR "/train-tags.txt", &text, NULL, NULL));
    words = g_strsplit_set (g_strchomp (text), " \n", -1); /* macro AP scores ... */
    assert_int_equal (g_strv_length (words), 3 + PICTURES * SMALL_CLASSES);
    for (guint d = 0; d < G_N_ELEMENTS (devices); d++) {
        g_autoptr (FovDevice) device = fov_device_open (devices[d], NULL);
        g_autoptr (FovModel) model = train (device);
        float scores[SMALL_CLASSES][PICTURES];
        guint8 truths[SMALL_CLASSES][PICTURES];
        double macro = 0;
        score (device, model, scores, truths);
        for (guint c = 0; c < SMALL_CLASSES; c++) {
            macro += fov_average_precision (scores[c], truths[c], PICTURES) / SMALL_CLASSES;
            for (guint i = 0; i < PICTURES; i++) {
                const double want = g_ascii_strtod (words[3 + i * SMALL_CLASSES + c], NULL);
                if (!(fabs ((double) scores[c][i] - want) <= 1e-3 * MAX (fabs (want), 1)))
                    fail_msg ("%s: score %u of picture %u is %g, expected %g", devices[d], c, i,
                              (double) scores[c][i], want);
            }
        }
        if (!(fabs (macro - g_ascii_strtod (words[1], NULL)) <= 1e-6))
            fail_msg ("%s: macro AP %.9g, expected %s", devices[d], macro, words[1]);
    }
}

static const struct {
    const char *name;
    guint n;
    float scores[5];
    guint8 truths[5];
    double want;
} rankings[] = {
    { "all right", 4, { 4, 3, 2, 1 }, { 1, 1, 0, 0 }, 1 },
    { "all wrong", 4, { 4, 3, 2, 1 }, { 0, 0, 1, 1 }, (1.0 / 3 + 2.0 / 4) / 2 },
    { "between", 5, { 1, 2, 3, 4, 5 }, { 0, 1, 0, 1, 1 }, (1 + 1 + 3.0 / 4) / 3 },
    { "equal scores", 4, { 1, 1, 1, 1 }, { 1, 0, 0, 0 }, 0.25 },
    { "equal at the top", 3, { 2, 2, 1 }, { 0, 1, 1 }, (0.5 + 2.0 / 3) / 2 },
    { "one", 1, { 0 }, { 1 }, 1 },
    { "none is true", 2, { 1, 2 }, { 0, 0 }, NAN },
    { "nothing", 0, { 0 }, { 0 }, NAN },
};

static void
test_rankings (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (rankings); i++) {
        double got = fov_average_precision (rankings[i].scores, rankings[i].truths, rankings[i].n);
        if (isnan (rankings[i].want) ? !isnan (got) : !(fabs (got - rankings[i].want) < 1e-12))
            fail_msg ("%s: %g, expected %g", rankings[i].name, got, rankings[i].want);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test (test_macro_ap),
                                        cmocka_unit_test (test_rankings) };

    return cmocka_run_group_tests_name ("tags", tests, NULL, NULL);
}

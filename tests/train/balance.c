/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One rare thing among fifty: each way to balance finds more of it; what that costs is printed. */
#include <math.h>
#include <string.h>

#include "../unit/check.h"

#include "train/load/order.h"
#include "vision/random.h"

#include <fovea/data.h>
#include <fovea/session.h>
#include <fovea/train.h>

enum { FEATURES = 8, MANY = 2000, RARE = 40, BATCH = 100, STEPS = 400, TESTS = 4000 };

/* Two clouds of deviation 1 that overlap: their middles are 2 apart. */
static float
draw (FovRandom *random, int label, int k)
{
    double sum = -6;

    for (int i = 0; i < 12; i++)
        sum += fov_random_unit (random);
    return (float) (sum + (label && k < 4 ? 1 : 0));
}

typedef struct {
    GArray *x, *labels; /* float, gint64 */
} Set;

static Set
make_set (guint64 seed, int many, int rare)
{
    Set s = { g_array_new (FALSE, FALSE, sizeof (float)),
              g_array_new (FALSE, FALSE, sizeof (gint64)) };
    FovRandom random = fov_random (seed, 0, 0);

    for (int i = 0; i < many + rare; i++) {
        const gint64 label = i >= many;
        g_array_append_val (s.labels, label);
        for (int k = 0; k < FEATURES; k++) {
            const float v = draw (&random, (int) label, k);
            g_array_append_val (s.x, v);
        }
    }
    return s;
}

static void
set_clear (Set *s)
{
    g_array_unref (s->x);
    g_array_unref (s->labels);
}

/* A classifier's last layer. */
static FovModel *
make_model (void)
{
    static const float zeros[FEATURES * 2];
    const FovModelValue values[] = {
        { "x", FOV_F32, { 2, { -1, FEATURES } }, NULL },
        { "weight", FOV_F32, { 2, { FEATURES, 2 } }, zeros },
        { "bias", FOV_F32, { 1, { 2 } }, zeros },
    };
    const FovModelNode nodes[] = { { "Gemm", "scores", { "x", "weight", "bias" } } };
    const char *const outputs[] = { "scores", NULL };
    g_autoptr (GError) error = NULL;
    FovModel *model = fov_model_build (values, 3, nodes, 1, outputs, &error);

    assert_fov_ok (model != NULL, error);
    return model;
}

static FovTrainer *
make_trainer (FovDevice *device, FovLoss loss, const float *weights)
{
    const FovShape shape = { 2, { BATCH, FEATURES } };
    const FovTrainerParams params = { .input_shapes = &shape,
                                      .loss = loss,
                                      .class_weights = weights,
                                      .n_class_weights = weights ? 2 : 0,
                                      .focal_alpha = 0.9f,
                                      .learning_rate = 0.1f,
                                      .n_steps = STEPS };
    g_autoptr (FovModel) model = make_model ();
    g_autoptr (GError) error = NULL;
    FovTrainer *trainer = fov_trainer_new (device, model, &params, &error);

    assert_fov_ok (trainer != NULL, error);
    return trainer;
}

static void
learn (FovTrainer *trainer, const Set *set, const double *factors, gboolean one_hot)
{
    static float x[BATCH * FEATURES], hot[BATCH * 2];
    static gint64 labels[BATCH];
    const FovView in = { FOV_F32, { 2, { BATCH, FEATURES } }, x };
    const FovView target = one_hot ? (FovView){ FOV_F32, { 2, { BATCH, 2 } }, hot }
                                   : (FovView){ FOV_I64, { 1, { BATCH } }, labels };
    g_autoptr (GError) error = NULL;
    FovOrder order = { 0 };
    guint at = 0;

    fov_order_make (&order, factors, set->labels->len, FALSE, 1, 0);
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < BATCH; i++, at++) {
            if (at >= order.n) {
                at = 0;
                fov_order_make (&order, factors, set->labels->len, FALSE, 1, order.epoch + 1);
            }
            const guint k = order.index[at];
            memcpy (x + i * FEATURES, &g_array_index (set->x, float, k *FEATURES),
                    FEATURES * sizeof *x);
            labels[i] = g_array_index (set->labels, gint64, k);
            hot[2 * i] = labels[i] == 0;
            hot[2 * i + 1] = labels[i] == 1;
        }
        assert_fov_ok (fov_trainer_step (trainer, &in, &target, NULL, &error), error);
    }
    fov_order_clear (&order);
}

/* Shares of the common and of the rare class that are found, in percent. Where each score stands
 * for itself (focal), the rare class's own decides. */
static void
measure (FovTrainer *trainer, FovDevice *device, gboolean alone, double recall[2])
{
    const FovShape shape = { 2, { 2 * TESTS, FEATURES } };
    Set set = make_set (99, TESTS, TESTS);
    const FovView in = { FOV_F32, shape, set.x->data };
    g_autoptr (GError) error = NULL;
    g_autoptr (FovModel) model = fov_trainer_model (trainer, FOV_WEIGHTS_CURRENT, &error);
    g_autoptr (FovSession) session =
        fov_session_new (device, model, &(FovSessionParams){ .input_shapes = &shape }, &error);
    FovView out;

    assert_fov_ok (session && fov_session_run (session, &in, &out, &error), error);
    recall[0] = recall[1] = 0;
    for (guint i = 0; i < 2 * TESTS; i++) {
        const float *s = (const float *) out.data + 2 * i;
        const gint64 label = g_array_index (set.labels, gint64, i);
        recall[label] += (s[1] > (alone ? 0 : s[0])) == label ? 100.0 / TESTS : 0;
    }
    set_clear (&set);
}

static FovData *
as_data (const Set *set)
{
    static const char *const classes[] = { "common", "rare", NULL };
    FovData *data = fov_data_new (classes);

    for (guint i = 0; i < set->labels->len; i++) {
        const int label = (int) g_array_index (set->labels, gint64, i);
        const FovSample s = { .name = "x", .classes = &label, .n_classes = 1 };
        assert_true (fov_data_add (data, &s, NULL));
    }
    return data;
}

static void
fill_up (Set *set)
{
    Set more = make_set (0, 0, 0);

    assert_true (fov_smote ((const float *) (void *) set->x->data,
                            (const gint64 *) (void *) set->labels->data, set->labels->len, FEATURES,
                            2, 0, 1, more.x, more.labels, NULL));
    g_array_append_vals (set->x, more.x->data, more.x->len);
    g_array_append_vals (set->labels, more.labels->data, more.labels->len);
    set_clear (&more);
}

typedef enum { PLAIN, WEIGHTS, RESAMPLING, FOCAL, SMOTE, N_WAYS } Way;

static void
try_way (FovDevice *device, Way way, double recall[2])
{
    Set set = make_set (7, MANY, RARE);
    g_autoptr (FovData) data = as_data (&set);
    g_autoptr (FovTrainer) trainer = NULL;
    g_autofree double *factors = NULL;
    float weights[2];

    if (way == SMOTE)
        fill_up (&set);
    fov_data_class_weights (data, 1, weights);
    factors = g_new (double, set.labels->len);
    for (guint i = 0; i < set.labels->len; i++)
        factors[i] = 1;
    if (way == RESAMPLING)
        fov_data_repeat_factors (data, 1, factors);
    trainer = make_trainer (device, way == FOCAL ? FOV_LOSS_FOCAL : FOV_LOSS_CROSS_ENTROPY,
                            way == WEIGHTS ? weights : NULL);
    learn (trainer, &set, factors, way == FOCAL);
    measure (trainer, device, way == FOCAL, recall);
    set_clear (&set);
}

static void
test_ways (void **state)
{
    static const char *const names[] = { "plain", "weights", "resampling", "focal", "SMOTE" };
    g_autoptr (FovDevice) device = fov_device_open ("cpu:1", NULL);
    double plain[2], recall[2];

    try_way (device, PLAIN, plain);
    for (Way way = PLAIN; way < N_WAYS; way++) {
        try_way (device, way, recall);
        print_message ("# %-10s finds %.1f %% of the rare class, %.1f %% of the common one\n",
                       names[way], recall[1], recall[0]);
        if (way != PLAIN && !(recall[1] >= plain[1] + 10))
            fail_msg ("%s finds %.1f %% of the rare class, plain %.1f %%", names[way], recall[1],
                      plain[1]);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test (test_ways) };

    return RUN ("train-balance", tests);
}

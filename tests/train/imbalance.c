/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One rare picture among fifty: how many of them each remedy finds, and what that costs the common
 * ones. The rare ones have stripes under noise, the common ones fainter stripes. What is measured
 * is new pictures, as many of each.
 */
#include "smallnet.h"

#include <math.h>
#include <fovea/data.h>

enum {
    SIZE = 16,
    PIXELS = 3 * SIZE * SIZE,
    RARE = 40,
    COMMON = 50 * RARE,
    ALL = RARE + COMMON,
    TESTS = 300, /* of each class */
    BATCH = 30,
    STEPS = 420,
    SEEDS = 1
};

typedef enum { PLAIN, WEIGHTS, RESAMPLING, FOCAL, SMOTE, N_METHODS } Method;
static const char *const names[] = { "plain", "class weights", "resampling", "focal", "SMOTE" };

/* ---- pictures -------------------------------------------------------------------- */

static double
normal (GRand *rand)
{
    double u = 1 - g_rand_double (rand), v = g_rand_double (rand);

    return sqrt (-2 * log (u)) * cos (2 * G_PI * v);
}

/* Moved in a circle, so that few pictures are not learned by heart. */
static void
roll (GRand *rand, const float *from, float *to)
{
    const int dx = g_rand_int_range (rand, 0, SIZE), dy = g_rand_int_range (rand, 0, SIZE);

    for (int i = 0; i < PIXELS; i++)
        to[i] = from[i / (SIZE * SIZE) * SIZE * SIZE + (i / SIZE % SIZE + dy) % SIZE * SIZE +
                     (i % SIZE + dx) % SIZE];
}

static void
draw (GRand *rand, gboolean rare, float *pixels)
{
    const double phase = g_rand_double_range (rand, 0, 6.28);
    const double strength = g_rand_double_range (rand, rare ? 0.4 : 0, rare ? 1.8 : 0.6);

    for (int i = 0; i < PIXELS; i++) {
        const int x = i % SIZE, y = i / SIZE % SIZE;
        pixels[i] = (float) (strength * sin (0.8 * (x + y) + phase) + normal (rand));
    }
}

typedef struct {
    float *pixels;
    gint64 *labels;
    guint n;
} Set;

static Set
make_set (guint32 seed, guint common, guint rare)
{
    GRand *rand = g_rand_new_with_seed (seed);
    Set s = { g_new (float, (gsize) (common + rare) * PIXELS), g_new (gint64, common + rare),
              common + rare };

    for (guint i = 0; i < s.n; i++) {
        s.labels[i] = i >= common;
        draw (rand, i >= common, s.pixels + (gsize) i * PIXELS);
    }
    g_rand_free (rand);
    return s;
}

static void
set_clear (Set *s)
{
    g_free (s->pixels);
    g_free (s->labels);
}

/* ---- training --------------------------------------------------------------------- */

static FovTrainer *
make_trainer (FovDevice *device, FovModel *model, Method method, const FovShape *shape)
{
    /* So that both classes weigh the same altogether. */
    static const float weights[] = { (float) ALL / (2 * COMMON), (float) ALL / (2 * RARE) };
    g_autoptr (GError) error = NULL;
    FovTrainerParams params = { .input_shapes = shape,
                                .optimiser = FOV_OPTIMISER_ADAMW,
                                .learning_rate = 0.003f,
                                .weight_decay = 0.02f,
                                .n_steps = STEPS,
                                .warmup_steps = 20,
                                .average = 0.1f };
    FovTrainer *trainer;

    if (method == WEIGHTS) {
        params.class_weights = weights;
        params.n_class_weights = 2;
    } else if (method == FOCAL) {
        params.loss = FOV_LOSS_FOCAL;
        params.focal_alpha = 0.95f;
    }
    trainer = fov_trainer_new (device, model, &params, &error);
    if (!trainer)
        fail_msg ("%s", error->message);
    return trainer;
}

/* Every second one is rare, or all are equally likely. */
static guint
pick (GRand *rand, Method method)
{
    if (method == RESAMPLING && g_rand_boolean (rand))
        return (guint) g_rand_int_range (rand, COMMON, ALL);
    return (guint) g_rand_int_range (rand, 0, method == RESAMPLING ? COMMON : ALL);
}

static FovTrainer *
train (FovDevice *device, FovModel *fresh, const Set *set, Method method, guint32 seed)
{
    const FovShape shape = { 4, { BATCH, 3, SIZE, SIZE } };
    FovTrainer *trainer = make_trainer (device, fresh, method, &shape);
    g_autofree float *pixels = g_new (float, BATCH *PIXELS);
    GRand *rand = g_rand_new_with_seed (seed);
    g_autoptr (GError) error = NULL;
    gint64 labels[BATCH];
    float yes[2 * BATCH];
    const FovView x = { FOV_F32, shape, pixels };
    const FovView classes = { FOV_I64, { 1, { BATCH } }, labels };
    const FovView both = { FOV_F32, { 2, { BATCH, 2 } }, yes };

    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < BATCH; i++) {
            const guint at = pick (rand, method);
            roll (rand, set->pixels + (gsize) at * PIXELS, pixels + i * PIXELS);
            labels[i] = set->labels[at];
            yes[2 * i] = labels[i] == 0;
            yes[2 * i + 1] = labels[i] == 1;
        }
        if (!fov_trainer_step (trainer, &x, method == FOCAL ? &both : &classes, NULL, &error))
            fail_msg ("%s", error->message);
    }
    g_rand_free (rand);
    return trainer;
}

/* Scores [n, 2] of a set's pictures. */
static float *
score (FovDevice *device, FovTrainer *trainer, const Set *set)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovModel) model = fov_trainer_model (trainer, FOV_WEIGHTS_AVERAGED, &error);
    const FovShape shape = { 4, { set->n, 3, SIZE, SIZE } };
    g_autoptr (FovSession) session =
        fov_session_new (device, model, &(FovSessionParams){ .input_shapes = &shape }, &error);
    const FovView x = { FOV_F32, shape, set->pixels };
    FovView y;

    if (!session || !fov_session_run (session, &x, &y, &error))
        fail_msg ("%s", error->message);
    return g_memdup2 (y.data, 2 * (gsize) set->n * sizeof (float));
}

static gboolean
read_one (guint index, FovView *inputs, gpointer set, GError **error)
{
    const FovShape shape = { 4, { 1, 3, SIZE, SIZE } };

    inputs[0] = (FovView){ FOV_F32, shape, ((Set *) set)->pixels + (gsize) index * PIXELS };
    return TRUE;
}

static void
smote (FovDevice *device, FovTrainer *trainer, Set *set, guint32 seed)
{
    const FovShape shape = { 4, { 1, 3, SIZE, SIZE } };
    const FovNormFrames pictures = { set->n, read_one, set, &shape };
    g_autoptr (GError) error = NULL;

    if (!fov_trainer_smote (trainer, device, &pictures, set->labels, 0, seed, &error))
        fail_msg ("%s", error->message);
}

/* ---- the experiment ------------------------------------------------------------------ */

/* Adds the shares of rare and of common pictures that are found. */
static void
measure (const float *scores, const Set *tests, Method method, double found[2])
{
    for (guint i = 0; i < tests->n; i++) {
        const float rare = method == FOCAL ? scores[2 * i + 1] : scores[2 * i + 1] - scores[2 * i];
        if ((rare > 0) == (tests->labels[i] == 1))
            found[tests->labels[i]] += 1.0 / TESTS / SEEDS;
    }
}

static void
run_seed (FovDevice *device, guint32 seed, double found[N_METHODS][2])
{
    g_autoptr (FovModel) fresh = fov_recipe_new ("depthwise", SIZE, 2, seed, NULL);
    Set set = make_set (100 + seed, COMMON, RARE), tests = make_set (200 + seed, TESTS, TESTS);

    for (Method m = PLAIN; m < SMOTE; m++) {
        g_autoptr (FovTrainer) trainer = train (device, fresh, &set, m, seed);
        g_autofree float *scores = score (device, trainer, &tests);
        measure (scores, &tests, m, found[m]);
        if (m != PLAIN)
            continue;
        smote (device, trainer, &set, seed); /* goes on from what learned without any remedy */
        g_free (scores);
        scores = score (device, trainer, &tests);
        measure (scores, &tests, SMOTE, found[SMOTE]);
    }
    set_clear (&set);
    set_clear (&tests);
}

static void
test_remedies (void **state)
{
    g_autoptr (FovDevice) device = fov_device_open ("cpu:2", NULL);
    double found[N_METHODS][2] = { { 0 } };

    for (guint32 seed = 1; seed <= SEEDS; seed++)
        run_seed (device, seed, found);
    print_message ("# recall of the rare (gain), of the common (cost), in percent\n");
    for (Method m = PLAIN; m < N_METHODS; m++)
        print_message ("# %-14s %5.1f (%+5.1f)  %5.1f (%+5.1f)\n", names[m], 100 * found[m][1],
                       100 * (found[m][1] - found[PLAIN][1]), 100 * found[m][0],
                       100 * (found[m][0] - found[PLAIN][0]));
    for (Method m = WEIGHTS; m < N_METHODS; m++)
        if (found[m][1] < found[PLAIN][1] + 0.1)
            fail_msg ("%s finds %.1f %% of the rare, %.1f %% without", names[m], 100 * found[m][1],
                      100 * found[PLAIN][1]);
}

int
main (void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test (test_remedies) };

    return cmocka_run_group_tests_name ("imbalance", tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a trainer says that it takes is what it takes, and the last layer alone takes little. */
#include "../sanitized.h"
#include "smallnet.h"

#include <malloc.h>

enum { BATCH = 16, SIZE = 64 };

static gsize
allocated (void)
{
    const struct mallinfo2 info = mallinfo2 ();

    return info.uordblks + info.hblkhd;
}

typedef struct {
    const char *recipe, *freeze_to;
    FovTrainerInfo info;
    gsize measured, arena;
} Case;

/* A sanitizer has an allocator of its own, which mallinfo knows nothing of. */
#ifdef SANITIZED
#define MEASURES FALSE
#else
#define MEASURES TRUE
#endif

static void
measure (Case *c)
{
    const FovShape shape = { 4, { BATCH, 3, SIZE, SIZE } };
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("cpu:2", &error);
    g_autoptr (FovModel) model = fov_recipe_new (c->recipe, SIZE, 10, 1, &error);
    const gsize before = allocated ();
    g_autoptr (FovTrainer) trainer =
        fov_trainer_new (device, model,
                         &(FovTrainerParams){ .input_shapes = &shape,
                                              .freeze_to = c->freeze_to,
                                              .frozen_norms = c->freeze_to != NULL },
                         &error);

    if (!trainer)
        fail_msg ("%s", error->message);
    c->measured = allocated () - before;
    fov_trainer_info (trainer, &c->info);
    c->arena = fov_session_plan (fov_trainer_session (trainer))->arena_bytes;
}

static double
activations (const Case *c)
{
    return (double) (c->arena - c->info.state_bytes);
}

static void
test_memory (void **state)
{
    static const char *const recipes[] = { "residual", "depthwise" };

    for (guint i = 0; i < G_N_ELEMENTS (recipes); i++) {
        Case whole = { recipes[i], NULL, { 0 }, 0, 0 }, head = { recipes[i], "flat", { 0 }, 0, 0 };
        const Case *both[] = { &whole, &head };
        measure (&whole);
        measure (&head);
        for (guint k = 0; k < 2; k++)
            print_message ("# %s, %s: planned %.2f MB, measured %.2f MB, activations %.2f MB\n",
                           recipes[i], k ? "last layer" : "all",
                           (double) both[k]->info.planned_bytes * 1e-6,
                           (double) both[k]->measured * 1e-6, activations (both[k]) * 1e-6);
        print_message ("# %s: the last layer's activations are %.1f %% of all\n", recipes[i],
                       100 * activations (&head) / activations (&whole));
        assert_true (activations (&head) <= 0.25 * activations (&whole));
        for (guint k = 0; k < 2 && MEASURES; k++)
            assert_in_range (both[k]->measured, both[k]->info.planned_bytes * 98 / 100,
                             both[k]->info.planned_bytes * 102 / 100);
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test (test_memory) };

    return cmocka_run_group_tests_name ("memory", tests, NULL, NULL);
}

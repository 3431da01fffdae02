/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Checkpoints: what comes back, and what does not hurt them. */
#include "smallnet.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "train/checkpoint.h"

static const FovShape batch_shape = { 4, { SMALL_BATCH, 3, SMALL_SIZE, SMALL_SIZE } };

static FovTrainer *
make (FovOptimiser optimiser)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("cpu:2", &error);
    FovTrainer *trainer =
        fov_trainer_new_from_graph (device, small_net (),
                                    &(FovTrainerParams){ .input_shapes = &batch_shape,
                                                         .optimiser = optimiser,
                                                         .average = 0.1f },
                                    &error);

    if (!trainer)
        fail_msg ("%s", error->message);
    return trainer;
}

typedef struct {
    char *folder, *path, *previous;
} Place;

static int
set_up (void **state)
{
    Place *p = g_new0 (Place, 1);

    p->folder = g_dir_make_tmp ("fovea-XXXXXX", NULL);
    p->path = g_build_filename (p->folder, "a.safetensors", NULL);
    p->previous = g_strconcat (p->path, ".1", NULL);
    *state = p;
    return p->folder ? 0 : -1;
}

static int
tear_down (void **state)
{
    Place *p = *state;
    g_autofree char *fresh = g_strconcat (p->path, ".new", NULL);

    g_unlink (p->path);
    g_unlink (p->previous);
    g_unlink (fresh);
    g_rmdir (p->folder);
    g_free (p->folder);
    g_free (p->path);
    g_free (p->previous);
    g_free (p);
    return 0;
}

/* Three steps, a break, three more: the same bits as six steps. */
static void
test_resume (void **state)
{
    const Place *p = *state;

    for (int optimiser = 0; optimiser < 3; optimiser++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (FovTrainer) whole = make (optimiser);
        g_autoptr (FovTrainer) first = make (optimiser);
        g_autoptr (FovTrainer) second = make (optimiser);
        g_autoptr (GHashTable) notes = g_hash_table_new (g_str_hash, g_str_equal);
        g_autoptr (GHashTable) back = NULL;
        g_autofree char *a = NULL, *b = NULL;
        for (guint i = 1; i <= 6; i++)
            small_step (whole, i);
        for (guint i = 1; i <= 3; i++)
            small_step (first, i);
        g_hash_table_insert (notes, (gpointer) "sampler", (gpointer) "17");
        if (!fov_trainer_save (first, p->path, notes, &error) ||
            !fov_trainer_load (second, p->path, &back, &error))
            fail_msg ("%s", error->message);
        assert_string_equal (g_hash_table_lookup (back, "sampler"), "17");
        assert_int_equal (fov_trainer_step_number (second), 3);
        for (guint i = 4; i <= 6; i++)
            small_step (second, i);
        a = small_digest (whole);
        b = small_digest (second);
        assert_string_equal (a, b);
    }
}

static void
test_other_optimiser (void **state)
{
    const Place *p = *state;
    g_autoptr (FovTrainer) sgd = make (FOV_OPTIMISER_SGD), adam = make (FOV_OPTIMISER_ADAM);
    g_autofree char *before = small_digest (adam), *after = NULL;
    g_autoptr (GError) error = NULL;

    assert_true (fov_trainer_save (sgd, p->path, NULL, NULL));
    assert_false (fov_trainer_load (adam, p->path, NULL, &error));
    assert_non_null (strstr (error->message, "no tensor '"));
    after = small_digest (adam);
    assert_string_equal (before, after);
}

static void
silence (const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer data)
{
    ++*(guint *) data;
}

/* Cut or changed anywhere, it is noticed, nothing is taken from it, and the one before is used. */
static void
test_damage (void **state)
{
    const Place *p = *state;
    g_autoptr (FovTrainer) trainer = make (FOV_OPTIMISER_SGD);
    g_autoptr (GRand) rand = g_rand_new_with_seed (7);
    g_autofree char *good = NULL;
    guint warnings = 0, log;
    gsize size;

    small_step (trainer, 1);
    assert_true (fov_trainer_save (trainer, p->path, NULL, NULL));
    small_step (trainer, 2);
    assert_true (fov_trainer_save (trainer, p->path, NULL, NULL));
    assert_true (g_file_get_contents (p->path, &good, &size, NULL));
    log = g_log_set_handler ("Fovea", G_LOG_LEVEL_WARNING, silence, &warnings);
    for (int i = 0; i < 300; i++) {
        g_autofree char *bad = g_memdup2 (good, size);
        g_autoptr (GError) error = NULL;
        gsize length = size, at = (gsize) g_rand_int_range (rand, 0, (gint32) size);
        if (i % 3 == 0)
            length = i == 0 ? 0 : at;
        else
            bad[i % 3 == 1 ? at : at % 4000] ^= (char) (1 << g_rand_int_range (rand, 0, 8));
        assert_true (g_file_set_contents (p->path, bad, (gssize) length, NULL));
        if (!fov_trainer_load (trainer, p->path, NULL, &error))
            fail_msg ("damage %d: %s", i, error->message);
        assert_int_equal (fov_trainer_step_number (trainer), 1);
    }
    g_log_remove_handler ("Fovea", log);
    assert_int_equal (warnings, 300);
    g_unlink (p->previous);
    assert_false (fov_trainer_load (trainer, p->path, NULL, NULL));
}

/* Writers are killed while they write, over and over. */
static void
test_kill (void **state)
{
    const Place *p = *state;
    g_autoptr (GArray) states = g_array_new (FALSE, FALSE, sizeof (FovTrainerState));
    g_autofree float *v = g_new (float, 100000);
    FovTrainerState s = { "w", { FOV_F32, { 1, { 100000 } }, v } };
    g_autoptr (GRand) rand = g_rand_new_with_seed (3);
    int last = 0;

    g_array_append_val (states, s);
    for (int round = 0; round < 40; round++) {
        g_autoptr (GHashTable) notes = NULL;
        int count = last, status;
        pid_t child = fork ();
        if (child == 0)
            for (;;) {
                for (int i = 0; i < 100000; i++)
                    v[i] = (float) count + 1;
                if (!fov_checkpoint_write (p->path, states, NULL, NULL))
                    _exit (1);
                count++;
            }
        g_usleep ((gulong) g_rand_int_range (rand, 1000, 60000));
        kill (child, SIGKILL);
        waitpid (child, &status, 0);
        assert_true (WIFSIGNALED (status));
        if (!fov_checkpoint_read (p->path, states, &notes, NULL)) {
            if (!g_file_test (p->previous, G_FILE_TEST_EXISTS))
                continue; /* killed before the very first was written */
            assert_true (fov_checkpoint_read (p->previous, states, &notes, NULL));
        }
        for (int i = 1; i < 100000; i++)
            assert_true (v[i] == v[0]);
        assert_true ((int) v[0] >= last);
        last = (int) v[0];
    }
    assert_true (last > 0);
}

static void
test_no_folder (void **state)
{
    g_autoptr (FovTrainer) trainer = make (FOV_OPTIMISER_SGD);
    g_autoptr (GError) error = NULL;

    assert_false (fov_trainer_save (trainer, "/nowhere/at/all", NULL, &error));
    assert_true (g_error_matches (error, FOV_ERROR, FOV_ERROR_IO));
    g_clear_error (&error);
    assert_false (fov_trainer_load (trainer, "/nowhere/at/all", NULL, &error));
    assert_true (g_error_matches (error, FOV_ERROR, FOV_ERROR_IO));
}

int
main (void)
{
#define TEST(f) cmocka_unit_test_setup_teardown (f, set_up, tear_down)
    const struct CMUnitTest tests[] = { TEST (test_kill), TEST (test_resume), TEST (test_damage),
                                        TEST (test_other_optimiser), TEST (test_no_folder) };

    return cmocka_run_group_tests_name ("checkpoint", tests, NULL, NULL);
}

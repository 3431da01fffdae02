/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * robust [KILLS]: what a power cut, a full disk, a hostile file and broken data do to training.
 * robust child FOLDER: trains and saves until somebody kills it, or it is done.
 */
#include "smallnet.h"

#include "train/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <glib/gstdio.h>

enum { TOTAL = 240, INTERVAL = 3 }; /* steps in all, and from one checkpoint to the next */

static const char *self;
static int n_kills = 10;

typedef struct {
    char *folder, *path, *previous;
} Place;

static FovTrainer *
make (void)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open ("cpu:1", &error);
    const FovShape shape = { 4, { SMALL_BATCH, 3, SMALL_SIZE, SMALL_SIZE } };
    FovTrainer *trainer = fov_trainer_new_from_graph (device, small_net (),
                                                      &(FovTrainerParams){ .input_shapes = &shape,
                                                                           .average = 0.1f,
                                                                           .n_steps = TOTAL,
                                                                           .accumulate = 2 },
                                                      &error);

    if (!trainer)
        fail_msg ("%s", error->message);
    return trainer;
}

static int
set_up (void **state)
{
    Place *p = g_new0 (Place, 1);

    p->folder = g_dir_make_tmp ("fovea-robust-XXXXXX", NULL);
    p->path = g_build_filename (p->folder, "c.safetensors", NULL);
    p->previous = g_strconcat (p->path, ".1", NULL);
    *state = p;
    return 0;
}

static guint
n_files (const Place *p, gboolean remove)
{
    g_autoptr (GDir) dir = g_dir_open (p->folder, 0, NULL);
    guint n = 0;

    for (const char *name; (name = g_dir_read_name (dir)); n++) {
        g_autofree char *path = g_build_filename (p->folder, name, NULL);
        if (remove)
            g_unlink (path);
    }
    return n;
}

static int
tear_down (void **state)
{
    Place *p = *state;

    n_files (p, TRUE);
    g_rmdir (p->folder);
    g_free (p->folder);
    g_free (p->path);
    g_free (p->previous);
    g_free (p);
    return 0;
}

static void
silence (const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer data)
{
    ++*(guint *) data;
}

/* ---- kills ---------------------------------------------------------------------- */

/* Steps done and steps saved, told to the parent as they happen. */
static volatile guint64 *
open_progress (const char *folder)
{
    g_autofree char *path = g_build_filename (folder, "progress", NULL);
    int fd = g_open (path, O_RDWR | O_CREAT, 0600);
    void *memory;

    if (fd < 0 || ftruncate (fd, 16) != 0)
        return NULL;
    memory = mmap (NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close (fd);
    return memory == MAP_FAILED ? NULL : memory;
}

static int
run_child (const char *folder)
{
    g_autofree char *path = g_build_filename (folder, "c.safetensors", NULL);
    volatile guint64 *progress = open_progress (folder);
    g_autoptr (FovTrainer) trainer = make ();
    guint ignored = 0;

    g_log_set_handler ("Fovea", G_LOG_LEVEL_WARNING, silence, &ignored);
    fov_trainer_load (trainer, path, NULL, NULL);
    for (guint64 step = fov_trainer_step_number (trainer) + 1; step <= TOTAL; step++) {
        small_step (trainer, (guint) step);
        progress[0] = step;
        if (step % INTERVAL)
            continue;
        if (!fov_trainer_save (trainer, path, NULL, NULL))
            return 1;
        progress[1] = step;
    }
    return 0;
}

/* Whether the child came to its end before. after: ms; below 0: it may end. */
static gboolean
run_and_kill (const char *folder, double after)
{
    char *args[] = { (char *) self, (char *) "child", (char *) folder, NULL };
    GPid pid;
    int status;

    assert_true (
        g_spawn_async (NULL, args, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL));
    if (after >= 0) {
        g_usleep ((gulong) (1000 * after));
        kill (pid, SIGKILL);
    }
    waitpid (pid, &status, 0);
    g_spawn_close_pid (pid);
    assert_true (WIFSIGNALED (status) || WEXITSTATUS (status) == 0);
    return WIFEXITED (status);
}

/* What a kill leaves can be loaded, and is at most an interval behind. */
static void
check_left (const Place *p, FovTrainer *trainer, const volatile guint64 *progress)
{
    g_autoptr (GError) error = NULL;
    guint64 loaded;

    if (!progress[1])
        return; /* nothing was saved yet */
    if (!fov_trainer_load (trainer, p->path, NULL, &error))
        fail_msg ("%s", error->message);
    loaded = fov_trainer_step_number (trainer);
    if (loaded < progress[1] || progress[0] > loaded + INTERVAL)
        fail_msg ("step %d was done, %d was saved, %d is back", (int) progress[0],
                  (int) progress[1], (int) loaded);
}

static void
test_kills (void **state)
{
    const Place *p = *state;
    g_autoptr (GRand) rand = g_rand_new_with_seed (2);
    g_autoptr (FovTrainer) unbroken = make ();
    g_autoptr (FovTrainer) trainer = make ();
    volatile guint64 *progress = open_progress (p->folder);
    g_autofree char *want = NULL, *got = NULL;
    guint warnings = 0, log = g_log_set_handler ("Fovea", G_LOG_LEVEL_WARNING, silence, &warnings);
    int kills = 0, runs = 0;

    assert_non_null ((const void *) progress);
    for (guint step = 1; step <= TOTAL; step++)
        small_step (unbroken, step);
    want = small_digest (unbroken);
    while (kills < n_kills) {
        /* Far enough to have begun, and not always to its end. */
        gboolean done = run_and_kill (p->folder, g_rand_double_range (rand, 5, 160));
        check_left (p, trainer, progress);
        kills += !done;
        if (!done || kills >= n_kills)
            continue;
        n_files (p, TRUE);
        munmap ((void *) progress, 16);
        progress = open_progress (p->folder);
        runs++;
    }
    while (!run_and_kill (p->folder, -1))
        ;
    if (!fov_trainer_load (trainer, p->path, NULL, NULL))
        fail_msg ("the finished run can not be loaded");
    got = small_digest (trainer);
    assert_string_equal (got, want);
    g_log_remove_handler ("Fovea", log);
    print_message ("# %d kills in %d runs; the checkpoint before was used %u times\n", kills,
                   runs + 1, warnings);
    munmap ((void *) progress, 16);
}

/* ---- a full disk ------------------------------------------------------------------- */

static void
test_full_disk (void **state)
{
    const Place *p = *state;
    g_autoptr (FovTrainer) trainer = make ();
    g_autofree char *newer = NULL, *older = NULL, *before = NULL, *after = NULL;
    struct rlimit limit, old;
    gsize size, n;

    for (guint step = 1; step <= 2; step++) {
        small_step (trainer, step);
        assert_true (fov_trainer_save (trainer, p->path, NULL, NULL));
    }
    assert_true (g_file_get_contents (p->path, &newer, &size, NULL));
    assert_true (g_file_get_contents (p->previous, &older, NULL, NULL));
    small_step (trainer, 3);
    signal (SIGXFSZ, SIG_IGN);
    getrlimit (RLIMIT_FSIZE, &old);
    for (int i = 0; i < 5; i++) {
        const gsize room[] = { 0, 1, size / 2, size - 1, 4096 };
        g_autoptr (GError) error = NULL;
        g_autofree char *a = NULL, *b = NULL;
        gboolean saved;
        limit = old;
        limit.rlim_cur = room[i];
        assert_int_equal (setrlimit (RLIMIT_FSIZE, &limit), 0);
        saved = fov_trainer_save (trainer, p->path, NULL, &error);
        setrlimit (RLIMIT_FSIZE, &old);
        assert_false (saved);
        assert_true (g_error_matches (error, FOV_ERROR, FOV_ERROR_IO));
        assert_true (g_file_get_contents (p->path, &a, &n, NULL) && n == size);
        assert_memory_equal (a, newer, size);
        assert_true (g_file_get_contents (p->previous, &b, NULL, NULL));
        assert_memory_equal (b, older, size);
        assert_int_equal (n_files (p, FALSE), 2); /* nothing half written is left */
    }
    before = small_digest (trainer);
    assert_true (fov_trainer_save (trainer, p->path, NULL, NULL)); /* with room, it goes on */
    small_step (trainer, 4);
    assert_true (fov_trainer_load (trainer, p->path, NULL, NULL));
    after = small_digest (trainer);
    assert_string_equal (before, after);
}

/* ---- hostile files ------------------------------------------------------------------ */

/* Puts a digest in that fits, so that what comes behind it has to see what is wrong. */
static GByteArray *
sign (const char *header, const guint8 *values, gsize n)
{
    static const char key[] = "\"sha256\":\"";
    g_autofree char *text = g_strdup (header);
    char *at = strstr (text, key) + strlen (key);
    g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
    guint64 length = GUINT64_TO_LE ((guint64) strlen (text));
    GByteArray *file = g_byte_array_new ();

    memset (at, '0', 64);
    g_checksum_update (sum, (const guchar *) text, (gssize) strlen (text));
    g_checksum_update (sum, values, (gssize) n);
    memcpy (at, g_checksum_get_string (sum), 64);
    g_byte_array_append (file, (const guint8 *) &length, 8);
    g_byte_array_append (file, (const guint8 *) text, (guint) strlen (text));
    g_byte_array_append (file, values, (guint) n);
    return file;
}

/* "data_offsets":[a,b] of a state. */
static char *
offsets_of (FovTrainer *trainer, guint state)
{
    const GArray *states = fov_trainer_states (trainer);
    gsize at = 0, n = 0;

    for (guint i = 0; i <= state; i++) {
        const FovView *v = &g_array_index (states, FovTrainerState, i).view;
        at += n;
        n = (gsize) fov_shape_elements (&v->shape) * fov_dtype_size (v->dtype);
    }
    return g_strdup_printf ("\"data_offsets\":[%" G_GSIZE_FORMAT ",%" G_GSIZE_FORMAT "]", at,
                            at + n);
}

/* Two states of one size. */
static void
find_twins (FovTrainer *trainer, guint twins[2])
{
    const GArray *states = fov_trainer_states (trainer);

    for (guint i = 0; i < states->len; i++)
        for (guint k = i + 1; k < states->len; k++)
            if (fov_shape_equal (&g_array_index (states, FovTrainerState, i).view.shape,
                                 &g_array_index (states, FovTrainerState, k).view.shape)) {
                twins[0] = i;
                twins[1] = k;
                return;
            }
}

static char *
replace (const char *text, const char *what, const char *by)
{
    const char *at = strstr (text, what);

    assert_non_null (at);
    return g_strdup_printf ("%.*s%s%s", (int) (at - text), text, by, at + strlen (what));
}

/* The file is refused, with the words, and set aside; the one before is used if it is there. */
static void
refuse (const Place *p, FovTrainer *trainer, GByteArray *file, const char *words)
{
    g_autofree char *good = NULL, *before = small_digest (trainer), *after = NULL;
    g_autofree char *damaged = g_strconcat (p->path, ".damaged", NULL);
    g_autoptr (GError) error = NULL;
    guint warnings = 0, log;
    gsize size;

    assert_true (
        g_file_set_contents (p->path, (const char *) file->data, (gssize) file->len, NULL));
    assert_true (g_file_get_contents (p->previous, &good, &size, NULL));
    log = g_log_set_handler ("Fovea", G_LOG_LEVEL_WARNING, silence, &warnings);
    if (!fov_trainer_load (trainer, p->path, NULL, &error))
        fail_msg ("'%s': the one before is not used: %s", words, error->message);
    g_log_remove_handler ("Fovea", log);
    assert_int_equal (warnings, 1);
    assert_int_equal (fov_trainer_step_number (trainer), 1);
    if (!g_file_test (p->path, G_FILE_TEST_EXISTS))
        assert_int_equal (g_rename (damaged, p->path), 0);
    else /* another model's is not damaged */
        assert_true (strstr (words, "shape") || strstr (words, "no tensor"));
    g_unlink (p->previous);
    before = (g_free (before), small_digest (trainer));
    assert_false (fov_trainer_load (trainer, p->path, NULL, &error));
    if (!strstr (error->message, words))
        fail_msg ("'%s', expected '%s'", error->message, words);
    after = small_digest (trainer);
    assert_string_equal (before, after);
    assert_true (g_file_set_contents (p->previous, good, (gssize) size, NULL));
    g_byte_array_unref (file);
}

static void
refuse_lengths (const Place *p, FovTrainer *trainer, const char *good, gsize size)
{
    const guint64 lengths[] = {
        G_MAXUINT64, (guint64) 1 << 62, (guint64) 1 << 40, size - 7, (guint64) 65 << 20, 0, 1
    };

    for (guint i = 0; i < G_N_ELEMENTS (lengths); i++) {
        const guint64 length = GUINT64_TO_LE (lengths[i]);
        GByteArray *file = g_byte_array_new ();
        g_byte_array_append (file, (const guint8 *) good, (guint) size);
        memcpy (file->data, &length, 8);
        refuse (p, trainer, file, lengths[i] < 2 ? "the header has no digest" : "not a checkpoint");
    }
}

static void
test_hostile (void **state)
{
    const Place *p = *state;
    g_autoptr (FovTrainer) trainer = make ();
    g_autofree char *good = NULL, *header = NULL, *a = NULL, *b = NULL;
    const guint8 *values;
    guint64 length;
    guint twins[2] = { 0 };
    gsize size;

    for (guint step = 1; step <= 2; step++) {
        small_step (trainer, step);
        assert_true (fov_trainer_save (trainer, p->path, NULL, NULL));
    }
    assert_true (g_file_get_contents (p->path, &good, &size, NULL));
    memcpy (&length, good, 8);
    length = GUINT64_FROM_LE (length);
    header = g_strndup (good + 8, length);
    values = (const guint8 *) good + 8 + length;
    find_twins (trainer, twins);
    a = offsets_of (trainer, twins[0]);
    b = offsets_of (trainer, twins[1]);
    const struct {
        const char *what, *by, *words;
    } rows[] = {
        { "\"dtype\":\"F32\"", "\"dtype\":\"F64\"", "another type or shape of" },
        { "\"dtype\":\"F32\"", "\"dtype\":7", "another type or shape of" },
        { "\"shape\":[", "\"shape\":[1,", "another type or shape of" },
        { b, a, "tensors overlap" },
        { b, "\"data_offsets\":[0,99999999]", "lies outside the file" },
        { b, "\"data_offsets\":[-8,0]", "lies outside the file" },
        { b, "\"data_offsets\":[9223372036854775807,9223372036854775807]", "lies outside" },
        { b, "\"data_offsets\":[1,-9223372036854775808]", "lies outside the file" },
        { b, "\"data_offsets\":[]", "lies outside the file" },
        { b, "\"data_offsets\":\"0\"", "lies outside the file" },
        { "\"conv1.weight\"", "\"conv9.weight\"", "no tensor 'conv1.weight'" },
        { "{", "[", "safetensors: " },
        { "}", "", "safetensors: " },
    };
    for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *bad = replace (header, rows[i].what, rows[i].by);
        refuse (p, trainer, sign (bad, values, size - 8 - length), rows[i].words);
    }
    refuse_lengths (p, trainer, good, size);
}

/* ---- broken data ----------------------------------------------------------------------- */

static void
test_broken_picture (void **state)
{
    g_autoptr (FovTrainer) trainer = make ();
    const float values[] = { NAN, INFINITY, 1e38f };
    static const char *const words[][2] = {
        { "step 1: input 'x' has nan in picture 4", "" },
        { "step 1: input 'x' has inf in picture 4", "" },
        { "step 1: a norm's statistics overflow",
          "the largest input is 1e+38, in picture 4 of 'x'" },
    };

    for (guint i = 0; i < G_N_ELEMENTS (values); i++) {
        g_autoptr (GError) error = NULL;
        SmallBatch batch;
        small_batch (&batch, 1);
        batch.pixels[4 * 3 * SMALL_SIZE * SMALL_SIZE + 100] = values[i];
        assert_false (fov_trainer_step (trainer, &batch.x, &batch.target, NULL, &error));
        for (int k = 0; k < 2; k++)
            if (!strstr (error->message, words[i][k]))
                fail_msg ("'%s', expected '%s'", error->message, words[i][k]);
    }
}

/* A weight that is no number: the loss is none, and the tensor is named. */
static void
test_broken_weight (void **state)
{
    g_autoptr (FovTrainer) trainer = make ();
    g_autoptr (GError) error = NULL;
    SmallBatch batch;

    small_batch (&batch, 1);
    ((float *) small_state (trainer, "fc.weight")->data)[3] = NAN;
    assert_false (fov_trainer_step (trainer, &batch.x, &batch.target, NULL, &error));
    assert_non_null (strstr (error->message, "step 1: the loss is "));
    assert_non_null (strstr (error->message, "' has "));
}

int
main (int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown (f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST (test_kills),
        TEST (test_full_disk),
        TEST (test_hostile),
        cmocka_unit_test (test_broken_picture),
        cmocka_unit_test (test_broken_weight),
    };

    if (argc == 3 && g_str_equal (argv[1], "child"))
        return run_child (argv[2]);
    self = argv[0];
    n_kills = argc > 1 ? atoi (argv[1]) : n_kills;
    return cmocka_run_group_tests_name ("robust", tests, NULL, NULL);
}

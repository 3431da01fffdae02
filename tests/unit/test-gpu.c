/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runtime/gpu: devices, programs, slots, the pipeline cache; with validation where installed. */
#include <math.h>
#include <string.h>

#include "folder.h"
#include "shaders/push.h"
#include "gpu/gpu.h"

enum { N = 100, FRAMES = 100 };

typedef struct {
    FovGpu *gpu;
    char *cache;
} Fixture;

static FovGpu *
open_any (void)
{
    g_autoptr (GError) error = NULL;
    FovGpu *gpu = fov_gpu_open (FOV_GPU_ANY, 0, NULL, &error);
    if (!gpu) {
        print_message ("SKIP: %s\n", error->message);
        skip ();
    }
    return gpu;
}

/* in -> arena -> x * 2 + (1, 2, 3, 4) -> arena -> out; with two dispatches: applied twice.
 * base: bytes of the arena in front of all that. */
static FovGpuProgram *
scale_program_at (FovGpu *gpu, guint n_slots, gboolean profile, gsize base)
{
    g_autoptr (GError) error = NULL;
    static const float add[4] = { 1, 2, 3, 4 };
    gsize bytes = N * sizeof (float);
    FovGpuProgram *program = fov_gpu_program_new (gpu,
                                                  &(FovGpuProgramParams){
                                                      .arena_bytes = base + 4096,
                                                      .n_slots = n_slots,
                                                      .n_inputs = 1,
                                                      .n_outputs = 1,
                                                      .input_bytes = &bytes,
                                                      .output_bytes = &bytes,
                                                      .profile = profile,
                                                  },
                                                  &error);
    assert_null (error);
    fov_gpu_program_set_label (program, "Scale", "s");
    const int first = (int) (base / 4);
    struct fov_push_test_scale push = {
        .src = first + 16, .dst = first + 256, .constants = -1, .n = N, .factor = 2
    };
    push.constants = (int) fov_gpu_program_add_constant (program, add, sizeof add) / 4;
    fov_gpu_program_copy_input (program, 0, base + 64, bytes);
    for (int i = 0; i < 2; i++) {
        fov_gpu_program_dispatch (program, "test_scale", NULL, 0, &push, sizeof push, (N + 63) / 64,
                                  1, 1, &error);
        assert_null (error);
        push.src = first + 256, push.dst = first + 512;
    }
    fov_gpu_program_copy_output (program, 0, base + 512 * 4, bytes);
    fov_gpu_program_finish (program, &error);
    assert_null (error);
    return program;
}

static FovGpuProgram *
scale_program (FovGpu *gpu, guint n_slots, gboolean profile)
{
    return scale_program_at (gpu, n_slots, profile, 0);
}

static void
fill_input (FovGpuProgram *program, guint slot, int seed)
{
    float *in = fov_gpu_program_input (program, slot, 0);
    for (int i = 0; i < N; i++)
        in[i] = (float) (i * 3 + seed);
}

static void
check_output (FovGpuProgram *program, guint slot, int seed)
{
    const float *out = fov_gpu_program_output (program, slot, 0);
    for (int i = 0; i < N; i++) {
        float once = (float) (i * 3 + seed) * 2 + (float) (1 + i % 4);
        assert_true (out[i] == once * 2 + (float) (1 + i % 4));
    }
}

static void
test_list (void **state)
{
    g_autoptr (GArray) infos = g_array_new (FALSE, FALSE, sizeof (FovDeviceInfo));
    fov_gpu_list (infos);
    g_autoptr (FovGpu) gpu = fov_gpu_open (FOV_GPU_ANY, 0, NULL, NULL);
    assert_int_equal (infos->len > 0, gpu != NULL);
    for (guint i = 0; i < infos->len; i++) {
        FovDeviceInfo *info = &g_array_index (infos, FovDeviceInfo, i);
        assert_non_null (info->spec);
        assert_true (strlen (info->name) > 0 && strstr (info->detail, "GiB"));
        g_free (info->spec);
        g_free (info->name);
        g_free (info->detail);
    }
}

static void
test_no_such_device (void **state)
{
    g_autoptr (FovGpu) there = open_any ();
    static const struct {
        FovGpuSelect select;
        int index;
        const char *match, *says;
    } cases[] = {
        { FOV_GPU_ANY, -1, "No Such Vendor", "'No Such Vendor'" },
        { FOV_GPU_ANY, 77, NULL, "number 77" },
        { FOV_GPU_REAL, 77, NULL, "real GPU" },
    };
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GError) error = NULL;
        assert_null (fov_gpu_open (cases[i].select, cases[i].index, cases[i].match, &error));
        assert_true (g_error_matches (error, FOV_ERROR, FOV_ERROR_DEVICE));
        assert_non_null (strstr (error->message, cases[i].says));
        assert_non_null (strstr (error->message, fov_gpu_name (there)));
    }
}

static void
test_round_trip (void **state)
{
    g_autoptr (FovGpu) gpu = open_any ();
    g_autoptr (FovGpuProgram) program = scale_program (gpu, 1, FALSE);
    g_autoptr (GError) error = NULL;
    assert_int_equal (fov_gpu_program_n_dispatches (program), 2);
    guint64 prepared = 0;
    for (int frame = 0; frame < FRAMES; frame++) {
        fill_input (program, 0, frame);
        assert_true (fov_gpu_program_submit (program, 0, &error));
        assert_true (fov_gpu_program_wait (program, 0, &error));
        assert_true (fov_gpu_program_done (program, 0));
        check_output (program, 0, frame);
        if (frame == 0)
            prepared = fov_gpu_program_n_prepared (program);
    }
    assert_true (prepared > 0);
    assert_int_equal (fov_gpu_program_n_prepared (program), prepared);
}

static void
test_slots_in_flight (void **state)
{
    g_autoptr (FovGpu) gpu = open_any ();
    g_autoptr (FovGpuProgram) program = scale_program (gpu, 3, FALSE);
    g_autoptr (GError) error = NULL;
    for (int frame = 0; frame < FRAMES; frame++) {
        guint slot = (guint) frame % 3;
        if (frame >= 3) {
            assert_true (fov_gpu_program_wait (program, slot, &error));
            check_output (program, slot, frame - 3);
        }
        fill_input (program, slot, frame);
        assert_true (fov_gpu_program_submit (program, slot, &error));
    }
}

static void
test_grown_input (void **state)
{
    g_autoptr (FovGpu) gpu = open_any ();
    g_autoptr (FovGpuProgram) program = scale_program (gpu, 2, FALSE);
    g_autoptr (GError) error = NULL;
    assert_true (fov_gpu_program_reserve_input (program, 0, 1 << 20, &error));
    memset (fov_gpu_program_input (program, 1, 0), 1, 1 << 20);
    fill_input (program, 1, 7);
    assert_true (fov_gpu_program_submit (program, 1, &error));
    assert_true (fov_gpu_program_wait (program, 1, &error));
    check_output (program, 1, 7);
    assert_false (fov_gpu_program_reserve_input (program, 1, 16, &error));
    assert_true (g_error_matches (error, FOV_ERROR, FOV_ERROR_ARGUMENT));
}

static void
add_time (const char *op, const char *name, const char *shader, double seconds, gpointer user_data)
{
    assert_string_equal (op, "Scale");
    assert_string_equal (name, "s");
    assert_string_equal (shader, "test_scale");
    assert_true (seconds >= 0 && seconds < 60);
    ++*(int *) user_data;
}

static void
test_profile (void **state)
{
    g_autoptr (FovGpu) gpu = open_any ();
    g_autoptr (FovGpuProgram) program = scale_program (gpu, 1, TRUE);
    int n = 0;
    fov_gpu_program_times (program, 0, add_time, &n);
    assert_int_equal (n, fov_gpu_limits (gpu)->timestamp_period > 0 ? 2 : 0);
}

static void
test_rejects (void **state)
{
    g_autoptr (FovGpu) gpu = open_any ();
    g_autoptr (FovGpuProgram) program = scale_program (gpu, 1, FALSE);
    g_autoptr (GError) error = NULL;
    static const struct {
        const char *shader;
        gsize push_bytes;
        guint gy;
        int code;
        const char *says;
    } cases[] = {
        { "no_such_kernel", 4, 1, FOV_ERROR_ARGUMENT, "no_such_kernel" },
        { "test_scale", 132, 1, FOV_ERROR_ARGUMENT, "132" },
        { "test_scale", 20, 0, FOV_ERROR_UNSUPPORTED, "0 workgroups along y" },
    };
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        guint8 push[132] = { 0 };
        g_clear_error (&error);
        assert_false (fov_gpu_program_dispatch (program, cases[i].shader, NULL, 0, push,
                                                cases[i].push_bytes, 1, cases[i].gy, 1, &error));
        assert_true (g_error_matches (error, FOV_ERROR, cases[i].code));
        assert_non_null (strstr (error->message, cases[i].says));
    }
}

static void
test_arena_over_the_range (void **state)
{
    g_autoptr (FovGpu) gpu = open_any ();
    g_autoptr (GError) error = NULL;
    const FovGpuLimits *limits = fov_gpu_limits (gpu);
    guint64 texels = (guint64) limits->max_texel_elements * 16;
    guint64 most = MIN (limits->far ? G_MAXUINT32 : limits->max_storage_range, texels);
    FovGpuProgramParams params = { .arena_bytes = most + 64, .n_slots = 1 };
    assert_null (fov_gpu_program_new (gpu, &params, &error));
    assert_true (g_error_matches (error, FOV_ERROR, FOV_ERROR_MEMORY));
    g_autofree char *asked = g_strdup_printf ("%" G_GUINT64_FORMAT, most + 64);
    g_autofree char *can = g_strdup_printf ("%" G_GUINT64_FORMAT, most);
    assert_non_null (strstr (error->message, asked));
    assert_non_null (strstr (error->message, can));
}

/* Behind what a storage buffer can span, kernels write by address. */
static void
test_arena_beyond_a_storage_buffer (void **state)
{
    g_autoptr (FovGpu) gpu = open_any ();
    const FovGpuLimits *limits = fov_gpu_limits (gpu);
    FovGpuProgram *program;

    if (!limits->far || limits->max_storage_range > 1 << 28)
        skip (); /* no such arena, or one of gigabytes */
    program = scale_program_at (gpu, 1, FALSE, (limits->max_storage_range + 4096) & ~(gsize) 63);
    fill_input (program, 0, 5);
    assert_true (fov_gpu_program_submit (program, 0, NULL));
    assert_true (fov_gpu_program_wait (program, 0, NULL));
    check_output (program, 0, 5);
    fov_gpu_program_free (program);
}

static char *
cache_file (void)
{
    g_autofree char *kept = in_folder ("fovea");
    g_autoptr (GDir) dir = g_dir_open (kept, 0, NULL);
    const char *name = dir ? g_dir_read_name (dir) : NULL;
    return name ? g_build_filename (kept, name, NULL) : NULL;
}

static void
test_damaged_cache (void **state)
{
    FovGpu *gpu = open_any ();
    fov_gpu_program_free (scale_program (gpu, 1, FALSE));
    fov_gpu_unref (gpu);
    static const char *const damage[] = { "", "x",
                                          "0123456789abcdef0123456789abcdef and then some" };
    for (guint i = 0; i < G_N_ELEMENTS (damage); i++) {
        g_autofree char *path = cache_file ();
        g_autofree char *content = NULL;
        gsize bytes;
        assert_non_null (path);
        assert_true (g_file_set_contents (path, damage[i], -1, NULL));
        gpu = open_any ();
        FovGpuProgram *program = scale_program (gpu, 1, FALSE);
        fill_input (program, 0, 5);
        assert_true (fov_gpu_program_submit (program, 0, NULL));
        assert_true (fov_gpu_program_wait (program, 0, NULL));
        check_output (program, 0, 5);
        fov_gpu_program_free (program);
        fov_gpu_unref (gpu);
        assert_true (g_file_get_contents (path, &content, &bytes, NULL));
        assert_true (bytes > 32 && memcmp (content, damage[i], strlen (damage[i]) + 1) != 0);
    }
}

static void
test_validation_silent (void **state)
{
    assert_int_equal (fov_gpu_validation_errors (), 0);
}

/* The tests' own cache directory, so that the user's is left alone. */
static int
make_cache (void **state)
{
    int failed = make_folder (state);

    g_setenv ("XDG_CACHE_HOME", folder, TRUE);
    g_setenv ("FOVEA_VALIDATION", "1", TRUE);
    return failed;
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_list),
        cmocka_unit_test (test_no_such_device),
        cmocka_unit_test (test_round_trip),
        cmocka_unit_test (test_slots_in_flight),
        cmocka_unit_test (test_grown_input),
        cmocka_unit_test (test_profile),
        cmocka_unit_test (test_rejects),
        cmocka_unit_test (test_arena_over_the_range),
        cmocka_unit_test (test_arena_beyond_a_storage_buffer),
        cmocka_unit_test (test_damaged_cache),
        cmocka_unit_test (test_validation_silent),
    };
    return cmocka_run_group_tests (tests, make_cache, remove_folder);
}

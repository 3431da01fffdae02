/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * check DEVICE [ISA]: runs every case on the device and on the references and
 * compares. ISA: skips where the machine lacks it.
 */
#include "check.h"

#include "gpu/gpu.h"
#include "host/host.h"
#include "model/session.h"
#include "ops/infer.h"

#include <math.h>
#include <stdio.h>

#define TOLERANCE 1e-5     /* of the largest value: some hundred float roundings */
#define TOLERANCE_GPU 1e-4 /* Vulkan allows division 2.5 ulp, exp 3 + 2 |x| ulp */

static FovDevice *device, *reference;
static GHashTable *seen; /* names of the ops that ran on a kernel */

/* Of 64-bit integers each third is beyond 32 bits. */
static gint64
random_int (GRand *rand, FovDType dtype, gint64 i)
{
    switch (dtype) {
    case FOV_BOOL:
        return g_rand_int_range (rand, 0, 2);
    case FOV_U8:
        return g_rand_int_range (rand, 0, 256);
    case FOV_I64:
        return g_rand_int_range (rand, -1000, 1000) * (i % 3 ? 1 : ((gint64) 1 << 33) + 1);
    default:
        return g_rand_int_range (rand, -1000, 1000);
    }
}

static void
fill (FovView *view, guint seed)
{
    g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
    gint64 n = fov_shape_elements (&view->shape);

    for (gint64 i = 0; i < n; i++)
        if (view->dtype == FOV_F32)
            fov_view_set (view, i, g_rand_double_range (rand, -2, 2));
        else
            fov_view_set_int (view, i, random_int (rand, view->dtype, i));
}

static FovView
make_view (const FovTensorInfo *info)
{
    FovView view = { info->dtype, info->shape, NULL };

    view.data = g_malloc0 (fov_shape_elements (&info->shape) * fov_dtype_size (info->dtype) + 1);
    return view;
}

/* Runs the case; outputs lie in the session. */
static FovSession *
run_case (const CheckCase *c, FovDevice *where, FovView outputs[8])
{
    g_autoptr (GError) error = NULL;
    FovSession *session = fov_session_new_from_graph (where, case_graph (c), NULL, &error);
    FovView inputs[20];
    FovTensorInfo info;

    if (!session)
        fail_msg ("%s: %s", c->name, error->message);
    for (guint i = 0; i < fov_session_n_inputs (session); i++) {
        fov_session_input (session, i, &info);
        inputs[i] = make_view (&info);
        fill (&inputs[i], i + 1);
    }
    for (int run = 0; run < 2; run++) /* the second finds what the first left */
        if (!fov_session_run (session, inputs, outputs, &error))
            fail_msg ("%s: %s", c->name, error->message);
    for (guint i = 0; i < fov_session_n_inputs (session); i++)
        g_free (inputs[i].data);
    return session;
}

static void
compare (const char *name, guint output, const FovView *got, const FovView *want)
{
    const double tolerance =
        fov_device_kind (device) == FOV_DEVICE_VULKAN ? TOLERANCE_GPU : TOLERANCE;
    gint64 n = fov_shape_elements (&want->shape);
    double max = 0;

    for (gint64 i = 0; i < n; i++)
        if (isfinite (fov_view_get (want, i)))
            max = MAX (max, fabs (fov_view_get (want, i)));
    for (gint64 i = 0; i < n; i++) {
        double a = fov_view_get (got, i), b = fov_view_get (want, i);
        gboolean whole = !fov_dtype_is_float (want->dtype);
        if (whole && fov_view_get_int (got, i) != fov_view_get_int (want, i))
            fail_msg ("%s: output %u, element %" G_GINT64_FORMAT " is %" G_GINT64_FORMAT
                      ", expected %" G_GINT64_FORMAT,
                      name, output, i, fov_view_get_int (got, i), fov_view_get_int (want, i));
        if (whole || a == b || (isnan (a) && isnan (b)) || fabs (a - b) <= tolerance * max)
            continue;
        fail_msg ("%s: output %u, element %" G_GINT64_FORMAT " is %.9g, expected %.9g (of %.3g)",
                  name, output, i, a, b, max);
    }
}

/* Which ops ran on a kernel of their own. */
static void
note_kernels (FovSession *session)
{
    const FovPlan *plan = fov_session_plan (session);
    gboolean host = fov_device_kind (device) == FOV_DEVICE_HOST;

    for (guint i = 0; i < plan->n_static; i++) {
        const FovNode *node = plan->steps[i].node;
        if (host ? node->op->host && node->op->host->formats (node, fov_host_block ())
                 : node->op->gpu != NULL)
            g_hash_table_add (seen, (gpointer) node->op->name);
    }
}

static void
test_case (void **state)
{
    const CheckCase *c = *state;
    FovView got[8], want[8];
    FovSession *tested = run_case (c, device, got), *oracle = run_case (c, reference, want);

    assert_int_equal (fov_session_n_outputs (tested), fov_session_n_outputs (oracle));
    for (guint i = 0; i < fov_session_n_outputs (tested); i++) {
        assert_true (fov_shape_equal (&got[i].shape, &want[i].shape));
        compare (c->name, i, &got[i], &want[i]);
    }
    /* A case is there for a kernel; what ends in the tail would be compared with itself. */
    if (fov_session_plan (tested)->n_static < fov_session_plan (tested)->n_steps)
        fail_msg (
            "%s: %s has no kernel on this device", c->name,
            fov_session_plan (tested)->steps[fov_session_plan (tested)->n_static].node->op->name);
    note_kernels (tested);
    fov_session_unref (tested);
    fov_session_unref (oracle);
}

/* Comes last: a kernel without a case is a kernel nobody checks. */
static void
test_all_kernels_have_cases (void **state)
{
    gboolean host = fov_device_kind (device) == FOV_DEVICE_HOST;
    g_autoptr (GString) missing = g_string_new (NULL);

    for (const FovOpDef *const *op = fov_op_list (); *op; op++) {
        gboolean excepted = FALSE;
        for (const CheckException *e = check_exceptions; e->op; e++)
            excepted = excepted || g_str_equal (e->op, (*op)->name);
        if ((host ? (*op)->host != NULL : (*op)->gpu != NULL) && !excepted &&
            !g_hash_table_contains (seen, (*op)->name))
            g_string_append_printf (missing, " %s", (*op)->name);
    }
    if (missing->len)
        fail_msg ("no case ran on the kernels of:%s", missing->str);
}

static void
test_validation_silent (void **state)
{
    assert_int_equal (fov_gpu_validation_errors (), 0);
}

int
main (int argc, char **argv)
{
    g_autoptr (GArray) tests = g_array_new (FALSE, TRUE, sizeof (struct CMUnitTest));
    g_autoptr (GError) error = NULL;
    struct CMUnitTest last = cmocka_unit_test (test_all_kernels_have_cases);
    struct CMUnitTest silent = cmocka_unit_test (test_validation_silent);
    int failed;

    if (argc > 2 &&
        strcmp (argv[2], (const char *[]){ "baseline", "avx2", "avx512" }[fov_host_isa ()]) != 0) {
        printf ("1..0 # SKIP this machine has no %s\n", argv[2]);
        return 0;
    }
    device = fov_device_open (argc > 1 ? argv[1] : "cpu:2", &error);
    reference = device ? fov_device_open ("reference", &error) : NULL;
    if (!reference && g_str_has_prefix (argv[1] ? argv[1] : "", "vulkan")) {
        printf ("1..0 # SKIP %s\n", error->message);
        return 0;
    }
    if (!reference) {
        printf ("Bail out! %s\n", error->message);
        return 1;
    }
    seen = g_hash_table_new (g_str_hash, g_str_equal);
    for (const CheckCase *c = check_cases; c->name; c++) {
        struct CMUnitTest test = { c->name, test_case, NULL, NULL, (void *) c };
        g_array_append_val (tests, test);
    }
    g_array_append_val (tests, last);
    g_array_append_val (tests, silent);
    failed = _cmocka_run_group_tests ("ops-check", (const struct CMUnitTest *) tests->data,
                                      tests->len, NULL, NULL);
    g_hash_table_unref (seen);
    fov_device_unref (device);
    fov_device_unref (reference);
    return failed;
}

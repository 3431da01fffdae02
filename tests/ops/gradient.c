/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * gradient [DEVICE [ISA]]: the gradients of every case in double on the references against
 * differences of the forward pass; then in float on the device (cpu:2, vulkan) against the
 * references. FOVEA_VALIDATION turns on Vulkan's validation layers.
 */
#include "check.h"

#include "graph/backward.h"
#include "gpu/gpu.h"
#include "host/host.h"
#include "model/device.h"
#include "model/session.h"
#include "ops/record.h"

#include <math.h>
#include <stdio.h>

extern const CheckCase gradient_cases[], gradient_large_cases[];

#define STEP 1e-3
#define LOSS_WEIGHT "loss.weight" /* an input, so that dy is no constant */
#define MAX_INPUTS 12
#define TOLERANCE 1e-6 /* relative */
#define NMSE 1e-7

static FovDevice *device, *reference;
static gboolean on_vulkan;
static GHashTable *seen;    /* names of the ops whose gradients were checked */
static GHashTable *kernels; /* names of the ops that ran on a kernel of the device */

/* ---- the loss: every output times a fixed tensor, added up ------------- */

/* Numbers from -2 to 2, evenly spread, in a random order: none are close to each other. */
static void
fill (FovView *view, guint seed)
{
    g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
    gint64 n = fov_shape_elements (&view->shape);

    for (gint64 i = 0; i < n; i++) {
        gint64 j = g_rand_int_range (rand, 0, (gint32) i + 1);
        double v = (4 * i + 2.3) / n - 2 + seed * 0.0371;
        if (fov_dtype_size (view->dtype) && view->dtype != FOV_F32 && view->dtype != FOV_F64) {
            fov_view_set_int (view, i, g_rand_int_range (rand, 0, 2));
            continue;
        }
        fov_view_set (view, i, fov_view_get (view, j));
        fov_view_set (view, j, v);
    }
}

static FovView
make_view (FovDType dtype, const FovShape *shape)
{
    FovView view = { dtype, *shape, NULL };

    view.data = g_malloc0 (fov_shape_elements (shape) * fov_dtype_size (dtype) + 1);
    return view;
}

static double
loss_weight (guint output, gint64 i)
{
    return sin (1 + 3.7 * (double) i + 1.3 * output);
}

/* Appends the loss of all outputs. */
static FovTensor *
add_loss (FovGraph *graph, GError **error)
{
    FovTensor *loss = NULL;

    for (guint k = 0; k < graph->outputs->len; k++) {
        FovTensor *y = graph->outputs->pdata[k];
        FovTensor *weight = fov_graph_add_input (graph, LOSS_WEIGHT, y->dtype, &y->shape);
        FovNode *node;
        node =
            fov_graph_insert (graph, "Mul", "w", (FovTensor *[]){ y, weight }, 2, NULL, 0, error);
        node = node ? fov_graph_insert (graph, "ReduceSum", "sum", node->outputs, 1,
                                        &(FovAttr){ .name = "keepdims", .type = FOV_ATTR_INT }, 1,
                                        error)
                    : NULL;
        if (node && loss)
            node = fov_graph_insert (graph, "Add", "loss",
                                     (FovTensor *[]){ loss, node->outputs[0] }, 2, NULL, 0, error);
        if (!node)
            return NULL;
        loss = node->outputs[0];
    }
    return loss;
}

static gboolean
is_real (FovDType dtype)
{
    return dtype == FOV_F32 || dtype == FOV_F64;
}

/* Turns the sign of a node's first output; FALSE: nobody looks at it. */
static gboolean
flip_sign (FovGraph *graph, FovNode *node, FovTensor **grads, guint n)
{
    FovTensor *out = node->outputs[0];
    gboolean used = out && is_real (out->dtype) && out->consumers->len;
    FovNode *neg;

    for (guint i = 0; i < n; i++)
        used = used || grads[i] == out;
    if (!used)
        return FALSE;
    neg = fov_graph_insert (graph, "Neg", "flip", &out, 1, NULL, 0, NULL);
    fov_graph_replace_uses (graph, out, neg->outputs[0]);
    fov_graph_set_input (graph, neg, 0, out);
    for (guint i = 0; i < n; i++)
        if (grads[i] == out)
            grads[i] = neg->outputs[0];
    return TRUE;
}

/*
 * What vulkan records of a node, with one output negated behind it: as if its kernels had the
 * wrong sign. One node at a time.
 */
static const FovGpuOp *mutated_gpu;
static guint mutated_output;
static gboolean mutant_ran;

static gboolean
record_mutant (FovGpuProgram *program, const FovStep *step, GError **error)
{
    const FovOperand *out = step->out[mutated_output];
    struct fov_push_unary push = {
        .src = fov_gpu_float (out),
        .dst = fov_gpu_float (out),
        .n = fov_gpu_n_floats (out),
        .c4 = 1,
        .plane = 1,
    };
    guint32 spec[] = { FOV_ACT_NEG, FALSE, FALSE };

    mutant_ran = TRUE;
    return mutated_gpu->record (program, step, error) &&
           fov_gpu_dispatch_flat (program, "unary", spec, 3, &push, sizeof push, (guint64) push.n,
                                  256, error);
}

/* The node's op is a copy that goes with the caller's. FALSE: it has no such output or kernel. */
static gboolean
mutate (FovNode *node, guint output, FovOpDef *op, FovGpuOp *gpu)
{
    const FovTensor *out = output < node->n_outputs ? node->outputs[output] : NULL;

    if (!out || !(out->consumers->len || fov_tensor_is_kept (out)) || out->dtype != FOV_F32 ||
        !node->op->gpu || node->op->flags & FOV_OP_ALIAS)
        return FALSE;
    mutated_gpu = node->op->gpu;
    mutated_output = output;
    mutant_ran = FALSE;
    *op = *node->op;
    *gpu = *node->op->gpu;
    gpu->record = record_mutant;
    op->gpu = gpu;
    node->op = op;
    return TRUE;
}

/* A graph with a state may leave to the host what vulkan has no kernel for. */
static void
add_state (FovGraph *graph)
{
    static const float one = 1;
    g_autoptr (GBytes) data = g_bytes_new_static (&one, sizeof one);
    FovTensor *state =
        fov_graph_add_state (graph, "state", FOV_F32, &(FovShape){ 1, { 1 } }, data, NULL);

    fov_graph_set_next (
        graph, state,
        fov_graph_insert (graph, "Neg", "next", &state, 1, NULL, 0, NULL)->outputs[0]);
}

/* Which node of the backward pass is mutated, where its op is kept, and what came of it. */
typedef struct {
    int node;
    guint output;
    FovOpDef *op;
    FovGpuOp *gpu;
    gboolean there, made;
} Mutant;

/*
 * A session whose outputs are the gradients by the inputs that are not integers. flip: with the
 * sign of that node of the backward pass turned (from 0; -1: of none); NULL without an error where
 * there is no such node, and *flip is -1 where that changes nothing.
 */
static FovSession *
gradient_session_with (const CheckCase *c, FovDevice *where, int *flip, Mutant *mutant,
                       GError **error)
{
    FovGraph *graph = case_graph (c);
    g_autofree FovTensor **wanted = g_new0 (FovTensor *, graph->inputs->len + 1);
    g_autofree FovTensor **grads = g_new0 (FovTensor *, graph->inputs->len + 1);
    FovTensor *loss;
    guint n = 0, n_forward;

    if (!fov_graph_specialize (graph, NULL, error) || !(loss = add_loss (graph, error))) {
        fov_graph_free (graph);
        return NULL;
    }
    for (guint i = 0; i < graph->inputs->len; i++) {
        FovTensor *input = graph->inputs->pdata[i];
        if (is_real (input->dtype) && !g_str_has_prefix (input->name, LOSS_WEIGHT))
            wanted[n++] = input;
    }
    n_forward = graph->nodes->len;
    if (!fov_graph_backward (graph, loss, wanted, n, grads, error) ||
        n_forward + (guint) MAX (*flip, 0) >= graph->nodes->len + (*flip < 0)) {
        fov_graph_free (graph);
        return NULL;
    }
    if (*flip >= 0 && !flip_sign (graph, graph->nodes->pdata[n_forward + (guint) *flip], grads, n))
        *flip = -1;
    for (guint i = 0; i < graph->outputs->len; i++)
        ((FovTensor *) graph->outputs->pdata[i])->is_output = FALSE;
    g_ptr_array_set_size (graph->outputs, 0);
    for (guint i = 0; i < n; i++)
        fov_graph_add_output (graph, grads[i]);
    if (mutant) {
        guint at = n_forward + (guint) mutant->node;
        mutant->there = at < graph->nodes->len;
        mutant->made = mutant->there &&
                       mutate (graph->nodes->pdata[at], mutant->output, mutant->op, mutant->gpu);
        if (!mutant->made) {
            fov_graph_free (graph);
            return NULL;
        }
    }
    if (where == device)
        add_state (graph);
    return fov_session_new_from_graph (where, graph, &(FovSessionParams){ .max_in_flight = 1 },
                                       error);
}

static FovSession *
gradient_session (const CheckCase *c, FovDevice *where, int *flip, GError **error)
{
    return gradient_session_with (c, where, flip, NULL, error);
}

/* ---- differences -------------------------------------------------------- */

static double
loss_of (FovSession *forward, const FovView *inputs)
{
    g_autoptr (GError) error = NULL;
    FovView out[8];
    double loss = 0;

    if (!fov_session_run (forward, inputs, out, &error))
        fail_msg ("%s", error->message);
    for (guint k = 0; k < fov_session_n_outputs (forward); k++)
        for (gint64 i = 0; i < fov_shape_elements (&out[k].shape); i++)
            loss += fov_view_get (&out[k], i) * loss_weight (k, i);
    return loss;
}

/* f' from f at -2, -1, 1 and 2 steps: its error is of the step's fourth power. */
static double
difference (FovSession *forward, FovView *inputs, guint input, gint64 i)
{
    static const double weight[] = { 1, -8, 8, -1 };
    static const int at[] = { -2, -1, 1, 2 };
    double x = fov_view_get (&inputs[input], i), sum = 0;

    for (int k = 0; k < 4; k++) {
        fov_view_set (&inputs[input], i, x + at[k] * STEP);
        sum += weight[k] * loss_of (forward, inputs);
    }
    fov_view_set (&inputs[input], i, x);
    return sum / (12 * STEP);
}

static void
compare (const CheckCase *c, FovSession *forward, FovView *inputs, guint input, const FovView *got)
{
    gint64 n = fov_shape_elements (&inputs[input].shape);
    g_autofree double *want = g_new (double, n);
    double max = 0;

    assert_true (fov_shape_equal (&inputs[input].shape, &got->shape));
    for (gint64 i = 0; i < n; i++) {
        want[i] = difference (forward, inputs, input, i);
        max = MAX (max, fabs (want[i]));
    }
    for (gint64 i = 0; i < n; i++) {
        double a = fov_view_get (got, i);
        if (!(fabs (a - want[i]) <= TOLERANCE * (fabs (want[i]) + 1e-2 * max) + 1e-10))
            fail_msg ("%s: gradient by input %u at %" G_GINT64_FORMAT " is %.12g, expected %.12g",
                      c->name, input, i, a, want[i]);
    }
}

static guint
make_inputs (FovSession *session, FovView inputs[MAX_INPUTS])
{
    FovTensorInfo info;
    guint n = fov_session_n_inputs (session), n_weights = 0;

    assert_true (n <= MAX_INPUTS);
    for (guint i = 0; i < n; i++) {
        fov_session_input (session, i, &info);
        inputs[i] = make_view (info.dtype, &info.shape);
        if (!g_str_has_prefix (info.name, LOSS_WEIGHT)) {
            fill (&inputs[i], i + 1);
            continue;
        }
        for (gint64 k = 0; k < fov_shape_elements (&info.shape); k++)
            fov_view_set (&inputs[i], k, loss_weight (n_weights, k));
        n_weights++;
    }
    return n;
}

static void
test_differences (void **state)
{
    const CheckCase *c = *state;
    g_autoptr (GError) error = NULL;
    g_autoptr (FovSession) forward = NULL;
    g_autoptr (FovSession) backward = NULL;
    FovView inputs[MAX_INPUTS], grads[8];
    int none = -1;
    guint n, k = 0;

    set_test_real (FOV_F64);
    forward = fov_session_new_from_graph (reference, case_graph (c), NULL, &error);
    backward = forward ? gradient_session (c, reference, &none, &error) : NULL;
    if (!backward)
        fail_msg ("%s: %s", c->name, error->message);
    n = make_inputs (backward, inputs);
    if (!fov_session_run (backward, inputs, grads, &error))
        fail_msg ("%s: %s", c->name, error->message);
    for (guint i = 0; i < fov_session_n_inputs (forward); i++)
        if (is_real (inputs[i].dtype))
            compare (c, forward, inputs, i, &grads[k++]);
    for (guint i = 0; i < G_N_ELEMENTS (c->steps) && c->steps[i].op; i++)
        g_hash_table_add (seen, (gpointer) c->steps[i].op);
    for (guint i = 0; i < n; i++)
        g_free (inputs[i].data);
}

/* ---- the device --------------------------------------------------------- */

/* What vulkan has no kernels for: types, and ops that a graph with states leaves to the host. */
static gboolean
lacks_kernel (const CheckCase *c)
{
    static const char *const ops[] = { "Cast", "Trilu",  "LRN", "LpNormalization",
                                       "TopK", "CumSum", NULL };
    static const char *const names[] = { "resize, antialias", "Pad and crop, a value to learn",
                                         "Pad, reflect",      "Pad, edge",
                                         "Pad, wrap",         NULL };

    for (guint i = 0; i < G_N_ELEMENTS (c->steps) && c->steps[i].op; i++)
        if (g_strv_contains (ops, c->steps[i].op))
            return TRUE;
    return g_strv_contains (names, c->name);
}

static void
note_kernels (const CheckCase *c, FovSession *session)
{
    const FovPlan *plan = fov_session_plan (session);

    for (guint i = 0; i < plan->n_static; i++) {
        const FovNode *node = plan->steps[i].node;
        guint can = on_vulkan ? node->op->gpu && node->op->gpu->formats (node, 4)
                              : node->op->host && node->op->host->formats (node, fov_host_block ());
        if (can)
            g_hash_table_add (kernels, (gpointer) node->op->name);
        else if (on_vulkan && !lacks_kernel (c))
            fail_msg ("%s: %s does not run on vulkan", c->name, node->op->name);
    }
    assert_true (!on_vulkan || plan->n_static == plan->n_steps);
}

static void
test_device (void **state)
{
    const CheckCase *c = *state;
    g_autoptr (GError) error = NULL;
    g_autoptr (FovSession) tested = NULL;
    g_autoptr (FovSession) oracle = NULL;
    FovView inputs[MAX_INPUTS], got[8], want[8];
    int none = -1;
    guint n;

    set_test_real (FOV_F32);
    tested = gradient_session (c, device, &none, &error);
    oracle = tested ? gradient_session (c, reference, &none, &error) : NULL;
    if (!oracle)
        fail_msg ("%s: %s", c->name, error->message);
    note_kernels (c, tested);
    n = make_inputs (tested, inputs);
    for (int run = 0; run < 2; run++)
        if (!fov_session_run (tested, inputs, got, &error) ||
            !fov_session_run (oracle, inputs, want, &error))
            fail_msg ("%s: %s", c->name, error->message);
    for (guint k = 0; k < fov_session_n_outputs (tested); k++) {
        double noise = 0, signal = 0;
        for (gint64 i = 0; i < fov_shape_elements (&want[k].shape); i++) {
            double a = fov_view_get (&got[k], i), b = fov_view_get (&want[k], i);
            noise += (a - b) * (a - b);
            signal += b * b;
        }
        if (!(noise <= NMSE * signal))
            fail_msg ("%s: gradient %u is off by an NMSE of %g", c->name, k, noise / signal);
    }
    for (guint i = 0; i < n; i++)
        g_free (inputs[i].data);
}

/* ---- flipped signs ------------------------------------------------------- */

/* Largest difference between two sessions' outputs, of the largest value. */
static double
distance (FovSession *a, FovSession *b, const FovView *inputs)
{
    FovView x[8], y[8];
    double most = 0, max = 0;

    assert_true (fov_session_run (a, inputs, x, NULL) && fov_session_run (b, inputs, y, NULL));
    for (guint k = 0; k < fov_session_n_outputs (a); k++)
        for (gint64 i = 0; i < fov_shape_elements (&x[k].shape); i++) {
            most = MAX (most, fabs (fov_view_get (&x[k], i) - fov_view_get (&y[k], i)));
            max = MAX (max, fabs (fov_view_get (&x[k], i)));
        }
    return max > 0 ? most / max : G_MAXDOUBLE; /* nothing to be seen where all is 0 */
}

/* With the sign of any one node of the backward pass turned, the differences would not agree. */
static void
test_flips_are_caught (void **state)
{
    guint n_flips = 0;

    set_test_real (FOV_F64);
    for (const CheckCase *c = gradient_cases; c->name; c++) {
        int none = -1;
        g_autoptr (FovSession) right = gradient_session (c, reference, &none, NULL);
        FovView inputs[MAX_INPUTS];
        guint n = make_inputs (right, inputs);
        for (int i = 0;; i++) {
            int flip = i;
            FovSession *wrong = gradient_session (c, reference, &flip, NULL);
            if (!wrong)
                break;
            if (flip >= 0 && distance (right, wrong, inputs) < 1e-4)
                fail_msg ("%s: a flip of node %d of the backward pass goes unnoticed", c->name, i);
            n_flips += flip >= 0;
            fov_session_unref (wrong);
        }
        for (guint i = 0; i < n; i++)
            g_free (inputs[i].data);
    }
    print_message ("# %u flips\n", n_flips);
    assert_true (n_flips > 400);
}

/* Every output of node i of the backward pass in turn; FALSE: there is no such node. */
static gboolean
mutate_node (const CheckCase *c, int i, FovSession *oracle, const FovView *inputs, guint *n_flips)
{
    for (guint output = 0; output < 4; output++) {
        FovGpuOp gpu;
        FovOpDef op;
        int none = -1;
        Mutant mutant = { i, output, &op, &gpu, FALSE, FALSE };
        FovSession *wrong = gradient_session_with (c, device, &none, &mutant, NULL);
        if (!mutant.there)
            return FALSE;
        if (!wrong || !mutant.made) {
            g_clear_pointer (&wrong, fov_session_unref);
            continue;
        }
        if (mutant_ran && distance (oracle, wrong, inputs) < 1e-3)
            fail_msg ("%s: output %u of node %d (%s) may have the wrong sign unnoticed", c->name,
                      output, i, op.name);
        *n_flips += mutant_ran;
        fov_session_unref (wrong);
    }
    return TRUE;
}

/* With any one result of a kernel negated, the device's gradients would not agree. */
static void
test_wrong_kernels_are_caught (void **state)
{
    const CheckCase negation = { "Neg", { { "Neg", "3x5", "" } } };
    guint n_flips = 0;

    set_test_real (FOV_F32);
    /* The mutants' own kernel is checked at start as any; here, while it does what it should. */
    fov_session_unref (fov_session_new_from_graph (device, case_graph (&negation), NULL, NULL));
    for (const CheckCase *c = gradient_cases; c->name; c++) {
        int none = -1;
        g_autoptr (FovSession) oracle = gradient_session (c, reference, &none, NULL);
        FovView inputs[MAX_INPUTS];
        guint n = make_inputs (oracle, inputs);
        for (int i = 0; mutate_node (c, i, oracle, inputs, &n_flips); i++)
            ;
        for (guint i = 0; i < n; i++)
            g_free (inputs[i].data);
    }
    print_message ("# %u wrong kernels\n", n_flips);
    assert_true (n_flips > 300);
}

/* ---- the table ---------------------------------------------------------- */

static void
test_all_have_cases (void **state)
{
    g_autoptr (GString) missing = g_string_new (NULL);

    for (const FovOpDef *const *op = fov_op_list (); *op; op++)
        if ((*op)->gradient && !g_hash_table_contains (seen, (*op)->name))
            g_string_append_printf (missing, " %s", (*op)->name);
    if (missing->len)
        fail_msg ("no case checks the gradients of:%s", missing->str);
}

/* What only gradients use is checked by no other test. */
static void
test_all_kernels_ran (void **state)
{
    for (const FovOpDef *const *op = fov_op_list (); *op; op++)
        if ((on_vulkan ? (*op)->gpu != NULL : (*op)->host != NULL) &&
            strstr ((*op)->name, "Grad") && !g_hash_table_contains (kernels, (*op)->name))
            fail_msg ("no case ran on the kernel of %s", (*op)->name);
}

static void
test_all_cases_have_gradients (void **state)
{
    for (const CheckCase *c = gradient_cases; c->name; c++)
        for (guint i = 0; i < G_N_ELEMENTS (c->steps) && c->steps[i].op; i++)
            if (!fov_op_find (c->steps[i].op)->gradient && !fov_op_find (c->steps[i].op)->expand &&
                !g_str_equal (c->steps[i].op, "Greater"))
                fail_msg ("%s: %s has no gradient", c->name, c->steps[i].op);
}

static void
add_tests (GArray *tests, const CheckCase *cases, CMUnitTestFunction func, const char *kind)
{
    for (const CheckCase *c = cases; c->name; c++) {
        struct CMUnitTest test = { g_strdup_printf ("%s: %s", c->name, kind), func, NULL, NULL,
                                   (void *) c };
        g_array_append_val (tests, test);
    }
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
    const struct CMUnitTest last[] = { cmocka_unit_test (test_all_have_cases),
                                       cmocka_unit_test (test_all_cases_have_gradients),
                                       cmocka_unit_test (test_all_kernels_ran),
                                       cmocka_unit_test (test_flips_are_caught),
                                       cmocka_unit_test (test_validation_silent) };
    const struct CMUnitTest on_gpu = cmocka_unit_test (test_wrong_kernels_are_caught);
    int failed;

    if (argc > 2 &&
        strcmp (argv[2], (const char *[]){ "baseline", "avx2", "avx512" }[fov_host_isa ()]) != 0) {
        printf ("1..0 # SKIP this machine has no %s\n", argv[2]);
        return 0;
    }
    device = fov_device_open (argc > 1 ? argv[1] : "cpu:2", &error);
    on_vulkan = device && device->kind == FOV_DEVICE_VULKAN;
    reference = device ? fov_device_open ("reference", &error) : NULL;
    if (!reference) {
        printf ("Bail out! %s\n", error->message);
        return 1;
    }
    seen = g_hash_table_new (g_str_hash, g_str_equal);
    kernels = g_hash_table_new (g_str_hash, g_str_equal);
    add_tests (tests, gradient_cases, test_differences, "differences");
    add_tests (tests, gradient_cases, test_device, "device");
    add_tests (tests, gradient_large_cases, test_device, "large, device");
    if (on_vulkan) {
        struct CMUnitTest named = on_gpu;
        named.name = g_strdup (on_gpu.name);
        g_array_append_val (tests, named);
    }
    g_array_append_vals (tests, last, G_N_ELEMENTS (last));
    failed = _cmocka_run_group_tests ("ops-gradient", (const struct CMUnitTest *) tests->data,
                                      tests->len, NULL, NULL);
    for (guint i = 0; i + G_N_ELEMENTS (last) < tests->len; i++)
        g_free ((char *) g_array_index (tests, struct CMUnitTest, i).name);
    g_hash_table_unref (seen);
    g_hash_table_unref (kernels);
    fov_device_unref (device);
    fov_device_unref (reference);
    return failed;
}

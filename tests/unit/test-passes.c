/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the passes and the planner are expected to make of a network, and odd
 * networks whose results must survive them: each is run as it stands and as
 * every executor plans it.
 */
#include "net.h"

/* ---- what becomes what --------------------------------------------------- */

typedef struct {
    const char *name;
    FovTensor *(*build) (Build *b, FovTensor *x);
    const char *steps; /* ops of the plan, in order */
} PassCase;

static FovTensor *
case_norm (Build *b, FovTensor *x)
{
    return unary (b, "Relu", batch_norm (b, conv (b, x, 16, 3, 1, 1)));
}

static FovTensor *
case_silu (Build *b, FovTensor *x)
{
    x = conv (b, x, 16, 1, 1, 1);
    return binary (b, "Mul", unary (b, "Sigmoid", x), x);
}

static FovTensor *
case_residual (Build *b, FovTensor *x)
{
    FovTensor *y = conv (b, unary (b, "Relu", conv (b, x, 8, 1, 1, 1)), 16, 3, 1, 1);
    return unary (b, "Relu", binary (b, "Add", y, x));
}

static FovTensor *
case_two_readers (Build *b, FovTensor *x)
{
    FovTensor *y = conv (b, x, 16, 1, 1, 1); /* read twice: its activation stays a node */
    return binary (b, "Sub", unary (b, "Relu", y), y);
}

static FovTensor *
case_concat (Build *b, FovTensor *x)
{
    return conv (b, concat (b, conv (b, x, 16, 1, 1, 1), conv (b, x, 16, 3, 1, 1)), 8, 1, 1, 1);
}

static FovTensor *
case_transposes (Build *b, FovTensor *x)
{
    x = transpose (b, unary (b, "Relu", x), (gint64[]){ 0, 2, 3, 1 }, 4);
    return transpose (b, x, (gint64[]){ 0, 3, 1, 2 }, 4);
}

/* [N, C, H, W] -> [N, C, HW] */
static FovTensor *
flatten (Build *b, FovTensor *x)
{
    return reshape (b, x, (gint64[]){ x->shape.dim[0], x->shape.dim[1], -1 }, 3);
}

/* Of flattened pictures, behind each other. */
static FovTensor *
join_pixels (Build *b, FovTensor *x, FovTensor *y)
{
    FovAttr axis = { "axis", FOV_ATTR_INT, .i = -1 };
    return node (b, "Concat", (FovTensor *[]){ x, y }, 2, &axis, 1);
}

static const gint64 pixels_first[] = { 0, 2, 1 };

static FovTensor *
case_heads (Build *b, FovTensor *x)
{
    FovTensor *y = flatten (b, conv (b, x, 8, 1, 1, 1));
    FovTensor *z = flatten (b, conv (b, x, 8, 3, 2, 1));
    return transpose (b, join_pixels (b, y, z), pixels_first, 3);
}

static FovTensor *
case_shuffle (Build *b, FovTensor *x)
{
    return shuffle (b, unary (b, "Relu", x), 2);
}

static FovTensor *
case_focus (Build *b, FovTensor *x)
{
    return conv (b, focus (b, x), 8, 3, 1, 1);
}

static const PassCase pass_cases[] = {
    { "slices of every second pixel go into the convolution", case_focus, "Conv" },
    { "batch norm and activation go into the convolution", case_norm, "Conv" },
    { "x * sigmoid (x) is an epilogue", case_silu, "Conv" },
    { "a residual and the activation behind it are an epilogue", case_residual, "Conv Conv" },
    { "a result with two readers keeps its activation apart", case_two_readers, "Conv Relu Sub" },
    { "a concatenation is written in place", case_concat, "Conv Conv Conv" },
    { "transposes there and back cancel", case_transposes, "Relu" },
    { "a channel shuffle is one map", case_shuffle, "Relu fov.ChannelMap" },
    { "joined heads are transposed as pictures", case_heads, "Conv Transpose Conv Transpose" },
};

static void
test_passes (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (pass_cases); i++) {
        Build b = { fov_graph_new (), g_rand_new_with_seed (i + 1) };
        FovShape shape = { 4, { 1, 16, 6, 6 } };
        FovTensor *x = fov_graph_add_input (b.graph, "x", FOV_F32, &shape);
        g_autoptr (GString) steps = g_string_new (NULL);
        g_autoptr (FovDevice) device = fov_device_open ("reference", NULL);
        g_autoptr (FovPlan) plan = NULL;
        FovPlanTarget target = fov_session_target (device);
        GError *error = NULL;

        fov_graph_add_output (b.graph, pass_cases[i].build (&b, x));
        assert_true (fov_graph_specialize (b.graph, NULL, &error));
        plan = fov_plan_new (b.graph, &target, &error);
        if (!plan)
            fail_msg ("%s: %s", pass_cases[i].name, error->message);
        for (guint k = 0; k < plan->n_steps; k++)
            g_string_append_printf (steps, "%s%s", k ? " " : "", plan->steps[k].node->op->name);
        if (strcmp (steps->str, pass_cases[i].steps))
            fail_msg ("%s: steps are '%s', expected '%s'", pass_cases[i].name, steps->str,
                      pass_cases[i].steps);
        g_rand_free (b.rand);
    }
}

/* ---- odd networks -------------------------------------------------------- */

/* Adds nodes and outputs behind x, 2x16x6x5. */
typedef void (*OddBuild) (Build *b, FovTensor *x);

static void
out (Build *b, FovTensor *t)
{
    fov_graph_add_output (b->graph, t);
}

static FovTensor *
scalar (Build *b, float value)
{
    FovTensor *t = fov_graph_add_floats (b->graph, NULL, &value, 1);

    t->shape.rank = 0;
    return t;
}

/* Far from zero, so that it may be divided by. */
static FovTensor *
large_conv (Build *b, FovTensor *x)
{
    FovTensor *inputs[] = { x, constant (b, (FovShape){ 4, { 16, 16, 1, 1 } }, -.2, .2),
                            constant (b, (FovShape){ 1, { 16 } }, 5, 6) };

    return node (b, "Conv", inputs, 3, NULL, 0);
}

/* conv, then every operator with a constant of that shape on either side */
static void
with_constants (Build *b, FovTensor *x, FovShape shape)
{
    static const char *const ops[] = { "Add", "Sub", "Mul", "Div" };

    for (guint i = 0; i < G_N_ELEMENTS (ops); i++) {
        FovTensor *c = constant (b, shape, .5, 1.5);
        out (b, binary (b, ops[i], large_conv (b, x), c));
        out (b, binary (b, ops[i], c, large_conv (b, x)));
    }
}

static void
odd_constant_per_channel (Build *b, FovTensor *x)
{
    with_constants (b, x, (FovShape){ 4, { 1, 16, 1, 1 } });
    with_constants (b, x, (FovShape){ 3, { 16, 1, 1 } });
}

static void
odd_constant_scalar (Build *b, FovTensor *x)
{
    with_constants (b, x, (FovShape){ 0, { 0 } });
    with_constants (b, x, (FovShape){ 1, { 1 } });
}

static void
odd_constant_per_column (Build *b, FovTensor *x)
{
    with_constants (b, x, (FovShape){ 1, { 5 } });
    with_constants (b, x, (FovShape){ 2, { 6, 1 } });
    with_constants (b, x, (FovShape){ 4, { 2, 1, 1, 1 } });
}

static void
odd_constant_wider (Build *b, FovTensor *x)
{
    FovTensor *y = conv (b, x, 1, 1, 1, 1); /* one channel becomes sixteen */

    out (b, binary (b, "Mul", y, constant (b, (FovShape){ 4, { 1, 16, 1, 1 } }, .5, 1.5)));
    y = conv (b, x, 16, 1, 1, 1);
    out (b, binary (b, "Add", y, constant (b, (FovShape){ 5, { 1, 1, 16, 1, 1 } }, .5, 1.5)));
}

static void
odd_not_finite (Build *b, FovTensor *x)
{
    FovTensor *y = unary (b, "Relu", conv (b, x, 16, 1, 1, 1));

    y = binary (b, "Div", conv (b, y, 16, 1, 1, 1), scalar (b, INFINITY));
    out (b, y);
    y = binary (b, "Div", scalar (b, 1), binary (b, "Add", unary (b, "Relu", y), scalar (b, 1)));
    out (b, y);
}

static void
odd_shared_weights (Build *b, FovTensor *x)
{
    FovTensor *w = constant (b, (FovShape){ 4, { 16, 16, 1, 1 } }, -.5, .5);
    FovTensor *bias = constant (b, (FovShape){ 1, { 16 } }, -.5, .5);
    FovTensor *inputs[] = { x, w, bias };
    FovTensor *first = node (b, "Conv", inputs, 3, NULL, 0);

    out (b, batch_norm (b, first));
    out (b, node (b, "Conv", inputs, 3, NULL, 0));
    out (b, binary (b, "Mul", node (b, "Conv", inputs, 3, NULL, 0), scalar (b, 3)));
}

static void
odd_outputs_inside (Build *b, FovTensor *x)
{
    FovTensor *y = conv (b, x, 16, 3, 1, 1), *z;

    out (b, y); /* each step of what would be one fused node is asked for */
    y = batch_norm (b, y);
    out (b, y);
    z = unary (b, "Sigmoid", y);
    out (b, z);
    y = binary (b, "Mul", y, z);
    out (b, y);
    y = binary (b, "Add", y, x);
    out (b, y);
    out (b, unary (b, "Relu", y));
}

static void
odd_outputs (Build *b, FovTensor *x)
{
    FovTensor *c = constant (b, (FovShape){ 4, { 1, 2, 3, 4 } }, -1, 1);
    FovTensor *y = conv (b, x, 20, 1, 1, 1);

    out (b, x);
    out (b, y);
    out (b, y);
    out (b, c);
    out (b, x);
    out (b, c);
    out (b, reshape (b, x, (gint64[]){ 2, -1 }, 2));
    out (b, reshape (b, c, (gint64[]){ 24 }, 1));
    out (b, unary (b, "Identity", x));
    out (b, reshape (b, y, (gint64[]){ 40, 30 }, 2));
}

static void
odd_clip (Build *b, FovTensor *x)
{
    FovTensor *low = scalar (b, -.25f), *high = scalar (b, .25f), *zero = scalar (b, 0);

    out (b, node (b, "Clip", (FovTensor *[]){ conv (b, x, 16, 1, 1, 1), low }, 2, NULL, 0));
    out (b, node (b, "Clip", (FovTensor *[]){ conv (b, x, 16, 1, 1, 1), NULL, high }, 3, NULL, 0));
    out (b, node (b, "Clip", (FovTensor *[]){ conv (b, x, 16, 1, 1, 1), zero }, 2, NULL, 0));
    out (b, node (b, "Clip", (FovTensor *[]){ conv (b, x, 16, 1, 1, 1) }, 1, NULL, 0));
    out (b, node (b, "Clip", (FovTensor *[]){ conv (b, x, 16, 1, 1, 1), high, low }, 3, NULL, 0));
}

static void
odd_transposes (Build *b, FovTensor *x)
{
    FovTensor *y = reshape (b, x, (gint64[]){ 2, 4, 4, 6, 5 }, 5);

    y = transpose (b, y, (gint64[]){ 4, 0, 3, 1, 2 }, 5);
    y = transpose (b, y, (gint64[]){ 1, 3, 4, 2, 0 }, 5); /* back again */
    out (b, y);
    y = transpose (b, y, (gint64[]){ 2, 0, 1, 4, 3 }, 5);
    y = transpose (b, y, (gint64[]){ 3, 4, 0, 1, 2 }, 5);
    y = transpose (b, y, (gint64[]){ 0, 2, 1, 3, 4 }, 5);
    out (b, y);
    y = reshape (b, x, (gint64[]){ 1, 2, 1, 16, 30, 1 }, 6);
    out (b, transpose (b, y, (gint64[]){ 5, 1, 0, 3, 2, 4 }, 6)); /* only ones move */
}

static void
odd_heads (Build *b, FovTensor *x)
{
    FovTensor *y = flatten (b, conv (b, x, 19, 1, 1, 1)),
              *z = flatten (b, conv (b, x, 19, 3, 2, 1));
    FovTensor *one =
        reshape (b, slice (b, conv (b, x, 8, 1, 1, 1), 0, 0, 1, 1), (gint64[]){ 8, -1 }, 2);

    out (b, transpose (b, flatten (b, conv (b, x, 16, 1, 1, 1)), pixels_first, 3));
    out (b, transpose (b, flatten (b, conv (b, x, 7, 1, 1, 1)), pixels_first, 3));
    out (b, transpose (b, one, (gint64[]){ 1, 0 }, 2));
    out (b, transpose (b, join_pixels (b, y, z), pixels_first, 3));
    out (b, transpose (b, join_pixels (b, y, y), pixels_first, 3)); /* z's parts are read again */
    out (b, z);
    out (b, transpose (b, join_pixels (b, flatten (b, x), flatten (b, x)), pixels_first, 3));
}

static FovTensor *
pad (Build *b, FovTensor *x, const gint64 *pads, guint n, const gint64 *axes, float value)
{
    FovTensor *inputs[] = { x, fov_graph_add_ints (b->graph, NULL, pads, n), scalar (b, value),
                            axes ? fov_graph_add_ints (b->graph, NULL, axes, n / 2) : NULL };

    return node (b, "Pad", inputs, axes ? 4 : 3, NULL, 0);
}

static void
odd_pads (Build *b, FovTensor *x)
{
    static const gint64 grow[] = { 0, 0, 1, 2, 0, 0, 0, 3 }, crop[] = { 0, 0, -1, 1, 0, 0, 2, -1 };
    static const gint64 channel[] = { 0, 1, 0, 0, 0, 3, 0, 0 }, axes[] = { 3, -2 };
    static const gint64 none[8] = { 0 }, two[] = { 2, 0, 1, 1 };

    out (b, conv (b, pad (b, x, grow, 8, NULL, 0), 8, 3, 1, 1));
    out (b, conv (b, pad (b, x, grow, 8, NULL, 1), 8, 3, 1, 1));
    out (b, conv (b, pad (b, x, crop, 8, NULL, 0), 8, 3, 1, 1));
    out (b, conv (b, pad (b, x, channel, 8, NULL, 0), 8, 3, 1, 1));
    out (b, conv (b, pad (b, x, two, 4, axes, 0), 8, 3, 2, 1));
    out (b, conv (b, pad (b, x, none, 8, NULL, 1), 8, 3, 2, 1));
    x = pad (b, x, grow, 8, NULL, 0); /* read twice */
    out (b, binary (b, "Mul", conv (b, x, 16, 1, 1, 1), x));
}

static void
odd_concats (Build *b, FovTensor *x)
{
    FovTensor *y = conv (b, x, 16, 1, 1, 1), *z = conv (b, x, 20, 1, 1, 1), *w;

    out (b, concat (b, y, y));
    out (b, concat (b, y, z));
    out (b, concat (b, z, y));
    out (b, concat (b, y, z)); /* the same again */
    w = concat (b, concat (b, y, concat (b, y, z)), concat (b, z, y));
    out (b, conv (b, w, 8, 3, 1, 1));
    out (b, concat (b, constant (b, (FovShape){ 4, { 2, 16, 6, 5 } }, -1, 1), y));
    out (b, concat (b, x, y));
}

static void
odd_slices (Build *b, FovTensor *x)
{
    FovTensor *y = conv (b, x, 32, 1, 1, 1);
    gint64 starts[] = { 16, -1 }, ends[] = { 32, -100 }, axes[] = { 1, 3 }, steps[] = { 1, -1 };
    FovTensor *inputs[] = { y, fov_graph_add_ints (b->graph, NULL, starts, 2),
                            fov_graph_add_ints (b->graph, NULL, ends, 2),
                            fov_graph_add_ints (b->graph, NULL, axes, 2),
                            fov_graph_add_ints (b->graph, NULL, steps, 2) };

    out (b, node (b, "Slice", inputs, 5, NULL, 0)); /* half the channels, mirrored */
    out (b, slice (b, y, 0, 1, 2, 1));
    out (b, conv (b, slice (b, y, 0, 0, 1, 1), 8, 3, 1, 1));
    out (b, slice (b, y, 1, 31, -100, -1));
    out (b, slice (b, y, 0, 1, -100, -1));
    starts[0] = 1, ends[0] = -100, axes[0] = 0, steps[0] = -1;
    starts[1] = 3, ends[1] = 30, axes[1] = 1, steps[1] = 2;
    for (guint i = 0; i < 4; i++)
        inputs[1 + i] = fov_graph_add_ints (b->graph, NULL,
                                            i == 0   ? starts
                                            : i == 1 ? ends
                                            : i == 2 ? axes
                                                     : steps,
                                            2);
    out (b, node (b, "Slice", inputs, 5, NULL, 0)); /* pictures turned round, channels picked */
    out (b, slice (b, reshape (b, y, (gint64[]){ 64, 30 }, 2), 0, 7, 9, 1));
    out (b, unary (b, "Relu", slice (b, slice (b, y, 0, 1, 2, 1), 1, 16, 32, 1)));
}

static void
odd_splits (Build *b, FovTensor *x)
{
    static const gint64 sizes[][3] = { { 16, 4, 12 }, { 0, 32, 0 }, { 16, 16, 0 } };

    for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
        FovTensor *inputs[] = { conv (b, slice (b, x, 0, 0, 1, 1), 32, 1, 1, 1),
                                fov_graph_add_ints (b->graph, NULL, sizes[i], 3) };
        FovAttr axis = { "axis", FOV_ATTR_INT, .i = 1 };
        FovNode *split =
            fov_graph_add_node (b->graph, "Split", "Split", inputs, 2, 3, &axis, 1, NULL);
        assert_non_null (split);
        assert_true (split->op->infer (split, NULL));
        for (guint k = 0; k < 3; k++)
            if (sizes[i][k])
                out (b, split->outputs[k]);
    }
}

static void
odd_residuals (Build *b, FovTensor *x)
{
    FovTensor *y = conv (b, x, 16, 1, 1, 1), *z;

    out (b, binary (b, "Add", y, y));
    y = conv (b, x, 16, 3, 1, 1);
    z = conv (b, x, 16, 1, 1, 1);
    out (b, unary (b, "Relu", binary (b, "Add", unary (b, "Sigmoid", y), z)));
    y = conv (b, x, 16, 1, 1, 1);
    out (b, binary (b, "Add", y, conv (b, x, 1, 1, 1, 1))); /* broadcasts */
    y = conv (b, x, 16, 1, 1, 1);
    out (b, binary (b, "Add", binary (b, "Add", conv (b, y, 16, 1, 1, 1), y), x));
    z = conv (b, x, 16, 1, 1, 1);
    out (b, binary (b, "Sub", x, z));
}

/* What looks like a focus layer, but is one of other parts, or of a cut picture. */
static void
odd_focus (Build *b, FovTensor *x)
{
    static const gint64 pads[] = { 0, 0, 0, 1 }, uneven[] = { 2, 0, 1, 0 };
    FovTensor *y = conv_padded (b, x, 3, 1, 1, 1, pads); /* 6x6 */
    FovTensor *part[4], *cut = slice (b, x, 3, 0, 4, 1), *whole = focus (b, y);
    FovAttr axis = { "axis", FOV_ATTR_INT, .i = 1 };

    for (gint64 i = 0; i < 4; i++)
        part[i] = slice (b, slice (b, y, 2, i / 2, 6, 2), 3, i % 2, 6, 2);
    out (b, conv_padded (b, whole, 8, 3, 1, 1, uneven));
    out (b, whole);
    out (b, conv (b, whole, 8, 3, 2, 1));
    out (b, conv (b, focus (b, cut), 8, 3, 1, 1));
    out (b, conv (b, concat (b, part[3], part[1]), 8, 3, 1, 1));
    out (b, conv (b, node (b, "Concat", (FovTensor *[]){ part[2], part[2], part[0] }, 3, &axis, 1),
                  8, 1, 1, 1));
    out (b, conv (b, concat (b, part[0], slice (b, slice (b, y, 2, 1, 6, 2), 3, 5, -9, -2)), 8, 1,
                  1, 1));
    cut = slice (b, slice (b, y, 2, 0, 3, 1), 3, 0, 3, 1); /* as large as a part */
    out (b, conv (b, concat (b, part[0], cut), 8, 1, 1, 1));
}

static const struct {
    const char *name;
    OddBuild build;
} odd_cases[] = {
    { "constants per channel", odd_constant_per_channel },
    { "constants of one element", odd_constant_scalar },
    { "constants per column, row and picture", odd_constant_per_column },
    { "constants that widen the result", odd_constant_wider },
    { "scales that are no numbers", odd_not_finite },
    { "convolutions that share weights", odd_shared_weights },
    { "outputs inside of what would be fused", odd_outputs_inside },
    { "outputs that are inputs, constants, reshapes and outputs again", odd_outputs },
    { "Clip with one bound, none, and crossed ones", odd_clip },
    { "transposes of rank 5 and 6", odd_transposes },
    { "heads that are flattened, joined and transposed", odd_heads },
    { "pads with axes, negative, along channels, of other values", odd_pads },
    { "concatenations of the same tensors, again and again", odd_concats },
    { "slices with negative steps, of pictures and rows", odd_slices },
    { "splits into unequal and empty parts", odd_splits },
    { "residuals", odd_residuals },
    { "focus layers of odd parts", odd_focus },
};

static void
check_odd (guint index, FovDevice *device, double tolerance)
{
    Build b = { fov_graph_new (), g_rand_new_with_seed (index + 1) };
    FovShape shape = { 4, { 2, 16, 6, 5 } };
    FovTensor *x = fov_graph_add_input (b.graph, "x", FOV_F32, &shape);
    float values[2 * 16 * 6 * 5];
    FovView in = { FOV_F32, shape, values };
    g_autofree FovView *got = NULL;
    g_autoptr (GPtrArray) want = NULL;
    g_autoptr (FovSession) session = NULL;
    GError *error = NULL;

    odd_cases[index].build (&b, x);
    for (guint i = 0; i < G_N_ELEMENTS (values); i++)
        values[i] = (float) g_rand_double_range (b.rand, -1, 1);
    want = run_naive (b.graph, values);
    got = g_new0 (FovView, b.graph->outputs->len);
    session = fov_session_new_from_graph (device, fov_graph_copy (b.graph), NULL, &error);
    for (guint run = 0; session && run < 2; run++) {
        if (!fov_session_run (session, &in, got, &error))
            break;
        for (guint i = 0; i < b.graph->outputs->len; i++) {
            FovTensor *t = b.graph->outputs->pdata[i];
            float *w = t->data ? (float *) g_bytes_get_data (t->data, NULL) : want->pdata[t->id];
            double e = worst_error (got[i].data, w, fov_tensor_elements (t));
            assert_true (fov_shape_equal (&got[i].shape, &t->shape));
            if (!(e <= tolerance))
                fail_msg ("%s, output %u, run %u: relative error %g on %s", odd_cases[index].name,
                          i, run, e, fov_device_name (device));
        }
    }
    if (error)
        fail_msg ("%s on %s: %s", odd_cases[index].name, fov_device_name (device), error->message);
    g_rand_free (b.rand);
    fov_graph_free (b.graph);
}

static void
check_all_odd (const char *spec, double tolerance)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (FovDevice) device = fov_device_open (spec, &error);

    if (!device) {
        print_message ("%s\n", error->message);
        skip ();
    }
    for (guint i = 0; i < G_N_ELEMENTS (odd_cases); i++)
        check_odd (i, device, tolerance);
}

static void
test_odd_reference (void **state)
{
    check_all_odd ("reference", 2e-6);
}

static void
test_odd_host (void **state)
{
    check_all_odd ("cpu:2", 2e-5);
}

static void
test_odd_vulkan (void **state)
{
    check_all_odd ("vulkan", 2e-5);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_passes),
        cmocka_unit_test (test_odd_reference),
        cmocka_unit_test (test_odd_host),
        cmocka_unit_test (test_odd_vulkan),
    };
    return cmocka_run_group_tests_name ("passes", tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/check.h"

#include <math.h>
#include <string.h>

#include "graph/op.h"

#define MOST_FLOPS 5e8   /* of a step: some seconds of reference */
#define TOLERANCE 2e-3   /* of the largest value: what Vulkan allows sin and exp is well below */
#define INPUT_SEED 12345 /* any */

/** A step that is checked: what it reads and what comes out of it. */
typedef struct {
    const FovStep *step;
    FovStep placed;     /* the same with the inputs of the check's program */
    FovOperand *frame;  /* of what the step reads where the graph's inputs lie */
    GPtrArray *kernels; /* char * */
    double flops;
    FovView *in, *out;     /* dense: what the device is given, what the reference makes of it */
    guint *input, *output; /* of the check's program; G_MAXUINT: none */
    GPtrArray *memory;     /* behind the views */
    gboolean refused;      /* the reference takes no such input: nothing is known */
} Check;

static void
check_free (gpointer data)
{
    Check *c = data;

    g_ptr_array_unref (c->kernels);
    g_ptr_array_unref (c->memory);
    g_free (c->placed.in);
    g_free (c->frame);
    g_free (c->in);
    g_free (c->out);
    g_free (c->input);
    g_free (c->output);
    g_free (c);
}

/* ---- choosing steps --------------------------------------------------- */

static gboolean
overlap (const FovOperand *a, const FovOperand *b)
{
    return a != b && a->place == FOV_PLACE_ARENA && b->place == FOV_PLACE_ARENA &&
           a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

static gboolean
can_check (const FovStep *step)
{
    const FovNode *node = step->node;
    const gboolean reads_input = (node->op->flags & FOV_OP_READS_INPUT) != 0;

    if ((node->op->flags & FOV_OP_ALIAS) || (reads_input && !node->op->example))
        return FALSE;
    for (guint i = 0; i < node->n_inputs; i++) {
        if (step->in[i] && step->in[i]->place == FOV_PLACE_INPUT && !reads_input)
            return FALSE;
        for (guint k = 0; step->in[i] && k < i; k++)
            if (step->in[k] && overlap (step->in[i], step->in[k]))
                return FALSE;
    }
    return TRUE;
}

static double
step_flops (const FovNode *node)
{
    return node->op->flops ? node->op->flops (node)
                           : (double) fov_tensor_elements (node->outputs[0]);
}

static int
cheaper (gconstpointer a, gconstpointer b)
{
    const Check *x = *(Check *const *) a, *y = *(Check *const *) b;

    return x->flops < y->flops ? -1 : x->flops > y->flops;
}

static gboolean
refuse (FovGpu *gpu, const char *kernel, const char *reason, GError **error)
{
    g_set_error (
        error, FOV_ERROR, FOV_ERROR_DEVICE,
        "%s: kernel %s gives wrong results with this driver (%s); another driver or device "
        "is needed, cpu for example",
        fov_gpu_name (gpu), kernel, reason);
    return FALSE;
}

/* All steps with a kernel that is not known, the cheapest first; NULL with error at a wrong one. */
static GPtrArray *
find_unknown (FovGpuProgram *program, const FovPlan *plan, const guint *labels, GError **error)
{
    FovGpu *gpu = fov_gpu_program_gpu (program);
    g_autoptr (GPtrArray) checks = g_ptr_array_new_with_free_func (check_free);

    for (guint i = 0; i < plan->n_static; i++) {
        Check *c = g_new0 (Check, 1);
        gboolean known = TRUE;
        c->step = &plan->steps[i];
        c->memory = g_ptr_array_new_with_free_func (g_free);
        c->kernels = fov_gpu_program_kernels (program, labels[i]);
        c->flops = step_flops (c->step->node);
        g_ptr_array_add (checks, c);
        for (guint k = 0; k < c->kernels->len; k++) {
            g_autofree char *reason = NULL;
            FovVerdict verdict = fov_gpu_verdict (gpu, c->kernels->pdata[k], &reason);
            if (verdict == FOV_VERDICT_WRONG) {
                refuse (gpu, c->kernels->pdata[k], reason, error);
                return NULL;
            }
            known = known && verdict == FOV_VERDICT_RIGHT;
        }
        if (known || !can_check (c->step) || c->flops > MOST_FLOPS)
            g_ptr_array_remove_index (checks, checks->len - 1);
    }
    g_ptr_array_sort (checks, cheaper);
    return g_steal_pointer (&checks);
}

/* Leaves what shows a kernel that no cheaper step shows. */
static void
drop_repeats (FovGpu *gpu, GPtrArray *checks)
{
    /* Adding what is there already takes the new key: no check that goes may own it. */
    g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; i < checks->len;) {
        const Check *c = checks->pdata[i];
        gboolean new = FALSE;
        for (guint k = 0; k < c->kernels->len; k++)
            if (fov_gpu_verdict (gpu, c->kernels->pdata[k], NULL) == FOV_VERDICT_UNKNOWN)
                new |= g_hash_table_add (seen, g_strdup (c->kernels->pdata[k]));
        if (new)
            i++;
        else
            g_ptr_array_remove_index (checks, i);
    }
}

/* ---- data ------------------------------------------------------------- */

static void
fill (FovView *view, GRand *rand)
{
    gint64 n = fov_shape_elements (&view->shape);

    for (gint64 i = 0; i < n; i++)
        if (view->dtype == FOV_F32)
            fov_view_set (view, i, g_rand_double_range (rand, -1, 1));
        else
            fov_view_set_int (view, i,
                              g_rand_int_range (rand, 0, view->dtype == FOV_BOOL ? 2 : 100));
}

/* Dense to memory as the kernel sees it, or back; both float where blocked. */
static void
convert (const FovOperand *operand, float *memory, const FovView *dense, gboolean to_memory)
{
    const gint64 *d = operand->shape.dim;
    gint64 blocks = (d[1] + 3) / 4, pixels = d[2] * d[3];
    float *v = dense->data;

    for (gint64 n = 0; n < d[0]; n++)
        for (gint64 c = 0; c < d[1]; c++)
            for (gint64 p = 0; p < pixels; p++) {
                float *at = memory + ((n * blocks + c / 4) * pixels + p) * 4 + c % 4;
                float *value = v + (n * d[1] + c) * pixels + p;
                *(to_memory ? at : value) = *(to_memory ? value : at);
            }
}

static void
to_memory (const FovOperand *operand, gpointer memory, const FovView *dense)
{
    if (operand->format.layout == FOV_BLOCKED)
        convert (operand, memory, dense, TRUE);
    else
        memcpy (memory, dense->data, operand->bytes);
}

static FovView
make_view (Check *c, const FovOperand *operand)
{
    gsize bytes = (gsize) fov_shape_elements (&operand->shape) * fov_dtype_size (operand->dtype);
    FovView view = { operand->dtype, operand->shape, g_malloc0 (bytes + 1) };

    g_ptr_array_add (c->memory, view.data);
    return view;
}

/* ---- the program of all checks ---------------------------------------- */

/* Input i of the step: a constant, random, or what an earlier input of the step is. */
static void
prepare_input (Check *c, guint i, GArray *bytes, GRand *rand)
{
    const FovOperand *o = c->step->in[i];

    c->input[i] = G_MAXUINT;
    if (!o)
        return;
    if (o->place == FOV_PLACE_CONSTANT) {
        c->in[i] =
            (FovView){ o->dtype, o->shape, (gpointer) g_bytes_get_data (o->tensor->data, NULL) };
        return;
    }
    for (guint k = 0; k < i; k++)
        if (c->step->in[k] == o) {
            c->in[i] = c->in[k];
            c->placed.in[i] = c->placed.in[k];
            return;
        }
    c->in[i] = make_view (c, o);
    if (c->step->node->op->example)
        c->step->node->op->example (c->step->node, i, &c->in[i]);
    else
        fill (&c->in[i], rand);
    c->input[i] = bytes->len;
    if (o->place == FOV_PLACE_INPUT) {
        c->frame[i] = *o;
        c->frame[i].input = bytes->len;
        c->placed.in[i] = &c->frame[i];
    }
    g_array_append_val (bytes, o->bytes);
}

/* What the step should give; where its integers must be some kind of label, of ones. */
static void
run_reference (Check *c)
{
    const FovNode *node = c->step->node;

    c->refused = !node->op->reference (node, c->in, c->out, NULL);
    if (!c->refused)
        return;
    for (guint i = 0; i < node->n_inputs; i++)
        for (gint64 k = 0; c->input[i] != G_MAXUINT && c->in[i].dtype != FOV_F32 &&
                           k < fov_shape_elements (&c->in[i].shape);
             k++)
            fov_view_set_int (&c->in[i], k, 1);
    c->refused = !node->op->reference (node, c->in, c->out, NULL);
}

static void
prepare (Check *c, GArray *in_bytes, GArray *out_bytes, GRand *rand)
{
    const FovNode *node = c->step->node;

    c->in = g_new0 (FovView, node->n_inputs + 1);
    c->out = g_new0 (FovView, node->n_outputs + 1);
    c->input = g_new (guint, node->n_inputs + 1);
    c->output = g_new (guint, node->n_outputs + 1);
    c->frame = g_new0 (FovOperand, node->n_inputs + 1);
    c->placed = *c->step;
    c->placed.in = g_memdup2 (c->step->in, (node->n_inputs + 1) * sizeof *c->step->in);
    for (guint i = 0; i < node->n_inputs; i++)
        prepare_input (c, i, in_bytes, rand);
    for (guint i = 0; i < node->n_outputs; i++) {
        const FovOperand *o = c->step->out[i];
        c->output[i] = G_MAXUINT;
        if (!o || node->op->scratch_outputs & (1u << i))
            continue;
        c->output[i] = out_bytes->len;
        g_array_append_val (out_bytes, o->bytes);
        c->out[i] = make_view (c, o);
    }
    run_reference (c);
}

/* Each step between the copies of its inputs and outputs; arena places are the plan's. */
static gboolean
record (FovGpuProgram *program, GPtrArray *checks, GError **error)
{
    for (guint k = 0; k < checks->len; k++) {
        const Check *c = checks->pdata[k];
        const FovStep *step = &c->placed;
        fov_gpu_program_set_label (program, step->node->op->name, step->node->name);
        for (guint i = 0; i < step->node->n_inputs; i++)
            if (c->input[i] != G_MAXUINT && step->in[i]->place == FOV_PLACE_ARENA)
                fov_gpu_program_copy_input (program, c->input[i], step->in[i]->offset,
                                            step->in[i]->bytes);
        if (!step->node->op->gpu->record (program, step, error))
            return FALSE;
        for (guint i = 0; i < step->node->n_outputs; i++)
            if (c->output[i] != G_MAXUINT)
                fov_gpu_program_copy_output (program, c->output[i], step->out[i]->offset,
                                             step->out[i]->bytes);
    }
    return fov_gpu_program_finish (program, error);
}

static FovGpuProgram *
run (FovGpu *gpu, const FovPlan *plan, GPtrArray *checks, GError **error)
{
    g_autoptr (GArray) in_bytes = g_array_new (FALSE, FALSE, sizeof (gsize));
    g_autoptr (GArray) out_bytes = g_array_new (FALSE, FALSE, sizeof (gsize));
    g_autoptr (GRand) rand = g_rand_new_with_seed (INPUT_SEED);
    g_autoptr (FovGpuProgram) program = NULL;

    for (guint k = 0; k < checks->len; k++)
        prepare (checks->pdata[k], in_bytes, out_bytes, rand);
    program = fov_gpu_program_new (gpu,
                                   &(FovGpuProgramParams){
                                       .arena_bytes = plan->arena_bytes,
                                       .n_slots = 1,
                                       .n_inputs = in_bytes->len,
                                       .n_outputs = out_bytes->len,
                                       .input_bytes = (const gsize *) (void *) in_bytes->data,
                                       .output_bytes = (const gsize *) (void *) out_bytes->data,
                                   },
                                   error);
    if (!program || !record (program, checks, error))
        return NULL;
    for (guint k = 0; k < checks->len; k++) {
        const Check *c = checks->pdata[k];
        for (guint i = 0; i < c->step->node->n_inputs; i++)
            if (c->input[i] != G_MAXUINT)
                to_memory (c->step->in[i], fov_gpu_program_input (program, 0, c->input[i]),
                           &c->in[i]);
    }
    if (!fov_gpu_program_submit (program, 0, error) || !fov_gpu_program_wait (program, 0, error))
        return NULL;
    return g_steal_pointer (&program);
}

/* ---- comparing -------------------------------------------------------- */

/* What is wrong with an output of so many unlike columns, to g_free; NULL: nothing. What is no
 * number proves nothing. */
static char *
compare (const FovView *got, const FovView *want, gint64 columns)
{
    gint64 n = fov_shape_elements (&want->shape);

    for (gint64 column = 0; column < columns; column++) {
        double most = 1e-3;
        for (gint64 i = column; i < n; i += columns)
            if (isfinite (fov_view_get (want, i)))
                most = MAX (most, fabs (fov_view_get (want, i)));
        for (gint64 i = column; i < n; i += columns) {
            double a = fov_view_get (got, i), b = fov_view_get (want, i);
            double most_off = want->dtype == FOV_F32 ? TOLERANCE * most : 0;
            if (isfinite (b) && !(fabs (a - b) <= most_off))
                return g_strdup_printf ("element %" G_GINT64_FORMAT " is %g, expected %g", i, a, b);
        }
    }
    return NULL;
}

/* Whether the step was right is known afterwards; FALSE: it is not, the reference refused. */
static gboolean
judge (FovGpuProgram *program, Check *c, char **wrong)
{
    const FovNode *node = c->step->node;

    *wrong = NULL;
    if (c->refused)
        return FALSE;
    for (guint i = 0; i < node->n_outputs && !*wrong; i++) {
        const FovOperand *o = c->step->out[i];
        FovView got = c->out[i];
        g_autofree char *found = NULL;
        if (c->output[i] == G_MAXUINT)
            continue;
        got.data = (gpointer) fov_gpu_program_output (program, 0, c->output[i]);
        if (o->format.layout == FOV_BLOCKED) {
            float *memory = got.data;
            got = make_view (c, o);
            convert (o, memory, &got, FALSE);
        }
        found = compare (&got, &c->out[i],
                         node->op->row_outputs & (1u << i) ? o->shape.dim[o->shape.rank - 1] : 1);
        if (found)
            *wrong = g_strdup_printf ("%s '%s': %s", node->op->name, node->name, found);
    }
    return TRUE;
}

/* Keeps the verdict of a step's kernels; FALSE with error where a wrong one has no other form. */
static gboolean
conclude (FovGpu *gpu, const Check *c, const char *wrong, gboolean *again, GError **error)
{
    for (guint k = 0; k < c->kernels->len; k++) {
        const char *kernel = c->kernels->pdata[k];
        if (fov_gpu_verdict (gpu, kernel, NULL) != FOV_VERDICT_UNKNOWN)
            continue;
        fov_gpu_set_verdict (gpu, kernel, wrong);
        if (!wrong)
            continue;
        if (fov_gpu_is_last_form (gpu, kernel))
            return refuse (gpu, kernel, wrong, error);
        g_message ("%s: kernel %s gives wrong results with this driver (%s); another form of it is "
                   "used",
                   fov_gpu_name (gpu), kernel, wrong);
        *again = TRUE;
    }
    return TRUE;
}

gboolean
fov_self_check (FovGpuProgram *program, const FovPlan *plan, const guint *labels, gboolean *again,
                GError **error)
{
    FovGpu *gpu = fov_gpu_program_gpu (program);
    g_autoptr (GPtrArray) checks = find_unknown (program, plan, labels, error);
    g_autoptr (FovGpuProgram) checked = NULL;
    gboolean ok = TRUE;

    *again = FALSE;
    if (!checks)
        return FALSE;
    drop_repeats (gpu, checks);
    if (!checks->len)
        return TRUE;
    checked = run (gpu, plan, checks, error);
    if (!checked)
        return FALSE;
    for (guint k = 0; ok && k < checks->len; k++) {
        Check *c = checks->pdata[k];
        g_autofree char *wrong = NULL;
        if (judge (checked, c, &wrong))
            ok = conclude (gpu, c, wrong, again, error);
    }
    fov_gpu_save_verdicts (gpu);
    return ok;
}

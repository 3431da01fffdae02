/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect/intake.h"

#define MAX_SIZE 4096
#define ONNX_FLOAT 1

/* ---- finding the input ------------------------------------------------ */

gboolean
fov_picture_input_find (FovPictureInput *input, FovGraph *graph, const char *who, GError **error)
{
    for (guint i = 0; i < graph->inputs->len; i++) {
        FovTensor *t = graph->inputs->pdata[i];
        g_autofree char *shape = fov_shape_to_string (&t->shape);
        if (t->shape.rank == 4 && !input->tensor &&
            (t->shape.dim[1] == 3 || t->shape.dim[3] == 3 || t->shape.dim[1] < 0)) {
            input->tensor = t;
            input->nhwc = t->shape.dim[1] != 3 && t->shape.dim[3] == 3;
        } else if (t->consumers->len) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                         "input '%s' is %s %s; %s takes one picture: 1x3xHxW or 1xHxWx3", t->name,
                         fov_dtype_name (t->dtype), shape, who);
            return FALSE;
        }
    }
    if (!input->tensor)
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "there is no input; %s takes one picture: 1x3xHxW or 1xHxWx3", who);
    return input->tensor != NULL;
}

/* Integer pixels that the graph makes floats of at once may as well come as floats. */
static void
retype_input (FovTensor *input)
{
    for (guint i = 0; i < input->consumers->len; i++)
        if (!fov_node_is (input->consumers->pdata[i], "Cast"))
            return;
    input->dtype = FOV_F32;
}

gboolean
fov_picture_input_size (FovPictureInput *input, int batch, int width, int height, int free_width,
                        int free_height, GError **error)
{
    FovShape *s = &input->tensor->shape;
    int y = input->nhwc ? 1 : 2, wanted[2] = { height, width };
    int fallback[2] = { free_height, free_width };

    if (width < 0 || height < 0) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "input size is %dx%d", width, height);
        return FALSE;
    }
    if (s->dim[0] >= 0 && s->dim[0] != batch) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "batch is %d, but the model's input is made for %" G_GINT64_FORMAT " pictures",
                     batch, s->dim[0]);
        return FALSE;
    }
    if (s->dim[input->nhwc ? 3 : 1] < 0)
        s->dim[input->nhwc ? 3 : 1] = 3;
    s->dim[0] = batch;
    for (int i = 0; i < 2; i++) {
        gint64 *size = &s->dim[y + i];
        if (*size >= 0 && wanted[i] && wanted[i] != *size) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                         "%s is %d, but the model fixes its input to %" G_GINT64_FORMAT,
                         i ? "width" : "height", wanted[i], *size);
            return FALSE;
        }
        if (*size < 0)
            *size = wanted[i] ? wanted[i] : fallback[i];
        if (*size < 1 || *size > MAX_SIZE) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                         "input %s is %" G_GINT64_FORMAT ", expected 1..%d", i ? "width" : "height",
                         *size, MAX_SIZE);
            return FALSE;
        }
    }
    input->n = batch;
    input->height = (int) s->dim[y];
    input->width = (int) s->dim[y + 1];
    retype_input (input->tensor);
    return TRUE;
}

gboolean
fov_picture_input_prepares_itself (const FovPictureInput *input)
{
    static const char *const arithmetic[] = { "Mul", "Sub", "Div", "Add", NULL };
    static const char *const moves[] = { "Cast",   "Transpose", "Identity",  "Reshape",
                                         "Resize", "Squeeze",   "Unsqueeze", NULL };
    const FovTensor *t = input->tensor;

    for (int depth = 0; depth < 16 && t && t->consumers->len == 1; depth++) {
        const FovNode *node = t->consumers->pdata[0];
        if (g_strv_contains (arithmetic, node->op->name))
            return TRUE;
        if (!g_strv_contains (moves, node->op->name))
            return FALSE;
        t = node->outputs[0];
    }
    return FALSE;
}

/* ---- what it wants to see --------------------------------------------- */

static gboolean
apply_fit (FovIntake *intake, const char *fit, GError **error)
{
    static const char *const names[] = { "letterbox-center", "letterbox", "stretch" };
    guint i = 0;

    while (i < G_N_ELEMENTS (names) && !g_str_equal (fit, names[i]))
        i++;
    if (i == G_N_ELEMENTS (names)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "fit is \"%s\", expected letterbox, letterbox-center or stretch", fit);
        return FALSE;
    }
    intake->fit = (FovFit) i;
    return TRUE;
}

gboolean
fov_intake_apply (FovIntake *intake, gboolean prepared, const FovIntakeWishes *wishes,
                  GError **error)
{
    const char *order = wishes->color_order;

    for (int c = 0; c < 3 && prepared; c++) {
        intake->mean[c] = 0;
        intake->scale[c] = 1;
    }
    if (order && !g_str_equal (order, "rgb") && !g_str_equal (order, "bgr")) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "color_order is \"%s\", expected rgb or bgr", order);
        return FALSE;
    }
    if (order)
        intake->bgr = g_str_equal (order, "bgr");
    if (wishes->fit && !apply_fit (intake, wishes->fit, error))
        return FALSE;
    for (int c = 0; c < 3; c++) {
        if (wishes->mean)
            intake->mean[c] = wishes->mean[c];
        if (wishes->scale)
            intake->scale[c] = wishes->scale[c];
    }
    return TRUE;
}

/* ---- in the graph ----------------------------------------------------- */

static FovTensor *
add (FovGraph *graph, const char *op, FovTensor *in, const FovAttr *attr, GError **error)
{
    FovNode *node = fov_graph_add_node (graph, op, op, &in, 1, 1, attr, 1, error);

    return node ? node->outputs[0] : NULL;
}

FovTensor *
fov_graph_cast (FovGraph *graph, FovTensor *tensor, FovDType to, GError **error)
{
    static const gint64 onnx[FOV_N_DTYPES] = {
        [FOV_F32] = ONNX_FLOAT, [FOV_U8] = 2,   [FOV_I8] = 3,   [FOV_I16] = 5,  [FOV_I32] = 6,
        [FOV_I64] = 7,          [FOV_BOOL] = 9, [FOV_F16] = 10, [FOV_F64] = 11,
    };
    FovAttr attr = { .name = "to", .type = FOV_ATTR_INT, .i = onnx[to] };

    return tensor->dtype == to ? tensor : add (graph, "Cast", tensor, &attr, error);
}

/* The picture as the network takes it. */
static FovTensor *
add_preprocess (const FovPictureInput *input, FovGraph *graph, const FovIntake *intake,
                FovTensor *pictures, FovTensor *frames, GError **error)
{
    static const gint64 to_nhwc[] = { 0, 2, 3, 1 };
    FovTensor *in[] = { pictures, frames }, *made;
    FovAttr attrs[] = {
        { .name = "width", .type = FOV_ATTR_INT, .i = input->width },
        { .name = "height", .type = FOV_ATTR_INT, .i = input->height },
        { .name = "bgr", .type = FOV_ATTR_INT, .i = intake->bgr },
        { .name = "mean", .type = FOV_ATTR_FLOATS, .floats = intake->mean, .n = 3 },
        { .name = "scale", .type = FOV_ATTR_FLOATS, .floats = intake->scale, .n = 3 },
        { .name = "pad", .type = FOV_ATTR_FLOAT, .f = intake->pad },
    };
    FovNode *node = fov_graph_add_node (graph, "fov.Preprocess", "preprocess", in, 2, 1, attrs,
                                        G_N_ELEMENTS (attrs), error);

    if (!node)
        return NULL;
    made = node->outputs[0];
    if (input->nhwc) {
        FovAttr perm = { .name = "perm", .type = FOV_ATTR_INTS, .ints = to_nhwc, .n = 4 };
        made = add (graph, "Transpose", made, &perm, error);
    }
    if (made && input->tensor->dtype != FOV_F32) {
        made->dtype = FOV_F32;
        made = fov_graph_cast (graph, made, input->tensor->dtype, error);
    }
    return made;
}

FovTensor *
fov_picture_input_attach (const FovPictureInput *input, FovGraph *graph, const FovIntake *intake,
                          gsize capacity, GError **error)
{
    FovShape bytes = { 2, { input->n, (gint64) capacity } };
    FovShape words = { 2, { input->n, FOV_FRAME_WORDS } };
    FovTensor *pictures = fov_graph_add_input (graph, "fov.pictures", FOV_U8, &bytes);
    FovTensor *frames = fov_graph_add_input (graph, "fov.frames", FOV_I32, &words);
    FovTensor *made = add_preprocess (input, graph, intake, pictures, frames, error);

    if (!made)
        return NULL;
    fov_graph_replace_uses (graph, input->tensor, made);
    g_ptr_array_remove (graph->inputs, input->tensor);
    input->tensor->is_input = FALSE;
    return frames;
}

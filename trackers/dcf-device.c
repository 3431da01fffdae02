/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/dcf-device.h"

#include <fovea/session.h>

#include <math.h>
#include <string.h>

#define MAX_SESSIONS 13 /* 1, 2, 4, ... 4096 patches */

struct _FovDcfDevice {
    FovDevice *device;
    int n, half; /* side, and n / 2 + 1 */
    int channels;
    guint room; /* patches that filters and padded hold */
    FovSession *sessions[MAX_SESSIONS];
    float *filters; /* of one run, side by side; and planes, where a run is not full */
    float *padded;
};

FovDcfDevice *
fov_dcf_device_new (FovDevice *device, int n, int channels)
{
    FovDcfDevice *on = g_new0 (FovDcfDevice, 1);
    on->device = fov_device_ref (device);
    on->n = n;
    on->half = n / 2 + 1;
    on->channels = channels;
    return on;
}

void
fov_dcf_device_free (FovDcfDevice *on)
{
    if (!on)
        return;
    for (int i = 0; i < MAX_SESSIONS; i++)
        g_clear_pointer (&on->sessions[i], fov_session_unref);
    fov_device_unref (on->device);
    g_free (on->filters);
    g_free (on->padded);
    g_free (on);
}

static gsize
spectrum_size (const FovDcfDevice *on)
{
    return 2 * (gsize) on->half * (gsize) on->n;
}

static float
turn (const FovDcfDevice *on, int a, int b)
{
    return (float) (2.0 * G_PI * ((a * b) % on->n) / on->n);
}

/* rows x 2 cols: cosines, then sines times sign. */
static float *
make_matrix (const FovDcfDevice *on, int rows, int cols, float sign)
{
    float *matrix = g_new (float, (gsize) (rows * cols * 2));
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++) {
            matrix[i * 2 * cols + j] = cosf (turn (on, i, j));
            matrix[i * 2 * cols + cols + j] = sign * sinf (turn (on, i, j));
        }
    return matrix;
}

/* 2 half x n: real parts' rows, then imaginary ones', scaled, and doubled for the half left out. */
static float *
make_last (const FovDcfDevice *on)
{
    int n = on->n, half = on->half;
    float *matrix = g_new (float, (gsize) (2 * half * n));
    for (int k = 0; k < half; k++)
        for (int x = 0; x < n; x++) {
            float w = (k == 0 || k == half - 1 ? 1.0f : 2.0f) / (float) (n * n);
            matrix[k * n + x] = w * cosf (turn (on, k, x));
            matrix[(half + k) * n + x] = -w * sinf (turn (on, k, x));
        }
    return matrix;
}

#define IN(...) .inputs = { __VA_ARGS__ }

/* Names: p, q are products whose four blocks are the parts of a complex one. */
static const FovModelNode nodes[] = {
    { "MatMul", "rows", IN ("z", "forward_x") },
    { "Transpose", "columns", IN ("rows"), "perm", { 0, 1, 3, 2 }, 4 },
    { "MatMul", "p", IN ("columns", "forward_y") },
    { "Slice", "p_rc", IN ("p", "at00", "at_kn", "axes") },
    { "Slice", "p_rs", IN ("p", "at0n", "at_k2", "axes") },
    { "Slice", "p_ic", IN ("p", "atk0", "at_2n", "axes") },
    { "Slice", "p_is", IN ("p", "atkn", "at_22", "axes") },
    { "Sub", "z_re", IN ("p_rc", "p_is") },
    { "Add", "z_im", IN ("p_rs", "p_ic") },
    { "Slice", "g_re", IN ("g", "at00", "at_kn", "axes") },
    { "Slice", "g_im", IN ("g", "atk0", "at_2n", "axes") },
    { "Mul", "rr", IN ("g_re", "z_re") },
    { "Mul", "ii", IN ("g_im", "z_im") },
    { "Mul", "ri", IN ("g_re", "z_im") },
    { "Mul", "ir", IN ("g_im", "z_re") },
    { "Add", "re", IN ("rr", "ii") },
    { "Sub", "im", IN ("ri", "ir") },
    { "ReduceSum", "sum_re", IN ("re", "channel") },
    { "ReduceSum", "sum_im", IN ("im", "channel") },
    { "Concat", "sum", IN ("sum_re", "sum_im"), "axis", { 2 } },
    { "MatMul", "q", IN ("sum", "backward_y") },
    { "Slice", "q_rc", IN ("q", "at00", "at_kn", "axes") },
    { "Slice", "q_rs", IN ("q", "at0n", "at_k2", "axes") },
    { "Slice", "q_ic", IN ("q", "atk0", "at_2n", "axes") },
    { "Slice", "q_is", IN ("q", "atkn", "at_22", "axes") },
    { "Sub", "q_re", IN ("q_rc", "q_is") },
    { "Add", "q_im", IN ("q_rs", "q_ic") },
    { "Concat", "q_all", IN ("q_re", "q_im"), "axis", { 2 } },
    { "Transpose", "q_rows", IN ("q_all"), "perm", { 0, 1, 3, 2 }, 4 },
    { "MatMul", "r", IN ("q_rows", "backward_x") },
};

static FovModel *
make_model (const FovDcfDevice *on, guint patches, GError **error)
{
    static const char *const outputs[] = { "r", NULL };
    gint64 n = on->n, k = on->half, b = patches, d = on->channels;
    g_autofree float *forward_x = make_matrix (on, on->n, on->half, -1.0f);
    g_autofree float *forward_y = make_matrix (on, on->n, on->n, -1.0f);
    g_autofree float *backward_y = make_matrix (on, on->n, on->n, 1.0f);
    g_autofree float *backward_x = make_last (on);
    const gint64 axes[2] = { 2, 3 }, channel[1] = { 1 };
    const gint64 at00[2] = { 0, 0 }, at_kn[2] = { k, n }, at0n[2] = { 0, n },
                 at_k2[2] = { k, 2 * n };
    const gint64 atk0[2] = { k, 0 }, at_2n[2] = { 2 * k, n }, atkn[2] = { k, n };
    const gint64 at_22[2] = { 2 * k, 2 * n };
    const FovShape pair = { 1, { 2 } }, one = { 1, { 1 } };
    const FovModelValue values[] = {
        { "z", FOV_F32, { 4, { b, d, n, n } }, NULL },
        { "g", FOV_F32, { 4, { b, d, 2 * k, n } }, NULL },
        { "forward_x", FOV_F32, { 2, { n, 2 * k } }, forward_x },
        { "forward_y", FOV_F32, { 2, { n, 2 * n } }, forward_y },
        { "backward_y", FOV_F32, { 2, { n, 2 * n } }, backward_y },
        { "backward_x", FOV_F32, { 2, { 2 * k, n } }, backward_x },
        { "axes", FOV_I64, pair, axes },
        { "channel", FOV_I64, one, channel },
        { "at00", FOV_I64, pair, at00 },
        { "at_kn", FOV_I64, pair, at_kn },
        { "at0n", FOV_I64, pair, at0n },
        { "at_k2", FOV_I64, pair, at_k2 },
        { "atk0", FOV_I64, pair, atk0 },
        { "at_2n", FOV_I64, pair, at_2n },
        { "atkn", FOV_I64, pair, atkn },
        { "at_22", FOV_I64, pair, at_22 },
    };
    return fov_model_build (values, G_N_ELEMENTS (values), nodes, G_N_ELEMENTS (nodes), outputs,
                            error);
}

/* The session for count patches, and how many it takes. */
static FovSession *
session_for (FovDcfDevice *on, guint count, guint *patches, GError **error)
{
    guint i = 0;
    while ((1u << i) < count)
        i++;
    *patches = 1u << i;
    gsize filters = *patches * (gsize) on->channels * spectrum_size (on);
    gsize planes = *patches * (gsize) on->channels * (gsize) (on->n * on->n);
    if (!on->sessions[i]) {
        g_autoptr (FovModel) model = make_model (on, *patches, error);
        if (!model)
            return NULL;
        on->sessions[i] = fov_session_new (on->device, model, NULL, error);
    }
    if (*patches > on->room) {
        on->room = *patches;
        on->filters = g_renew (float, on->filters, filters);
        on->padded = g_renew (float, on->padded, planes);
    }
    return on->sessions[i];
}

gboolean
fov_dcf_device_respond (FovDcfDevice *on, const float *planes, const float *const *filters,
                        guint count, float *responses, GError **error)
{
    guint patches;
    gsize filter = (gsize) on->channels * spectrum_size (on), area = (gsize) (on->n * on->n);
    gsize features = (gsize) on->channels * area;
    FovSession *session = session_for (on, count, &patches, error);
    FovView out, in[2] = {
        { FOV_F32, { 4, { patches, on->channels, on->n, on->n } }, (void *) planes },
        { FOV_F32, { 4, { patches, on->channels, 2 * on->half, on->n } }, on->filters },
    };
    if (!session)
        return FALSE;
    for (guint i = 0; i < count; i++)
        memcpy (on->filters + i * filter, filters[i], filter * sizeof (float));
    if (count < patches) {
        /* What fills the run up is of no interest, but must be numbers. */
        memcpy (on->padded, planes, count * features * sizeof (float));
        memset (on->padded + count * features, 0, (patches - count) * features * sizeof (float));
        memset (on->filters + count * filter, 0, (patches - count) * filter * sizeof (float));
        in[0].data = on->padded;
    }
    if (!fov_session_run (session, in, &out, error))
        return FALSE;
    memcpy (responses, out.data, count * area * sizeof (float));
    return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fovea info: the version, the devices, and what a model becomes on one.
 */
#include "commands.h"
#include "model-options.h"
#include "network.h"
#include "steps.h"

#include <stdio.h>

static struct {
    ModelOptions model;
    gboolean steps, json;
} o = { .model = MODEL_OPTIONS_UNSET };

static const CliOption options[] = {
    MODEL_OPTION (o.model),
    DEVICE_OPTION (o.model),
    { "size", 0, CLI_TEXT, &o.model.size, "WxH",
      "Network input in pixels, where the model leaves it free", "Model" },
    BATCH_OPTION (o.model),
    { "steps", 0, CLI_FLAG, &o.steps, NULL,
      "Runs the model twice and lists the plan's steps with layout and time", "Output" },
    { "json", 0, CLI_FLAG, &o.json, NULL, "Prints one JSON object instead of text", "Output" },
    CLI_END,
};

static const CliExample examples[] = {
    { "fovea info", "Lists the devices." },
    { "fovea info -m yolox_nano.onnx -d cpu --steps",
      "Shows what the model's plan runs, and how long." },
    { NULL, NULL },
};

/* ---- devices --------------------------------------------------------------- */

static void
print_devices (const GArray *devices)
{
    g_autoptr (Table) table = table_new ("lll", 2);

    printf ("fovea %s\n\nDevices:\n", FOVEA_VERSION);
    for (guint i = 0; i < devices->len; i++) {
        const FovDeviceInfo *d = &g_array_index (devices, FovDeviceInfo, i);
        table_add (table, d->spec, d->name, d->detail);
    }
    table_print (table, stdout);
}

static void
json_devices (JsonBuilder *b, const GArray *devices)
{
    json_add_text (b, "version", FOVEA_VERSION);
    json_builder_set_member_name (b, "devices");
    json_builder_begin_array (b);
    for (guint i = 0; i < devices->len; i++) {
        const FovDeviceInfo *d = &g_array_index (devices, FovDeviceInfo, i);
        json_builder_begin_object (b);
        json_add_text (b, "device", d->spec);
        json_add_text (b, "name", d->name);
        json_add_text (b, "detail", d->detail);
        json_builder_set_member_name (b, "gpu");
        json_builder_add_boolean_value (b, d->real_gpu);
        json_builder_end_object (b);
    }
    json_builder_end_array (b);
}

/* ---- a model --------------------------------------------------------------- */

typedef void (*TensorGetter) (FovSession *session, guint index, FovTensorInfo *info);

static void
print_tensors (FovSession *session, const char *what, guint n, TensorGetter get)
{
    for (guint i = 0; i < n; i++) {
        FovTensorInfo info;
        g_autofree char *text = NULL;
        get (session, i, &info);
        text = tensor_text (&info);
        printf ("  %-12s%s\n", i ? "" : what, text);
    }
}

static void
json_tensors (JsonBuilder *b, FovSession *session, const char *what, guint n, TensorGetter get)
{
    json_builder_set_member_name (b, what);
    json_builder_begin_array (b);
    for (guint i = 0; i < n; i++) {
        FovTensorInfo info;
        get (session, i, &info);
        json_builder_begin_object (b);
        json_add_text (b, "name", info.name);
        json_add_text (b, "type", fov_dtype_name (info.dtype));
        json_builder_set_member_name (b, "shape");
        json_builder_begin_array (b);
        for (int d = 0; d < info.shape.rank; d++)
            json_builder_add_int_value (b, info.shape.dim[d]);
        json_builder_end_array (b);
        json_builder_end_object (b);
    }
    json_builder_end_array (b);
}

static Counts *
count_ops (const GArray *steps)
{
    Counts *counts = counts_new ();

    for (guint i = 0; i < steps->len; i++)
        counts_add (counts, g_array_index (steps, FovStepTime, i).op, 1);
    return counts;
}

static void
print_model (FovModel *model, FovDevice *device, FovSession *session, const GArray *steps)
{
    g_autoptr (Counts) counts = count_ops (steps);
    g_autofree char *ops = counts_text (counts), *weights = NULL, *planned = NULL, *naive = NULL;
    FovSessionInfo info;

    fov_session_info (session, &info);
    weights = bytes_text (info.weight_bytes);
    planned = bytes_text (info.planned_bytes);
    naive = bytes_text (info.naive_bytes);
    printf ("\nModel:\n  %-12s%s (%s)\n", "file", fov_model_path (model), fov_model_format (model));
    print_tensors (session, "inputs", fov_session_n_inputs (session), fov_session_input);
    print_tensors (session, "outputs", fov_session_n_outputs (session), fov_session_output);
    printf ("\nPlan:\n  %-12s%s, %s\n", "device", fov_device_name (device), info.precision);
    printf ("  %-12s%u nodes", "graph", info.n_nodes);
    if (info.n_dispatches)
        printf (", %u GPU dispatches", info.n_dispatches);
    if (steps->len)
        printf (": %s", ops);
    printf ("\n  %-12s%.3f GFLOP a run\n", "work", info.flops * 1e-9);
    printf ("  %-12s%s\n", "weights", weights);
    printf ("  %-12s%s; each tensor in its own memory would take %s\n", "activations", planned,
            naive);
}

static void
json_model (JsonBuilder *b, FovModel *model, FovDevice *device, FovSession *session,
            const GArray *steps)
{
    FovSessionInfo info;

    fov_session_info (session, &info);
    json_add_text (b, "model", fov_model_path (model));
    json_add_text (b, "format", fov_model_format (model));
    json_tensors (b, session, "inputs", fov_session_n_inputs (session), fov_session_input);
    json_tensors (b, session, "outputs", fov_session_n_outputs (session), fov_session_output);
    json_add_text (b, "device", fov_device_name (device));
    json_add_text (b, "precision", info.precision);
    json_add_int (b, "nodes", info.n_nodes);
    json_add_int (b, "dispatches", info.n_dispatches);
    json_add_number (b, "gflop", info.flops * 1e-9);
    json_add_int (b, "weight_bytes", (gint64) info.weight_bytes);
    json_add_int (b, "planned_bytes", (gint64) info.planned_bytes);
    json_add_int (b, "naive_bytes", (gint64) info.naive_bytes);
    json_add_steps (b, "steps", steps);
}

static gboolean
describe_model (JsonBuilder *b, GError **error)
{
    g_autoptr (FovModel) model = fov_model_load (o.model.model, error);
    g_autoptr (FovDevice) device = model ? fov_device_open (o.model.device, error) : NULL;
    g_autoptr (Network) network = NULL;
    g_autoptr (GArray) steps = NULL;

    if (device)
        network = network_new (device, model, o.model.size, o.model.batch, TRUE, error);
    if (!network)
        return FALSE;
    for (guint i = 0; o.steps && i < 2; i++)
        if (!network_run (network, NULL, error))
            return FALSE;
    steps = fov_session_profile (network->session);
    if (b) {
        json_model (b, model, device, network->session, steps);
        return TRUE;
    }
    print_model (model, device, network->session, steps);
    if (o.steps) {
        printf ("\nSteps:\n");
        print_steps (steps, FALSE, stdout);
    }
    return TRUE;
}

static int
run (char **args, GError **error)
{
    g_autoptr (GArray) devices = NULL;
    g_autoptr (JsonBuilder) b = o.json ? json_builder_new () : NULL;
    g_autofree char *line = NULL;

    if (args[0])
        return cli_usage_error (error, "'%s' is too much: expected options only, such as --model",
                                args[0]);
    if (o.steps && !o.model.model)
        return cli_usage_error (error, "--steps needs a --model");
    devices = fov_device_list ();
    if (b) {
        json_builder_begin_object (b);
        json_devices (b, devices);
    } else {
        print_devices (devices);
    }
    if (o.model.model && !describe_model (b, error))
        return -1;
    if (!b)
        return CLI_OK;
    json_builder_end_object (b);
    line = json_line (b);
    printf ("%s\n", line);
    return CLI_OK;
}

const CliCommand command_info = {
    .name = "info",
    .args = "",
    .summary = "Shows the version, the devices, and what a model becomes on one of them.",
    .text = "With --model: its inputs and outputs, the operations after all optimisations, work, "
            "weights, and the memory that the plan takes.",
    .examples = examples,
    .options = options,
    .run = run,
};

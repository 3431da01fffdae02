/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fovea doctor: says whether and how a model is understood as a detector, and
 * tries it on a picture.
 */
#include "commands.h"
#include "doctor-picture.h"

#include <stdio.h>

static struct {
    ModelOptions model;
    char *output;
} o = { .model = MODEL_OPTIONS_UNSET };

static const CliOption options[] = {
    DEVICE_OPTION (o.model),
    SELECTION_OPTIONS (o.model, "0.25", "0.45", "300"),
    INTAKE_OPTIONS (o.model),
    { "output", 'o', CLI_PATH, &o.output, "OUT", "Writes IMAGE with its boxes to this .png or .jpg",
      "Output" },
    CLI_END,
};

static const CliExample examples[] = {
    { "fovea doctor my_model.onnx", "Says which family the model belongs to, or why none fits." },
    { "fovea doctor my_model.onnx bus.jpg -o boxes.png", "Also finds the objects of a picture." },
    { NULL, NULL },
};

static int
run (char **args, GError **error)
{
    FovDetectorParams params = { 0 };
    g_auto (ModelExtras) extras = { 0 };
    g_autoptr (FovModel) model = NULL;
    g_autofree char *text = NULL;
    gboolean ok = FALSE;

    if (!args[0])
        return cli_usage_error (error, "MODEL is missing: expected an .onnx file or a "
                                       "TensorFlow.js model.json");
    if (args[1] && args[2])
        return cli_usage_error (error, "'%s' is too much: expected MODEL and one IMAGE", args[2]);
    if (o.output && !args[1])
        return cli_usage_error (error, "--output needs an IMAGE to draw on");
    if (!model_options_params (&o.model, &params, &extras, error))
        return -1;
    model = fov_model_load (args[0], error);
    if (!model)
        return -1;
    text = fov_detector_explain (model, &params, &ok);
    printf ("%s%s", text, g_str_has_suffix (text, "\n") ? "" : "\n");
    if (!ok)
        return CLI_FAILED;
    if (!args[1])
        return CLI_OK;
    o.model.model = args[0];
    printf ("\n");
    return doctor_picture (&o.model, args[1], o.output, error) ? CLI_OK : -1;
}

const CliCommand command_doctor = {
    .name = "doctor",
    .args = "MODEL [IMAGE] ",
    .summary = "Says how a model is understood as a detector, or what stands against it.",
    .text = "Prints the model's inputs and outputs, the family they were recognised as and what "
            "will be done with them. With IMAGE the model is also run on it. The exit status is 1 "
            "if the model does not fit.",
    .examples = examples,
    .options = options,
    .run = run,
};

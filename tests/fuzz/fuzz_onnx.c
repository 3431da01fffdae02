/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include "graph/op.h"
#include "model/model.h"
#include "fuzz.h"

/* A model that was accepted can be asked everything, and specialised or refused with a reason. */
static void
check (FovModel *model)
{
    g_autoptr (FovGraph) graph = fov_graph_copy (fov_model_graph (model));
    GError *error = NULL;
    FovTensorInfo info;

    if (fov_model_n_outputs (model) == 0)
        abort ();
    for (guint i = 0; i < fov_model_n_inputs (model); i++) {
        fov_model_input (model, i, &info);
        if (!g_utf8_validate (info.name, -1, NULL) || info.shape.rank > FOV_MAX_RANK)
            abort ();
    }
    if (fov_graph_specialize (graph, NULL, &error) != (error == NULL))
        abort ();
    g_clear_error (&error);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    GError *error = NULL;
    FovModel *model = fov_model_load (fuzz_file (data, size), &error);

    if ((model == NULL) != (error != NULL) ||
        (error && !g_utf8_validate (error->message, -1, NULL)))
        abort ();
    if (model)
        check (model);
    fov_model_unref (model);
    g_clear_error (&error);
    return 0;
}

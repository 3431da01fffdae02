/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_STEPS_H
#define FOVEA_TOOLS_STEPS_H

#include <json-glib/json-glib.h>
#include <stdio.h>

#include <fovea/session.h>

/** A table of FovStepTime, with a total; slowest first or in the plan's order. */
void print_steps (const GArray *steps, gboolean slowest_first, FILE *out);

/** The same as a JSON array, member name of builder. */
void json_add_steps (JsonBuilder *builder, const char *name, const GArray *steps);

#endif

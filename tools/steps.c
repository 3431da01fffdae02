/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "steps.h"

#include "print.h"

static int
slower_first (gconstpointer a, gconstpointer b)
{
    double x = ((const FovStepTime *) a)->seconds, y = ((const FovStepTime *) b)->seconds;

    return (x < y) - (x > y);
}

static void
add_row (Table *table, const FovStepTime *step, double total)
{
    table_cell (table, "%.3f", step->seconds * 1e3);
    table_cell (table, "%.1f", total > 0 ? step->seconds / total * 100 : 0);
    table_cell (table, "%.3f", step->flops * 1e-9);
    if (step->seconds > 0 && step->flops > 0)
        table_cell (table, "%.1f", step->flops * 1e-9 / step->seconds);
    else
        table_cell (table, "-");
    table_cell (table, "%s", step->op);
    table_cell (table, "%s", step->layout);
    table_cell (table, "%s", step->name ? step->name : "");
}

void
print_steps (const GArray *steps, gboolean slowest_first, FILE *out)
{
    g_autoptr (Table) table = table_new ("rrrrlll", 2);
    g_autoptr (GArray) sorted = g_array_copy ((GArray *) steps);
    double total = 0, flops = 0;

    if (slowest_first)
        g_array_sort (sorted, slower_first);
    for (guint i = 0; i < sorted->len; i++) {
        total += g_array_index (sorted, FovStepTime, i).seconds;
        flops += g_array_index (sorted, FovStepTime, i).flops;
    }
    table_add (table, "ms", "%", "GFLOP", "GFLOP/s", "op", "layout", "name");
    for (guint i = 0; i < sorted->len; i++)
        add_row (table, &g_array_index (sorted, FovStepTime, i), total);
    table_print (table, out);
    fprintf (out, "  %.3f ms in %u steps, %.3f GFLOP\n", total * 1e3, sorted->len, flops * 1e-9);
}

void
json_add_steps (JsonBuilder *builder, const char *name, const GArray *steps)
{
    json_builder_set_member_name (builder, name);
    json_builder_begin_array (builder);
    for (guint i = 0; i < steps->len; i++) {
        const FovStepTime *step = &g_array_index (steps, FovStepTime, i);
        json_builder_begin_object (builder);
        json_add_text (builder, "op", step->op);
        json_add_text (builder, "name", step->name ? step->name : "");
        json_add_text (builder, "layout", step->layout);
        json_add_number (builder, "ms", step->seconds * 1e3);
        json_add_number (builder, "gflop", step->flops * 1e-9);
        json_builder_end_object (builder);
    }
    json_builder_end_array (builder);
}

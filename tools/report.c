/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>

#include <fovea/error.h>

#include "print.h"

static gconstpointer
row_at (gconstpointer rows, gsize row_size, guint i)
{
    return (const char *) rows + i * row_size;
}

void
report_json (gconstpointer rows, gsize row_size, guint n, const char *last, ReportRow row)
{
    g_autoptr (JsonBuilder) b = json_builder_new ();
    g_autofree char *line = NULL;

    json_builder_begin_object (b);
    json_builder_set_member_name (b, "sequences");
    json_builder_begin_array (b);
    for (guint i = 0; i + 1 < n; i++)
        row (b, row_at (rows, row_size, i));
    json_builder_end_array (b);
    json_builder_set_member_name (b, last);
    row (b, row_at (rows, row_size, n - 1));
    json_builder_end_object (b);
    line = json_line (b);
    printf ("%s\n", line);
}

int
report_width (gconstpointer rows, gsize row_size, guint n)
{
    int width = 0;

    for (guint i = 0; i + 1 < n; i++) {
        const char *const *name = row_at (rows, row_size, i);
        width = MAX (width, (int) g_utf8_strlen (*name, -1));
    }
    return width;
}

char *
report_path (const char *folder, const char *name, GError **error)
{
    g_autofree char *file = g_strconcat (name, ".txt", NULL);

    if (g_mkdir_with_parents (folder, 0777) < 0) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "%s: %s", folder, g_strerror (errno));
        return NULL;
    }
    return g_build_filename (folder, file, NULL);
}

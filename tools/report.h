/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_REPORT_H
#define FOVEA_TOOLS_REPORT_H

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* What the evaluations of sequences print and write: rows, the last of which is over all. Each row
 * is a struct that begins with its name, a const char pointer. */

/** Adds a row as a JSON object. */
typedef void (*ReportRow) (JsonBuilder *builder, gconstpointer row);

/** Prints {"sequences": [rows but the last], "LAST": the last} on a line. */
void report_json (gconstpointer rows, gsize row_size, guint n, const char *last, ReportRow row);
/** The longest name's characters, the last row's left out. */
int report_width (gconstpointer rows, gsize row_size, guint n);
/** FOLDER/NAME.txt, the folder made where it is missing; g_free it. */
char *report_path (const char *folder, const char *name, GError **error);

G_END_DECLS

#endif

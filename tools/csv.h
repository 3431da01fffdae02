/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_CSV_H
#define FOVEA_TOOLS_CSV_H

#include <glib.h>

G_BEGIN_DECLS

/** A record of a table of comma-separated values. */
typedef struct {
    guint line;    /* where it begins, from 1 */
    char **fields; /* at least one */
} CsvRecord;

/**
 * CsvRecord* of a text whose lines end with \n (RFC 4180): a field in quotes may have commas, line
 * breaks, and quotes, which are doubled. Lines without a character are left out. file: for errors,
 * which name the line: FOV_ERROR_FORMAT where quotes do not match.
 */
GPtrArray *csv_parse (const char *text, const char *file, GError **error);

G_END_DECLS

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "csv.h"

#include <string.h>

#include <fovea/error.h>

typedef struct {
    const char *at, *file;
    guint line;
} Reader;

static gboolean
refuse (const Reader *r, guint line, const char *what, GError **error)
{
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s, line %u: %s", r->file, line, what);
    return FALSE;
}

/* Behind its first quote. */
static gboolean
read_quoted (Reader *r, GString *field, GError **error)
{
    const guint first = r->line;

    for (;; r->at++) {
        if (!*r->at)
            return refuse (r, first, "a quote is opened here, and never closed", error);
        if (*r->at == '"' && *++r->at != '"')
            break;
        r->line += *r->at == '\n';
        g_string_append_c (field, *r->at);
    }
    return strchr (",\n", *r->at) /* or the text's end */ ||
           refuse (r, r->line,
                   "expected a comma or the line's end behind a quote that closes (quotes of the "
                   "text itself are doubled)",
                   error);
}

static gboolean
read_plain (Reader *r, GString *field, GError **error)
{
    const gsize n = strcspn (r->at, ",\n");

    g_string_append_len (field, r->at, (gssize) n);
    r->at += n;
    return !strchr (field->str, '"') ||
           refuse (r, r->line,
                   "a quote inside of a field: expected the whole field in quotes, and its own "
                   "quotes doubled",
                   error);
}

/* The fields of a line, up to its end. */
static gboolean
read_record (Reader *r, GPtrArray *fields, GError **error)
{
    for (;; r->at++) {
        g_autoptr (GString) field = g_string_new (NULL);
        const gboolean quoted = *r->at == '"';
        r->at += quoted;
        if (!(quoted ? read_quoted (r, field, error) : read_plain (r, field, error)))
            return FALSE;
        g_ptr_array_add (fields, g_strdup (field->str));
        if (*r->at != ',')
            return TRUE;
    }
}

static void
record_free (gpointer data)
{
    CsvRecord *record = data;

    g_strfreev (record->fields);
    g_free (record);
}

GPtrArray *
csv_parse (const char *text, const char *file, GError **error)
{
    g_autoptr (GPtrArray) records = g_ptr_array_new_with_free_func (record_free);
    Reader r = { text, file, 1 };

    for (; *r.at; r.line++, r.at += *r.at != 0) {
        g_autoptr (GPtrArray) fields = g_ptr_array_new_with_free_func (g_free);
        const guint line = r.line;
        CsvRecord *record;
        if (*r.at == '\n')
            continue;
        if (!read_record (&r, fields, error))
            return NULL;
        g_ptr_array_add (fields, NULL);
        record = g_new (CsvRecord, 1);
        *record = (CsvRecord){ line, (char **) g_ptr_array_steal (fields, NULL) };
        g_ptr_array_add (records, record);
    }
    return g_steal_pointer (&records);
}

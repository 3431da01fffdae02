/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vision/lines.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_LINE 4096
#define LARGEST 1e9
#define QUOTED 24 /* bytes of a file's text in a message */

struct _FovLines {
    char *path;
    FILE *file;
    guint64 number; /* of the line, from 1 */
    guint n_fields;
    char *fields[FOV_LINES_MAX_FIELDS];
    char text[MAX_LINE + 2];
};

FovLines *
fov_lines_open (const char *path, GError **error)
{
    FILE *file = g_fopen (path, "rbe");
    FovLines *lines;

    if (!file) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "%s: %s", path, g_strerror (errno));
        return NULL;
    }
    lines = g_new0 (FovLines, 1);
    lines->file = file;
    lines->path = g_strdup (path);
    return lines;
}

void
fov_lines_close (FovLines *lines)
{
    if (!lines)
        return;
    fclose (lines->file);
    g_free (lines->path);
    g_free (lines);
}

gboolean
fov_lines_fail (const FovLines *lines, GError **error, const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list args;

    va_start (args, format);
    message = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s:%" G_GUINT64_FORMAT ": %s", lines->path,
                 lines->number, message);
    return FALSE;
}

static gboolean
read_line (FovLines *lines, GError **error)
{
    gsize len;

    lines->number++;
    errno = 0;
    if (!fgets (lines->text, sizeof lines->text, lines->file)) {
        if (ferror (lines->file))
            g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "%s: %s", lines->path, g_strerror (errno));
        return FALSE;
    }
    len = strlen (lines->text);
    if ((len == 0 || lines->text[len - 1] != '\n') && !feof (lines->file))
        return fov_lines_fail (lines, error,
                               "longer than %d bytes or with a zero byte, expected rows of text",
                               MAX_LINE);
    return TRUE;
}

static void
split (FovLines *lines, char *text)
{
    gboolean commas = strchr (text, ',') != NULL;
    char *rest = text, *field;

    lines->n_fields = 0;
    while (lines->n_fields < FOV_LINES_MAX_FIELDS &&
           (field = strsep (&rest, commas ? "," : " \t")) != NULL)
        if (commas || *field)
            lines->fields[lines->n_fields++] = g_strstrip (field);
}

gboolean
fov_lines_next (FovLines *lines, GError **error)
{
    static const char mark[] = "\xef\xbb\xbf";

    while (read_line (lines, error)) {
        char *text = lines->text;
        if (lines->number == 1 && g_str_has_prefix (text, mark))
            text += strlen (mark);
        text = g_strstrip (text);
        if (!*text)
            continue;
        split (lines, text);
        return TRUE;
    }
    return FALSE;
}

guint
fov_lines_count (const FovLines *lines)
{
    return lines->n_fields;
}

const char *
fov_lines_text (const FovLines *lines, guint column)
{
    return column < lines->n_fields ? lines->fields[column] : "";
}

static gboolean
wrong_field (const FovLines *lines, guint column, const char *expected, GError **error)
{
    g_autofree char *cut = NULL, *shown = NULL;

    if (column >= lines->n_fields)
        return fov_lines_fail (lines, error, "%u columns, expected %s in column %u",
                               lines->n_fields, expected, column + 1);
    cut = g_strndup (lines->fields[column], QUOTED);
    shown = g_strescape (cut, NULL);
    return fov_lines_fail (lines, error, "column %u is '%s', expected %s", column + 1, shown,
                           expected);
}

/* strtod would take hexadecimal numbers and words too. */
static gboolean
parse (const char *text, double *value)
{
    char *end;

    if (!*text || strspn (text, "+-.0123456789eE") != strlen (text))
        return FALSE;
    *value = g_ascii_strtod (text, &end);
    return *end == '\0' && isfinite (*value);
}

gboolean
fov_lines_number (const FovLines *lines, guint column, double *value, GError **error)
{
    if (column < lines->n_fields && parse (lines->fields[column], value) &&
        fabs (*value) <= LARGEST)
        return TRUE;
    return wrong_field (lines, column, "a number within +-1e9", error);
}

gboolean
fov_lines_whole (const FovLines *lines, guint column, gint64 min, gint64 max, gint64 *value,
                 GError **error)
{
    g_autofree char *expected = NULL;
    double number;

    if (column < lines->n_fields && parse (lines->fields[column], &number) &&
        number == floor (number) && number >= (double) min && number <= (double) max) {
        *value = (gint64) number;
        return TRUE;
    }
    expected = g_strdup_printf ("a whole number %" G_GINT64_FORMAT "..%" G_GINT64_FORMAT, min, max);
    return wrong_field (lines, column, expected, error);
}

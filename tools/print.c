/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "print.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include <fovea/error.h>

/* ---- tables ------------------------------------------------------------ */

struct _Table {
    char *align;
    int indent;
    GPtrArray *cells;
};

Table *
table_new (const char *align, int indent)
{
    Table *table = g_new0 (Table, 1);

    table->align = g_strdup (align);
    table->indent = indent;
    table->cells = g_ptr_array_new_with_free_func (g_free);
    return table;
}

void
table_free (Table *table)
{
    g_ptr_array_unref (table->cells);
    g_free (table->align);
    g_free (table);
}

void
table_add (Table *table, ...)
{
    va_list args;

    va_start (args, table);
    for (const char *a = table->align; *a; a++)
        g_ptr_array_add (table->cells, g_strdup (va_arg (args, const char *)));
    va_end (args);
}

void
table_cell (Table *table, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    g_ptr_array_add (table->cells, g_strdup_vprintf (format, args));
    va_end (args);
}

void
table_print (const Table *table, FILE *out)
{
    guint n = (guint) strlen (table->align);
    g_autofree glong *width = g_new0 (glong, n);

    for (guint i = 0; i < table->cells->len; i++)
        width[i % n] = MAX (width[i % n], g_utf8_strlen (table->cells->pdata[i], -1));
    for (guint i = 0; i < table->cells->len; i++) {
        const char *text = table->cells->pdata[i];
        int pad = (int) (width[i % n] - g_utf8_strlen (text, -1));
        gboolean last = i % n == n - 1;
        fprintf (out, "%*s", i % n ? 2 : table->indent, "");
        if (table->align[i % n] == 'r')
            fprintf (out, "%*s%s", pad, "", text);
        else
            fprintf (out, "%s%*s", text, last ? 0 : pad, "");
        if (last)
            fputc ('\n', out);
    }
}

/* ---- small things -------------------------------------------------------- */

char *
bytes_text (guint64 bytes)
{
    if (bytes < 1024)
        return g_strdup_printf ("%" G_GUINT64_FORMAT " bytes", bytes);
    return g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS);
}

char *
tensor_text (const FovTensorInfo *info)
{
    g_autofree char *shape = fov_shape_to_string (&info->shape);

    return g_strdup_printf ("%s  %s %s", info->name, fov_dtype_name (info->dtype), shape);
}

static int
by_value (gconstpointer a, gconstpointer b)
{
    double x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}

double
quantile (GArray *values, double q)
{
    if (!values->len)
        return 0;
    g_array_sort (values, by_value);
    return g_array_index (values, double, (guint) (q * (values->len - 1) + 0.5));
}

Samples *
samples_new (void)
{
    Samples *samples = g_new0 (Samples, 1);

    samples->last = g_array_new (FALSE, FALSE, sizeof (double));
    return samples;
}

void
samples_free (Samples *samples)
{
    g_array_unref (samples->last);
    g_free (samples);
}

void
samples_add (Samples *samples, double value)
{
    if (samples->last->len < SAMPLES_KEPT)
        g_array_append_val (samples->last, value);
    else
        g_array_index (samples->last, double, samples->n % SAMPLES_KEPT) = value;
    samples->sum += value;
    samples->n++;
}

double
samples_mean (const Samples *samples)
{
    return samples->n ? samples->sum / (double) samples->n : 0;
}

double
samples_quantile (Samples *samples, double q)
{
    return quantile (samples->last, q);
}

struct _Counts {
    GHashTable *table; /* name -> guint64, owned */
};

Counts *
counts_new (void)
{
    Counts *counts = g_new0 (Counts, 1);

    counts->table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    return counts;
}

void
counts_free (Counts *counts)
{
    g_hash_table_unref (counts->table);
    g_free (counts);
}

void
counts_clear (Counts *counts)
{
    g_hash_table_remove_all (counts->table);
}

void
counts_add (Counts *counts, const char *name, guint64 n)
{
    guint64 *count = g_hash_table_lookup (counts->table, name);

    if (!count) {
        count = g_new0 (guint64, 1);
        g_hash_table_insert (counts->table, g_strdup (name), count);
    }
    *count += n;
}

static int
by_count (gconstpointer a, gconstpointer b, gpointer table)
{
    const char *x = *(const char *const *) a, *y = *(const char *const *) b;
    guint64 n = *(guint64 *) g_hash_table_lookup (table, x);
    guint64 m = *(guint64 *) g_hash_table_lookup (table, y);

    return n != m ? (n > m ? -1 : 1) : strcmp (x, y);
}

char *
counts_text (Counts *counts)
{
    guint n;
    g_autofree gpointer *names = g_hash_table_get_keys_as_array (counts->table, &n);
    GString *text = g_string_new (NULL);

    g_qsort_with_data (names, (int) n, sizeof *names, by_count, counts->table);
    for (guint i = 0; i < n; i++)
        g_string_append_printf (text, "%s%s %" G_GUINT64_FORMAT, i ? ", " : "",
                                (const char *) names[i],
                                *(guint64 *) g_hash_table_lookup (counts->table, names[i]));
    if (!n)
        g_string_append (text, "none");
    return g_string_free (text, FALSE);
}

/* ---- JSON ---------------------------------------------------------------- */

void
json_add_number (JsonBuilder *builder, const char *name, double value)
{
    if (name)
        json_builder_set_member_name (builder, name);
    if (isfinite (value))
        json_builder_add_double_value (builder, round (value * 1e6) / 1e6);
    else
        json_builder_add_null_value (builder);
}

void
json_add_int (JsonBuilder *builder, const char *name, gint64 value)
{
    if (name)
        json_builder_set_member_name (builder, name);
    json_builder_add_int_value (builder, value);
}

void
json_add_text (JsonBuilder *builder, const char *name, const char *value)
{
    if (name)
        json_builder_set_member_name (builder, name);
    json_builder_add_string_value (builder, value);
}

char *
json_line (JsonBuilder *builder)
{
    g_autoptr (JsonNode) root = json_builder_get_root (builder);

    return json_to_string (root, FALSE);
}

static gboolean
cannot_write (const char *path, GError **error)
{
    const int code = errno ? errno : EIO;

    g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "cannot write '%s': %s", path, g_strerror (code));
    return FALSE;
}

FILE *
output_open (const char *path, GError **error)
{
    FILE *file;

    if (!strcmp (path, "-"))
        return stdout;
    file = fopen (path, "w");
    if (!file)
        cannot_write (path, error);
    return file;
}

gboolean
output_is_well (FILE *file, const char *path, GError **error)
{
    return !ferror (file) || cannot_write (path, error);
}

gboolean
output_close (FILE *file, const char *path, GError **error)
{
    const gboolean well = output_is_well (file, path, error);

    if (file == stdout ? fflush (file) : fclose (file))
        return well ? cannot_write (path, error) : FALSE;
    return well;
}

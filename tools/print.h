/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_PRINT_H
#define FOVEA_TOOLS_PRINT_H

/*
 * What people see: progress on the standard error, tables, summaries and lines
 * of JSON.
 */
#include <json-glib/json-glib.h>
#include <stdio.h>

#include <fovea/tensor.h>

G_BEGIN_DECLS

/* ---- progress ---------------------------------------------------------- */

/**
 * A bar where the standard error is a terminal, else a plain line every few
 * seconds. Thread safe.
 */
typedef struct _Progress Progress;

/** what: the work in a word, kept by reference; total < 0: unknown. */
Progress *progress_new (const char *what, const char *unit, gint64 total, gboolean quiet);
void progress_free (Progress *progress);
void progress_set_total (Progress *progress, gint64 total);
void progress_set (Progress *progress, gint64 done);
/** A FovProgress; user_data is the Progress. */
void progress_note (const char *what, double fraction, gpointer progress);
/** Takes the bar off the terminal, e.g. before a line is printed. */
void progress_clear (Progress *progress);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Progress, progress_free)

/* ---- tables ------------------------------------------------------------ */

typedef struct _Table Table;

/** align: 'l' or 'r' for each column. indent: spaces before each row. */
Table *table_new (const char *align, int indent);
void table_free (Table *table);
/** Takes as many strings as there are columns. */
void table_add (Table *table, ...);
/** The next cell of the last row, or of a new one where that is full. */
void table_cell (Table *table, const char *format, ...) G_GNUC_PRINTF (2, 3);
void table_print (const Table *table, FILE *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Table, table_free)

/* ---- small things -------------------------------------------------------- */

/** "12.3 MiB"; g_free it. */
char *bytes_text (guint64 bytes);
/** "input images, float32 1x3x416x416"; g_free it. */
char *tensor_text (const FovTensorInfo *info);
/** The q-th quantile (0..1) of doubles, sorting them; 0 where there are none. */
double quantile (GArray *values, double q);

/** Any number of measurements: the mean of all, and quantiles of the last SAMPLES_KEPT. */
typedef struct {
    guint64 n;
    double sum;
    GArray *last; /* double */
} Samples;

#define SAMPLES_KEPT 100000

Samples *samples_new (void);
void samples_free (Samples *samples);
void samples_add (Samples *samples, double value);
/** 0 where there are none; a quantile forgets which ones are the oldest. */
double samples_mean (const Samples *samples);
double samples_quantile (Samples *samples, double q);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Samples, samples_free)

/** Counts by name; printed as "person 12, bus 1", the largest first. */
typedef struct _Counts Counts;
Counts *counts_new (void);
void counts_free (Counts *counts);
void counts_clear (Counts *counts);
void counts_add (Counts *counts, const char *name, guint64 n);
char *counts_text (Counts *counts);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Counts, counts_free)

/* ---- JSON ---------------------------------------------------------------- */

/** A number to a millionth; more digits would be noise. NAN becomes null. */
void json_add_number (JsonBuilder *builder, const char *name, double value);
void json_add_int (JsonBuilder *builder, const char *name, gint64 value);
void json_add_text (JsonBuilder *builder, const char *name, const char *value);
/** The finished builder on one line. */
char *json_line (JsonBuilder *builder);

/** Opens for writing; "-" is the standard output. */
FILE *output_open (const char *path, GError **error);
/** Right behind what was written: FALSE where that, or anything before, found no room. */
gboolean output_is_well (FILE *file, const char *path, GError **error);
/** Flushes and closes (not the standard output); FALSE where anything could not be written. */
gboolean output_close (FILE *file, const char *path, GError **error);

G_END_DECLS

#endif

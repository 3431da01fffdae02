/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_FOVEA_WRITER_H
#define GST_FOVEA_WRITER_H

#include <glib.h>

G_BEGIN_DECLS

/**
 * Writes JSON records to a file, so that readers and a full disk never leave
 * part of a record behind: each goes out in one write, and one that does not
 * fit is taken back. One thread at a time. Errors are of G_FILE_ERROR and name
 * the file.
 */
typedef struct _GstFoveaWriter GstFoveaWriter;

typedef enum {
    GST_FOVEA_WRITER_LINES, /**< one record a line */
    GST_FOVEA_WRITER_ARRAY, /**< one JSON array of all records */
} GstFoveaWriterFormat;

/** Creates or empties path; "-" or "stdout" is the standard output. */
GstFoveaWriter *gst_fovea_writer_open (const char *path, GstFoveaWriterFormat format,
                                       GError **error);

/** Adds one record (JSON text on one line). */
gboolean gst_fovea_writer_add (GstFoveaWriter *writer, const char *record, GError **error);

/**
 * Makes the file complete as it stands (the array is closed; nothing to do for
 * lines) and puts it on the disk. More records may follow where the file can be
 * cut; on a pipe the array is closed by gst_fovea_writer_close only.
 */
gboolean gst_fovea_writer_finish (GstFoveaWriter *writer, GError **error);

/** Finishes and frees; writer may be NULL. FALSE with error if finishing failed. */
gboolean gst_fovea_writer_close (GstFoveaWriter *writer, GError **error);

G_END_DECLS

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstfoveawriter.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct _GstFoveaWriter {
    char *path;
    int fd;
    gboolean own_fd, regular;
    GstFoveaWriterFormat format;
    gint64 end; /* bytes of complete records, without the array's end */
    guint64 n_records;
    gboolean finished;
    GString *text;
};

static void
set_error (GError **error, const char *what, const char *path)
{
    int code = errno;

    g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "can not %s \"%s\": %s", what,
                 path, g_strerror (code));
}

/* All of text or nothing: what a failing write left is cut off again. */
static gboolean
write_all (GstFoveaWriter *writer, const char *text, gsize size, GError **error)
{
    gsize done = 0;

    while (done < size) {
        gssize n = write (writer->fd, text + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            set_error (error, "write to", writer->path);
            if (writer->regular && (ftruncate (writer->fd, writer->end) < 0 ||
                                    lseek (writer->fd, writer->end, SEEK_SET) < 0))
                g_warning ("%s: part of a record stays behind", writer->path);
            return FALSE;
        }
        done += (gsize) n;
    }
    return TRUE;
}

GstFoveaWriter *
gst_fovea_writer_open (const char *path, GstFoveaWriterFormat format, GError **error)
{
    gboolean standard = g_str_equal (path, "-") || g_str_equal (path, "stdout");
    int fd =
        standard ? STDOUT_FILENO : g_open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    struct stat st;

    if (fd < 0) {
        set_error (error, "create", path);
        return NULL;
    }
    GstFoveaWriter *writer = g_new0 (GstFoveaWriter, 1);
    writer->path = g_strdup (standard ? "standard output" : path);
    writer->fd = fd;
    writer->own_fd = !standard;
    writer->regular = !standard && fstat (fd, &st) == 0 && S_ISREG (st.st_mode);
    writer->format = format;
    writer->text = g_string_new (NULL);
    return writer;
}

/* Takes the array's end away again, so that more records can follow. */
static gboolean
reopen (GstFoveaWriter *writer, GError **error)
{
    if (ftruncate (writer->fd, writer->end) < 0 || lseek (writer->fd, writer->end, SEEK_SET) < 0) {
        set_error (error, "continue", writer->path);
        return FALSE;
    }
    writer->finished = FALSE;
    return TRUE;
}

gboolean
gst_fovea_writer_add (GstFoveaWriter *writer, const char *record, GError **error)
{
    gboolean array = writer->format == GST_FOVEA_WRITER_ARRAY;

    if (array && writer->finished && !reopen (writer, error))
        return FALSE;
    g_string_truncate (writer->text, 0);
    if (array)
        g_string_append (writer->text, writer->n_records == 0 ? "[\n" : ",\n");
    g_string_append (writer->text, record);
    if (!array)
        g_string_append_c (writer->text, '\n');
    if (!write_all (writer, writer->text->str, writer->text->len, error))
        return FALSE;
    writer->end += (gint64) writer->text->len;
    writer->n_records++;
    return TRUE;
}

static gboolean
end_array (GstFoveaWriter *writer, GError **error)
{
    const char *end = writer->n_records ? "\n]\n" : "[]\n";

    if (writer->format != GST_FOVEA_WRITER_ARRAY || writer->finished)
        return TRUE;
    writer->finished = write_all (writer, end, strlen (end), error);
    return writer->finished;
}

gboolean
gst_fovea_writer_finish (GstFoveaWriter *writer, GError **error)
{
    if (!writer->regular)
        return TRUE;
    if (!end_array (writer, error))
        return FALSE;
    if (fsync (writer->fd) < 0) {
        set_error (error, "finish", writer->path);
        return FALSE;
    }
    return TRUE;
}

gboolean
gst_fovea_writer_close (GstFoveaWriter *writer, GError **error)
{
    if (!writer)
        return TRUE;

    gboolean ok = end_array (writer, error);
    if (writer->own_fd && close (writer->fd) < 0 && ok) {
        set_error (error, "close", writer->path);
        ok = FALSE;
    }
    g_string_free (writer->text, TRUE);
    g_free (writer->path);
    g_free (writer);
    return ok;
}

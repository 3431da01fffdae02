/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fovea/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

#define MOST_LINKS 40  /* as Linux follows */
#define MARK ".fovea-" /* and RANDOM letters or digits: a name that nobody else gives */
#define RANDOM 6

static const char *
kind_of (mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return "a folder";
    case S_IFIFO:
        return "a named pipe";
    case S_IFSOCK:
        return "a socket";
    default:
        return "a device";
    }
}

static gboolean
can_not_be_written (const char *path, int why, GError **error)
{
    g_autofree char *shown = g_filename_display_name (path);

    g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "%s: can not be written: %s", shown,
                 g_strerror (why));
    return FALSE;
}

/* Where links that end nowhere would have a file made. */
static char *
follow (const char *path, GError **error)
{
    g_autofree char *at = g_strdup (path);

    for (int i = 0; i < MOST_LINKS; i++) {
        g_autofree char *next = g_file_read_link (at, NULL), *folder = g_path_get_dirname (at);
        if (!next)
            return g_steal_pointer (&at);
        g_free (at);
        at = g_build_filename (g_path_is_absolute (next) ? "/" : folder, next, NULL);
    }
    can_not_be_written (path, ELOOP, error);
    return NULL;
}

char *
fov_file_target (const char *path, GError **error)
{
    g_autofree char *shown = NULL;
    GStatBuf there;

    g_return_val_if_fail (path, NULL);
    if (g_stat (path, &there) != 0 || S_ISREG (there.st_mode))
        return follow (path, error);
    shown = g_filename_display_name (path);
    g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "%s is %s, expected a regular file or none", shown,
                 kind_of (there.st_mode));
    return NULL;
}

static gboolean
write_all (int fd, const char *data, gsize size)
{
    while (size > 0) {
        const ssize_t n = write (fd, data, size);
        if (n < 0 && errno != EINTR)
            return FALSE;
        data += MAX (n, 0);
        size -= (gsize) MAX (n, 0);
    }
    return TRUE;
}

gboolean
fov_file_write (const char *path, const void *data, gsize size, GError **error)
{
    g_autofree char *target = fov_file_target (path, error);
    g_autofree char *fresh = target ? g_strconcat (target, MARK "XXXXXX", NULL) : NULL;
    gboolean ok;
    int fd, why;

    if (!target)
        return FALSE;
    fd = g_mkstemp_full (fresh, O_WRONLY | O_CLOEXEC, 0666);
    if (fd < 0)
        return can_not_be_written (path, errno, error);
    ok = write_all (fd, data, size) &&
         (!g_file_test (target, G_FILE_TEST_EXISTS) || fsync (fd) == 0);
    why = errno;
    if (close (fd) != 0 && ok) {
        ok = FALSE;
        why = errno;
    }
    if (ok && g_rename (fresh, target) == 0)
        return TRUE;
    why = ok ? errno : why;
    g_unlink (fresh);
    return can_not_be_written (path, why, error);
}

static gboolean
is_left_of (const char *name, const char *file)
{
    g_autofree char *begin = g_strconcat (file, MARK, NULL);
    const gsize n = strlen (begin);

    if (!g_str_has_prefix (name, begin) || strlen (name) != n + RANDOM)
        return FALSE;
    for (const char *c = name + n; *c; c++)
        if (!g_ascii_isalnum (*c))
            return FALSE;
    return TRUE;
}

void
fov_file_tidy (const char *path)
{
    g_autofree char *target = fov_file_target (path, NULL);
    g_autofree char *folder = target ? g_path_get_dirname (target) : NULL;
    g_autofree char *file = target ? g_path_get_basename (target) : NULL;
    g_autoptr (GDir) dir = target ? g_dir_open (folder, 0, NULL) : NULL;

    for (const char *name; dir && (name = g_dir_read_name (dir));) {
        g_autofree char *found = g_build_filename (folder, name, NULL);
        if (is_left_of (name, file))
            g_unlink (found);
    }
}

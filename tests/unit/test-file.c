/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is replaced when a file is written, and what is not. */
#include "folder.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fovea/file.h>

static void
assert_content (const char *name, const char *text)
{
    g_autofree char *path = in_folder (name), *content = NULL;

    assert_true (g_file_get_contents (path, &content, NULL, NULL));
    assert_string_equal (content, text);
}

static guint
count_files (void)
{
    g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
    guint n = 0;

    while (g_dir_read_name (dir))
        n++;
    return n;
}

static void
assert_written (const char *name, const char *text)
{
    g_autofree char *path = in_folder (name);
    g_autoptr (GError) error = NULL;

    assert_fov_ok (fov_file_write (path, text, strlen (text), &error), error);
}

static void
test_replaces (void **state)
{
    assert_written ("a", "one");
    assert_written ("a", "two");
    assert_content ("a", "two");
    assert_written ("a", "");
    assert_content ("a", "");
    assert_int_equal (count_files (), 1);
}

static void
make_link (const char *to, const char *name)
{
    g_autofree char *path = in_folder (name);

    assert_int_equal (symlink (to, path), 0);
}

/* A link stays one; what it leads to is written, even if there was nothing. */
static void
test_links (void **state)
{
    static const char *const links[] = { "first", "second", "dangling" };

    lay ("below/target", "old");
    make_link ("below/target", "first");
    make_link ("first", "second");
    make_link ("below/fresh", "dangling");
    for (guint i = 0; i < G_N_ELEMENTS (links); i++) {
        g_autofree char *path = in_folder (links[i]);
        assert_written (links[i], links[i]);
        assert_true (g_file_test (path, G_FILE_TEST_IS_SYMLINK));
        assert_content (i < 2 ? "below/target" : "below/fresh", links[i]);
    }
}

static void
make_socket (const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket (AF_UNIX, SOCK_STREAM, 0);

    g_strlcpy (address.sun_path, path, sizeof address.sun_path);
    assert_int_equal (bind (fd, (struct sockaddr *) &address, sizeof address), 0);
    close (fd);
}

/* No rename does away with what is no file. */
static void
test_others (void **state)
{
    static const struct {
        const char *name, *text;
    } others[] = { { "pipe", "pipe is a named pipe" },
                   { "socket", "socket is a socket" },
                   { "to-pipe", "to-pipe is a named pipe" },
                   { "folder", "folder is a folder" },
                   { "round", "symbolic links" },
                   { "no/where", "No such file" } };
    g_autofree char *pipe = in_folder ("pipe"), *sock = in_folder ("socket");
    g_autofree char *below = in_folder ("folder");
    guint n;

    assert_int_equal (mkfifo (pipe, 0600), 0);
    make_socket (sock);
    make_link ("pipe", "to-pipe");
    make_link ("round", "round");
    assert_int_equal (g_mkdir (below, 0700), 0);
    n = count_files ();
    for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
        g_autofree char *path = in_folder (others[i].name);
        g_autoptr (GError) error = NULL;
        assert_false (fov_file_write (path, "x", 1, &error));
        assert_true (g_error_matches (error, FOV_ERROR, FOV_ERROR_IO));
        assert_non_null (strstr (error->message, others[i].text));
    }
    assert_int_equal (count_files (), n);
    assert_false (g_file_test (pipe, G_FILE_TEST_IS_REGULAR));
    assert_false (g_file_test (sock, G_FILE_TEST_IS_REGULAR));
}

/* What a writer that was killed left is gone, and nothing else. */
static void
test_tidy (void **state)
{
    static const char *const kept[] = { "a",
                                        "a.CK93Y3",
                                        "a.fovea-Ab3dE",
                                        "a.fovea-Ab3d_9",
                                        "ba.fovea-Ab3dE9",
                                        "a.labels.fovea-Ab3dE9" };
    g_autofree char *path = in_folder ("a"), *left = file_with ("a.fovea-Ab3dE9", "half");

    for (guint i = 0; i < G_N_ELEMENTS (kept); i++)
        lay (kept[i], kept[i]);
    fov_file_tidy (path);
    assert_false (g_file_test (left, G_FILE_TEST_EXISTS));
    assert_int_equal (count_files (), G_N_ELEMENTS (kept));
}

int
main (void)
{
#define TEST(f) cmocka_unit_test_setup_teardown (f, make_folder, remove_folder)
    const struct CMUnitTest tests[] = { TEST (test_replaces), TEST (test_links), TEST (test_others),
                                        TEST (test_tidy) };

    return cmocka_run_group_tests_name ("file", tests, NULL, NULL);
}

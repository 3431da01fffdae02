/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <string.h>

#include "check.h"
#include <fovea/labels.h>

static void
assert_names (const FovLabels *labels, const char *expected)
{
    g_autoptr (GString) joined = g_string_new (NULL);
    for (guint i = 0; i < fov_labels_count (labels); i++)
        g_string_append_printf (joined, "%s%s", i ? "|" : "", fov_labels_get (labels, i));
    assert_string_equal (joined->str, expected);
    assert_null (fov_labels_get (labels, fov_labels_count (labels)));
}

static FovLabels *
load_text (const char *text, gssize len, GError **error)
{
    g_autofree char *path = g_build_filename (g_get_tmp_dir (), "fovea-labels-XXXXXX", NULL);
    int fd = g_mkstemp (path);
    assert_true (fd >= 0);
    g_close (fd, NULL);
    assert_true (g_file_set_contents (path, text, len, NULL));
    FovLabels *labels = fov_labels_load (path, error);
    g_unlink (path);
    return labels;
}

static const struct {
    const char *name, *text, *expected;
} files[] = {
    { "lines", "person\ncar\n", "person|car" },
    { "no end of line", "person\ncar", "person|car" },
    { "CRLF, mark, blank end", "\xef\xbb\xbfperson\r\ntraffic light\r\n\r\n\n",
      "person|traffic light" },
    { "blank inside", "a\n\nb\n", "a||b" },
    { "UTF-8", "Führerschein\n車\n", "Führerschein|車" },
    { "indexed", "0: person\n1: bicycle\n3: car\n", "person|bicycle||car" },
    { "indexed, quoted", "0: 'person'\n1: \"it's\" # note\n2: hot dog # note\n",
      "person|it's|hot dog" },
    { "YAML", "path: ../coco\ntrain: x\nnames:\n  0: person\n  1: car\n\n# end\ndownload: no\n",
      "person|car" },
    { "YAML, flow list", "train: ../train/images\nnc: 2\nnames: ['ball', \"it's\"]\n",
      "ball|it's" },
    { "YAML, block list", "names:\n- ball\n- hot dog # note\nnc: 2\n", "ball|hot dog" },
    { "YAML, flow map", "names: {0: ball, 2: 'box'}\n", "ball||box" },
    { "not indexed", "0: person\ncar\n", "0: person|car" },
    { "digits", "4\n7\n", "4|7" },
    { "pbtxt", "item {\n  id: 1\n  name: 'person'\n}\nitem {\n  name: \"car\"\n  id: 3\n}\n",
      "person||car" },
    { "pbtxt, display name", "# map\nitem{ name: '/m/01' id: 0 display_name: \"Cat\" }", "Cat" },
    { "JSON array", " [\"a\", \"b\\u00e9\"]", "a|bé" },
    { "JSON object", "{\"1\": \"b\", \"0\": \"a\"}", "a|b" },
    { "Python dict", "{0: 'person', 1: \"it's\"}", "person|it's" },
};

static void
test_files (void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS (files); i++) {
        GError *error = NULL;
        print_message ("# %s\n", files[i].name);
        g_autoptr (FovLabels) labels = load_text (files[i].text, -1, &error);
        assert_fov_ok (labels != NULL, error);
        assert_names (labels, files[i].expected);
    }
}

static const struct {
    const char *text;
    gssize len;
    const char *message;
} bad_files[] = {
    { "", 0, "no names" },
    { "\n\r\n \n", -1, "no names" },
    { "ok\nbad \xff\xfe\n", -1, "line 2: byte 0xff" },
    { "ok\nzero\0\n", 9, "line 2: byte 0x00" },
    { "[1, 2]", -1, "element 0 is not a string" },
    { "[]", -1, "no names" },
    { "[\"a\"", -1, "JSON" },
    { "{\"x\": \"a\"}", -1, "member \"x\"" },
    { "{\"x\": /* [ */ 1}", -1, "'/' outside a string" },
    { "{\"100000\": \"a\"}", -1, "below 100000" },
    { "{\"0\": [[[]]]}", -1, "member \"0\"" },
    { "names:\n  0: a\n  b\n", -1, "line 3" },
    { "nc: 1\nnames: ball\n", -1, "line 2: \"names\" is one word, expected a list" },
    { "nc: 1\nnames:\n  - a\n  - [b]\n", -1, "line 4: expected the name of a class" },
    { "names: {0: a, x: b}\n", -1, "line 1: \"x\", expected \"index: name\"" },
    { "nc: 1\nnames: [a, b\n", -1, "(from line 2)" },
    { "0: a\n0: b\n", -1, "both \"a\" and \"b\"" },
    { "0: a\n99999999999999999999999: b\n", -1, "less than 100000" },
    { "item { id: 1 }", -1, "id and name" },
    { "item { id: 1 name: 'a' ", -1, "ends with '}'" },
    { "item { id: 1 name: 'a' } item { id: 1 name: 'b' }", -1, "both \"a\" and \"b\"" },
    { "item { id: 900000000 name: 'a' }", -1, "less than 100000" },
    { "item { id: 'x' name: 'a' }", -1, "a whole number" },
};

static void
test_bad_files (void **state)
{
    for (gsize i = 0; i < G_N_ELEMENTS (bad_files); i++) {
        GError *error = NULL;
        print_message ("# %s\n", bad_files[i].message);
        assert_null (load_text (bad_files[i].text, bad_files[i].len, &error));
        assert_fov_error (&error, FOV_ERROR_FORMAT, bad_files[i].message);
    }
}

static void
test_hostile_files (void **state)
{
    GError *error = NULL;
    g_autoptr (GString) text = g_string_new (NULL);

    assert_null (fov_labels_load ("/nonexistent/labels.txt", &error));
    assert_fov_error (&error, FOV_ERROR_IO, "/nonexistent/labels.txt");
    assert_null (fov_labels_load (g_get_tmp_dir (), &error));
    assert_fov_error (&error, FOV_ERROR_IO, g_get_tmp_dir ());
    assert_null (fov_labels_load ("/dev/zero", &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT, "larger than");

    for (int i = 0; i < 1000000; i++)
        g_string_append_c (text, '[');
    assert_null (load_text (text->str, -1, &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT, "deeper");

    g_string_truncate (text, 0);
    for (int i = 0; i < 100001; i++)
        g_string_append (text, "x\n");
    assert_null (load_text (text->str, -1, &error));
    assert_fov_error (&error, FOV_ERROR_FORMAT, "more than 100000");
}

static void
test_builtin (void **state)
{
    g_autoptr (FovLabels) coco80 = fov_labels_builtin ("coco80");
    g_autoptr (FovLabels) coco90 = fov_labels_builtin ("coco90");
    g_autoptr (FovLabels) voc20 = fov_labels_builtin ("voc20");

    assert_int_equal (fov_labels_count (coco80), 80);
    assert_int_equal (fov_labels_count (coco90), 90);
    assert_int_equal (fov_labels_count (voc20), 20);
    assert_string_equal (fov_labels_get (coco80, 79), "toothbrush");
    assert_string_equal (fov_labels_get (coco90, 89), "toothbrush");
    assert_string_equal (fov_labels_get (coco90, 11), "");
    assert_string_equal (fov_labels_get (coco90, 12), "stop sign");
    assert_string_equal (fov_labels_get (voc20, 14), "person");
    assert_int_equal (fov_labels_find (coco80, "Traffic LIGHT"), 9);
    assert_int_equal (fov_labels_find (coco90, "tv"), 71);
    assert_int_equal (fov_labels_find (coco90, ""), -1);
    assert_int_equal (fov_labels_find (coco80, "unicorn"), -1);
    assert_int_equal (fov_labels_find (coco80, "\xff"), -1);
    assert_null (fov_labels_builtin ("coco81"));
    assert_null (fov_labels_builtin (NULL));
}

static void
test_parse (void **state)
{
    GError *error = NULL;
    g_autoptr (FovLabels) list = fov_labels_parse (" person, traffic light ,car", &error);
    assert_fov_ok (list != NULL, error);
    assert_names (list, "person|traffic light|car");
    assert_null (fov_labels_parse ("a,,b", &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "name 2");
    assert_null (fov_labels_parse ("", &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "empty");
    assert_null (fov_labels_parse ("a\xff", &error));
    assert_fov_error (&error, FOV_ERROR_ARGUMENT, "UTF-8");
}

static void
test_parse_names (void **state)
{
    static const char *const bad[] = { "",
                                       "{",
                                       "{0}",
                                       "{0:}",
                                       "{0: 1}",
                                       "{0: 'a'",
                                       "{0: 'a' 1: 'b'}",
                                       "{0: 'a'} x",
                                       "{-1: 'a'}",
                                       "{}",
                                       "person",
                                       "{0: 'a', 0: 'b'}",
                                       "{4000000000: 'a'}",
                                       "['a', 1]",
                                       "{0: 'a\xff'}" };
    GError *error = NULL;
    g_autoptr (FovLabels) dict = fov_labels_parse_names ("{0: 'person', 2: \"it's\", }", &error);
    assert_fov_ok (dict != NULL, error);
    assert_names (dict, "person||it's");
    g_autoptr (FovLabels) list = fov_labels_parse_names ("['a', 'b']", &error);
    assert_fov_ok (list != NULL, error);
    assert_names (list, "a|b");
    for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
        assert_null (fov_labels_parse_names (bad[i], &error));
        assert_fov_error (&error, FOV_ERROR_FORMAT, "names metadata");
    }
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_files),         cmocka_unit_test (test_bad_files),
        cmocka_unit_test (test_hostile_files), cmocka_unit_test (test_builtin),
        cmocka_unit_test (test_parse),         cmocka_unit_test (test_parse_names),
    };
    return RUN ("labels", tests);
}

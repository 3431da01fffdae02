/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plugin as gst-inspect shows it: every property says what it does and when
 * a change takes effect, and docs/elements.md says the same. Run with --rows it
 * prints the tables for that page, with --update PAGE it puts them in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <gst/gst.h>
#include <stdio.h>
#include <string.h>

static const char *elements[] = { "foveadetect", "foveatrack", "foveaoverlay", "foveametaconvert",
                                  "foveapublish" };

/* Ours, not what GStreamer's base classes bring. */
static gboolean
is_own (const GParamSpec *spec)
{
    return g_str_has_prefix (g_type_name (spec->owner_type), "GstFovea");
}

static GstElement *
make (const char *name)
{
    GstElement *element = gst_element_factory_make (name, NULL);

    if (!element)
        fail_msg ("no element %s in %s", name, g_getenv ("GST_PLUGIN_PATH"));
    return gst_object_ref_sink (element);
}

static char *
enum_names (GType type)
{
    GEnumClass *klass = g_type_class_ref (type);
    GString *text = g_string_new (NULL);

    for (guint i = 0; i < klass->n_values; i++)
        g_string_append_printf (text, "%s%s", i ? ", " : "", klass->values[i].value_nick);
    g_type_class_unref (klass);
    return g_string_free (text, FALSE);
}

static char *
type_text (const GParamSpec *spec)
{
    if (G_IS_PARAM_SPEC_ENUM (spec))
        return enum_names (spec->value_type);
    if (G_IS_PARAM_SPEC_UINT (spec) && (spec->flags & G_PARAM_WRITABLE))
        return g_strdup_printf ("integer, %u to %u", G_PARAM_SPEC_UINT (spec)->minimum,
                                G_PARAM_SPEC_UINT (spec)->maximum);
    if (G_IS_PARAM_SPEC_INT (spec))
        return g_strdup_printf ("integer, %d to %d", G_PARAM_SPEC_INT (spec)->minimum,
                                G_PARAM_SPEC_INT (spec)->maximum);
    if (G_IS_PARAM_SPEC_DOUBLE (spec) && (spec->flags & G_PARAM_WRITABLE))
        return g_strdup_printf ("number, %g to %g", G_PARAM_SPEC_DOUBLE (spec)->minimum,
                                G_PARAM_SPEC_DOUBLE (spec)->maximum);
    if (G_IS_PARAM_SPEC_FLOAT (spec))
        return g_strdup_printf ("number, %g to %g", (double) G_PARAM_SPEC_FLOAT (spec)->minimum,
                                (double) G_PARAM_SPEC_FLOAT (spec)->maximum);
    if (G_IS_PARAM_SPEC_STRING (spec))
        return g_strdup ("text");
    if (G_IS_PARAM_SPEC_BOOLEAN (spec))
        return g_strdup ("boolean");
    return g_strdup (G_IS_PARAM_SPEC_DOUBLE (spec) ? "number" : "integer");
}

static char *
default_text (GstElement *element, GParamSpec *spec)
{
    g_auto (GValue) value = G_VALUE_INIT;

    g_value_init (&value, spec->value_type);
    g_object_get_property (G_OBJECT (element), spec->name, &value);
    if (G_VALUE_HOLDS_STRING (&value))
        return g_strdup (g_value_get_string (&value) ? g_value_get_string (&value) : "unset");
    if (G_VALUE_HOLDS_DOUBLE (&value))
        return g_strdup_printf ("%g", g_value_get_double (&value));
    if (G_VALUE_HOLDS_FLOAT (&value))
        return g_strdup_printf ("%g", (double) g_value_get_float (&value));
    if (G_VALUE_HOLDS_ENUM (&value)) {
        GEnumClass *klass = g_type_class_ref (spec->value_type);
        char *nick = g_strdup (g_enum_get_value (klass, g_value_get_enum (&value))->value_nick);
        g_type_class_unref (klass);
        return nick;
    }
    if (G_VALUE_HOLDS_BOOLEAN (&value))
        return g_strdup (g_value_get_boolean (&value) ? "true" : "false");
    return gst_value_serialize (&value);
}

static const char *
change_text (const GParamSpec *spec)
{
    if (!(spec->flags & G_PARAM_WRITABLE))
        return "read only";
    return spec->flags & GST_PARAM_MUTABLE_PLAYING ? "any time" : "in NULL or READY";
}

static char *
row_of (GstElement *element, GParamSpec *spec)
{
    g_autofree char *type = type_text (spec), *init = default_text (element, spec);
    gboolean writable = (spec->flags & G_PARAM_WRITABLE) != 0;

    return g_strdup_printf ("| `%s` | %s | %s | %s | %s |", spec->name, type, writable ? init : "",
                            change_text (spec), g_param_spec_get_blurb (spec));
}

static void
test_properties (void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS (elements); i++) {
        GstElement *element = make (elements[i]);
        guint n;
        g_autofree GParamSpec **specs =
            g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
        for (guint k = 0; k < n; k++) {
            const char *blurb = g_param_spec_get_blurb (specs[k]);
            int when = specs[k]->flags & (GST_PARAM_MUTABLE_READY | GST_PARAM_MUTABLE_PAUSED |
                                          GST_PARAM_MUTABLE_PLAYING);
            gboolean writable = (specs[k]->flags & G_PARAM_WRITABLE) != 0;
            if (!is_own (specs[k]))
                continue;
            if (!blurb || strlen (blurb) < 15 || !g_ascii_isupper (*blurb) ||
                g_str_has_suffix (blurb, ".") || strchr (blurb, '|'))
                fail_msg ("%s %s: blurb \"%s\"", elements[i], specs[k]->name, blurb);
            if ((when != 0) != writable)
                fail_msg ("%s %s: says %s when it may change", elements[i], specs[k]->name,
                          when ? "though read only," : "not");
            if (writable && !(specs[k]->flags & G_PARAM_READABLE))
                fail_msg ("%s %s: can not be read", elements[i], specs[k]->name);
        }
        gst_object_unref (element);
    }
}

/* The property rows of an element's section, in order. */
static GPtrArray *
documented_rows (const char *page, const char *element)
{
    GPtrArray *rows = g_ptr_array_new_with_free_func (g_free);
    g_auto (GStrv) lines = g_strsplit (page, "\n", -1);
    g_autofree char *title = g_strdup_printf ("## %s", element);
    gboolean inside = FALSE;

    for (guint i = 0; lines[i]; i++) {
        if (g_str_has_prefix (lines[i], "## "))
            inside = g_str_equal (lines[i], title);
        else if (inside && g_str_has_prefix (lines[i], "| `"))
            g_ptr_array_add (rows, g_strdup (lines[i]));
    }
    return rows;
}

static void
test_docs (void **state)
{
    const char *docs = g_getenv ("FOVEA_DOCS");
    g_autofree char *path = g_build_filename (docs ? docs : "docs", "elements.md", NULL);
    g_autofree char *page = NULL;

    if (!g_file_get_contents (path, &page, NULL, NULL))
        fail_msg ("can not read %s", path);
    for (guint i = 0; i < G_N_ELEMENTS (elements); i++) {
        GstElement *element = make (elements[i]);
        g_autoptr (GPtrArray) rows = documented_rows (page, elements[i]);
        guint n, n_own = 0;
        g_autofree GParamSpec **specs =
            g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
        for (guint k = 0; k < n; k++) {
            if (!is_own (specs[k]))
                continue;
            g_autofree char *row = row_of (element, specs[k]);
            n_own++;
            if (!g_ptr_array_find_with_equal_func (rows, row, g_str_equal, NULL))
                fail_msg ("%s lacks under %s: %s", path, elements[i], row);
        }
        if (n_own != rows->len)
            fail_msg ("%s has %u properties of %s, the element %u", path, rows->len, elements[i],
                      n_own);
        gst_object_unref (element);
    }
}

static void
test_metadata (void **state)
{
    static const char *keys[] = { GST_ELEMENT_METADATA_LONGNAME, GST_ELEMENT_METADATA_KLASS,
                                  GST_ELEMENT_METADATA_DESCRIPTION, GST_ELEMENT_METADATA_AUTHOR };

    for (guint i = 0; i < G_N_ELEMENTS (elements); i++) {
        GstElement *element = make (elements[i]);
        for (guint k = 0; k < G_N_ELEMENTS (keys); k++)
            assert_non_null (
                gst_element_class_get_metadata (GST_ELEMENT_GET_CLASS (element), keys[k]));
        gst_object_unref (element);
    }
}

static void
add_rows (GString *text, const char *name)
{
    GstElement *element = make (name);
    guint n;
    g_autofree GParamSpec **specs =
        g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);

    for (guint k = 0; k < n; k++) {
        g_autofree char *row = is_own (specs[k]) ? row_of (element, specs[k]) : NULL;
        if (row)
            g_string_append_printf (text, "%s\n", row);
    }
    gst_object_unref (element);
}

static void
print_rows (void)
{
    for (guint i = 0; i < G_N_ELEMENTS (elements); i++) {
        g_autoptr (GString) text = g_string_new (NULL);
        add_rows (text, elements[i]);
        printf ("\n## %s\n\n| Property | Values | Default | Can change | Meaning |\n"
                "|---|---|---|---|---|\n%s",
                elements[i], text->str);
    }
}

/* Puts the rows in place of those of each element's section. */
static gboolean
update_page (const char *path)
{
    g_autofree char *page = NULL;
    g_autoptr (GString) text = g_string_new (NULL);
    const char *element = NULL;

    if (!g_file_get_contents (path, &page, NULL, NULL))
        return FALSE;
    g_auto (GStrv) lines = g_strsplit (page, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        if (g_str_has_prefix (lines[i], "## ")) {
            element = NULL;
            for (guint k = 0; k < G_N_ELEMENTS (elements); k++)
                element = g_str_equal (lines[i] + 3, elements[k]) ? elements[k] : element;
        }
        if (element && g_str_has_prefix (lines[i], "| `"))
            continue;
        g_string_append_printf (text, "%s%s", lines[i], lines[i + 1] ? "\n" : "");
        if (element && g_str_equal (lines[i], "|---|---|---|---|---|"))
            add_rows (text, element);
    }
    return g_file_set_contents (path, text->str, -1, NULL);
}

int
main (int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_properties),
        cmocka_unit_test (test_docs),
        cmocka_unit_test (test_metadata),
    };

    gst_init (&argc, &argv);
    if (argc > 1 && g_str_equal (argv[1], "--rows")) {
        print_rows ();
        return 0;
    }
    if (argc > 2 && g_str_equal (argv[1], "--update"))
        return update_page (argv[2]) ? 0 : 1;
    return cmocka_run_group_tests (tests, NULL, NULL);
}

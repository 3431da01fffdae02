/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Draws data sets to learn from, so that tests need none (names do not end in a number: it would
 * make frames of a video of them):
 *
 * draw shapes FOLDER N   N pictures of bright shapes among thin lines, NAME.png, and NAME.mask.png
 * draw words FOLDER N    N different made-up words, in several fonts, and labels.txt
 * draw tags FOLDER N     pictures with a disc, a cross, a frame, or several of them, and tags.csv
 * draw marks FOLDER N    a folder for each of 12 signs, each with N pictures of it
 */
#include <math.h>
#include <pango/pangocairo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib/gstdio.h>

static GRand *rnd;

static double
between (double low, double high)
{
    return g_rand_double_range (rnd, low, high);
}

static void
save (cairo_surface_t *surface, const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (cairo_surface_write_to_png (surface, path) != CAIRO_STATUS_SUCCESS) {
        fprintf (stderr, "%s can not be written\n", path);
        exit (1);
    }
}

/* A surface of one colour with blotches and noise, as a camera's picture has. */
static cairo_surface_t *
background (int width, int height, double low, double high)
{
    cairo_surface_t *s = cairo_image_surface_create (CAIRO_FORMAT_RGB24, width, height);
    cairo_t *cr = cairo_create (s);

    cairo_set_source_rgb (cr, between (low, high), between (low, high), between (low, high));
    cairo_paint (cr);
    for (int i = 0; i < 4; i++) {
        cairo_set_source_rgba (cr, between (low, high), between (low, high), between (low, high),
                               0.4);
        cairo_arc (cr, between (0, width), between (0, height), between (0.1, 0.5) * height, 0, 7);
        cairo_fill (cr);
    }
    cairo_destroy (cr);
    return s;
}

static void
add_noise (cairo_surface_t *s, int amount)
{
    guint8 *row = cairo_image_surface_get_data (s);
    const int stride = cairo_image_surface_get_stride (s);

    for (int y = 0; y < cairo_image_surface_get_height (s); y++, row += stride)
        for (int i = 0; i < 4 * cairo_image_surface_get_width (s); i++)
            row[i] = (guint8) CLAMP (row[i] + g_rand_int_range (rnd, -amount, amount + 1), 0, 255);
    cairo_surface_mark_dirty (s);
}

/* ---- shapes -------------------------------------------------------------------- */

static void
shape_path (cairo_t *cr, int kind, double x, double y, double size, double turn)
{
    cairo_save (cr);
    cairo_translate (cr, x, y);
    cairo_rotate (cr, turn);
    cairo_scale (cr, size, size * 0.75);
    if (kind == 0) {
        cairo_arc (cr, 0, 0, 1, 0, 2 * G_PI);
    } else if (kind == 1) {
        cairo_rectangle (cr, -0.9, -0.9, 1.8, 1.8);
    } else {
        cairo_move_to (cr, 0, -1.2);
        cairo_line_to (cr, 1.1, 0.9);
        cairo_line_to (cr, -1.1, 0.9);
    }
    cairo_restore (cr);
    cairo_close_path (cr);
}

static void
draw_shapes (const char *folder, int number)
{
    enum { SIZE = 64 };
    cairo_surface_t *s = background (SIZE, SIZE, 0, 0.5);
    cairo_surface_t *m = cairo_image_surface_create (CAIRO_FORMAT_RGB24, SIZE, SIZE);
    cairo_t *cr = cairo_create (s), *mask = cairo_create (m);
    g_autofree char *name = g_strdup_printf ("%04dp.png", number);
    g_autofree char *mask_name = g_strdup_printf ("%04dp.mask.png", number);

    for (int i = g_rand_int_range (rnd, 1, 4); i > 0; i--) {
        const int kind = g_rand_int_range (rnd, 0, 3);
        const double x = between (8, SIZE - 8), y = between (8, SIZE - 8), size = between (5, 16);
        const double turn = between (0, 3);
        shape_path (cr, kind, x, y, size, turn);
        cairo_set_source_rgb (cr, between (0.4, 1), between (0.4, 1), between (0.4, 1));
        cairo_fill (cr);
        shape_path (mask, kind, x, y, size, turn);
        cairo_set_source_rgb (mask, 1, 1, 1);
        cairo_fill (mask);
    }
    cairo_set_line_width (cr, 1.2);
    for (int i = 0; i < 4; i++) { /* thin, and not to be found; they cover what they cross */
        cairo_move_to (cr, between (0, SIZE), between (0, SIZE));
        cairo_line_to (cr, between (0, SIZE), between (0, SIZE));
        cairo_set_source_rgb (cr, between (0.4, 1), between (0.4, 1), between (0.4, 1));
        cairo_stroke (cr);
    }
    add_noise (s, 12);
    save (s, folder, name);
    save (m, folder, mask_name);
    cairo_destroy (cr);
    cairo_destroy (mask);
    cairo_surface_destroy (s);
    cairo_surface_destroy (m);
}

/* ---- words ---------------------------------------------------------------------- */

static char *
make_word (void)
{
    static const char *const parts[] = { "ba", "ke", "li", "mo", "nu", "sa", "te", "ri", "do", "gu",
                                         "an", "el", "is", "or", "um", "pp", "ss", "tt", "ch" };
    GString *word = g_string_new (NULL);

    for (int i = g_rand_int_range (rnd, 2, 4); i > 0; i--)
        g_string_append (word, parts[g_rand_int_range (rnd, 0, G_N_ELEMENTS (parts))]);
    return g_string_free (word, FALSE);
}

static void
draw_word (const char *folder, const char *name, const char *word)
{
    static const char *const fonts[] = { "Sans", "Serif", "Monospace", "Sans Bold",
                                         "Serif Italic" };
    enum { WIDTH = 96, HEIGHT = 32 };
    const gboolean dark = g_rand_boolean (rnd);
    cairo_surface_t *s = background (WIDTH, HEIGHT, dark ? 0.0 : 0.65, dark ? 0.35 : 1.0);
    cairo_t *cr = cairo_create (s);
    PangoLayout *layout = pango_cairo_create_layout (cr);
    g_autofree char *font = g_strdup_printf ("%s %d", fonts[g_rand_int_range (rnd, 0, 5)],
                                             g_rand_int_range (rnd, 13, 17));
    PangoFontDescription *description = pango_font_description_from_string (font);
    int w, h;

    pango_layout_set_font_description (layout, description);
    pango_layout_set_text (layout, word, -1);
    pango_layout_get_pixel_size (layout, &w, &h);
    cairo_translate (cr, WIDTH / 2.0, HEIGHT / 2.0);
    cairo_rotate (cr, between (-0.04, 0.04));
    cairo_scale (cr, MIN (1, (WIDTH - 6.0) / w), MIN (1, (HEIGHT - 2.0) / h));
    cairo_move_to (cr, -w / 2.0 + between (-2, 2), -h / 2.0 + between (-2, 2));
    cairo_set_source_rgb (cr, dark ? 1 : 0, between (0, 0.3) + (dark ? 0.7 : 0), dark ? 1 : 0.1);
    pango_cairo_show_layout (cr, layout);
    add_noise (s, 14);
    save (s, folder, name);
    pango_font_description_free (description);
    g_object_unref (layout);
    cairo_destroy (cr);
    cairo_surface_destroy (s);
}

static void
draw_words (const char *folder, int n)
{
    g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *path = g_build_filename (folder, "labels.txt", NULL);
    g_autoptr (GString) text = g_string_new (NULL);

    for (int i = 0; i < n;) {
        g_autofree char *word = make_word (), *name = g_strdup_printf ("%05dp.png", i);
        if (!g_hash_table_add (seen, g_strdup (word)))
            continue;
        draw_word (folder, name, word);
        g_string_append_printf (text, "%s\t%s\n", name, word);
        i++;
    }
    if (!g_file_set_contents (path, text->str, -1, NULL))
        exit (1);
}

/* ---- tags ------------------------------------------------------------------------ */

static void
draw_tag (cairo_t *cr, int kind)
{
    const double x = between (10, 38), y = between (10, 38), r = between (5, 10);

    cairo_set_line_width (cr, 2.5);
    cairo_set_source_rgb (cr, between (0.5, 1), between (0.5, 1), between (0.5, 1));
    if (kind == 0) {
        cairo_arc (cr, x, y, r * 0.7, 0, 7);
        cairo_fill (cr);
    } else if (kind == 1) {
        cairo_move_to (cr, x - r, y - r);
        cairo_line_to (cr, x + r, y + r);
        cairo_move_to (cr, x + r, y - r);
        cairo_line_to (cr, x - r, y + r);
    } else {
        cairo_rectangle (cr, x - r, y - r, 2 * r, 2 * r);
    }
    cairo_stroke (cr);
}

static void
draw_tags (const char *folder, int n)
{
    static const char *const names[] = { "disc", "cross", "frame" };
    g_autofree char *path = g_build_filename (folder, "tags.csv", NULL);
    g_autoptr (GString) text = g_string_new (NULL);

    for (int i = 0; i < n; i++) {
        cairo_surface_t *s = background (48, 48, 0, 0.4);
        cairo_t *cr = cairo_create (s);
        g_autofree char *name = g_strdup_printf ("%04dp.png", i);
        const char *between_names = ",";
        g_string_append (text, name);
        for (int k = 0; k < 3; k++) {
            if (g_rand_boolean (rnd))
                continue;
            draw_tag (cr, k);
            g_string_append_printf (text, "%s%s", between_names, names[k]);
            between_names = ";";
        }
        g_string_append (text, *between_names == ',' ? ",\n" : "\n");
        add_noise (s, 10);
        save (s, folder, name);
        cairo_destroy (cr);
        cairo_surface_destroy (s);
    }
    if (!g_file_set_contents (path, text->str, -1, NULL))
        exit (1);
}

/* ---- marks ------------------------------------------------------------------------ */

static void
draw_mark (const char *folder, int kind, int number)
{
    cairo_surface_t *s = background (32, 32, 0, 0.35);
    cairo_t *cr = cairo_create (s);
    g_autofree char *name = g_strdup_printf ("%04dp.png", number);
    const int points = 3 + kind / 3, step = 1 + kind % 3; /* a star polygon, filled or not */
    const double r = between (9, 13), turn = between (-0.15, 0.15);

    cairo_translate (cr, 16 + between (-2, 2), 16 + between (-2, 2));
    for (int i = 0; i < points * step; i++) {
        const double a = turn + i * 2 * G_PI / points, q = r * (i % step ? 0.45 : 1);
        cairo_line_to (cr, q * cos (a), q * sin (a));
    }
    cairo_close_path (cr);
    cairo_set_source_rgb (cr, between (0.6, 1), between (0.6, 1), between (0.6, 1));
    cairo_set_line_width (cr, 2);
    if (kind % 2)
        cairo_fill (cr);
    else
        cairo_stroke (cr);
    add_noise (s, 10);
    save (s, folder, name);
    cairo_destroy (cr);
    cairo_surface_destroy (s);
}

static void
draw_marks (const char *folder, int n)
{
    for (int kind = 0; kind < 12; kind++) {
        g_autofree char *name = g_strdup_printf ("%02d", kind);
        g_autofree char *path = g_build_filename (folder, name, NULL);
        g_mkdir_with_parents (path, 0755);
        for (int i = 0; i < n; i++)
            draw_mark (path, kind, i);
    }
}

int
main (int argc, char **argv)
{
    const int n = argc == 4 ? atoi (argv[3]) : 0;

    if (n < 1)
        return 2;
    rnd = g_rand_new_with_seed (11);
    g_mkdir_with_parents (argv[2], 0755);
    if (g_str_equal (argv[1], "shapes"))
        for (int i = 0; i < n; i++)
            draw_shapes (argv[2], i);
    else if (g_str_equal (argv[1], "words"))
        draw_words (argv[2], n);
    else if (g_str_equal (argv[1], "tags"))
        draw_tags (argv[2], n);
    else if (g_str_equal (argv[1], "marks"))
        draw_marks (argv[2], n);
    else
        return 2;
    g_rand_free (rnd);
    return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "train-curve.h"

#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

#include <fovea/file.h>

enum {
    WIDTH = 960,
    PLOT = 200,
    LEFT = 84,
    RIGHT = 150,
    TOP = 58,
    BOTTOM = 56,
    GAP = 52,
    TICKS = 5
};

/* Okabe and Ito's colours, which most eyes can tell apart. */
static const double colours[][3] = {
    { 0, 0, 0 }, { 0, 0.45, 0.7 }, { 0.84, 0.37, 0 }, { 0, 0.62, 0.45 }, { 0.8, 0.47, 0.65 }
};

typedef struct {
    char **names;
    double *values; /* [n_rows, n_columns] */
    guint n_rows, n_columns;
} Table;

/* Columns that share an axis. */
typedef struct {
    const char *title;
    guint first, n;
    const TrainFigure *figures; /* of the columns, or NULL */
    double low, high, step;
} Panel;

typedef struct {
    double low, high, step; /* epochs */
    double top;             /* of the panel */
} Place;

/* ---- the table ------------------------------------------------------------------- */

static void
table_clear (Table *t)
{
    g_strfreev (t->names);
    g_free (t->values);
}

static void
table_read (Table *t, const char *csv)
{
    g_auto (GStrv) lines = g_strsplit (csv, "\n", -1);
    guint n = 0;

    while (lines[n] && *lines[n])
        n++;
    t->names = g_strsplit (n ? lines[0] : "", ",", -1);
    t->n_columns = g_strv_length (t->names);
    t->n_rows = n ? n - 1 : 0;
    t->values = g_new (double, (gsize) t->n_rows * t->n_columns + 1);
    for (guint row = 0; row < t->n_rows; row++) {
        g_auto (GStrv) cells = g_strsplit (lines[row + 1], ",", -1);
        for (guint i = 0, end = g_strv_length (cells); i < t->n_columns; i++)
            t->values[row * t->n_columns + i] =
                i < end ? g_ascii_strtod (cells[i], NULL) : (double) NAN;
    }
}

static guint
table_find (const Table *t, const char *name)
{
    guint i = 0;

    while (i < t->n_columns && !g_str_equal (t->names[i], name))
        i++;
    return i;
}

/* As it is drawn: shares in percent, NAN where there is none. */
static double
value (const Table *t, const Panel *p, guint row, guint i)
{
    const double v = t->values[row * t->n_columns + p->first + i];

    if (!p->figures || !p->figures[i].share)
        return v;
    return v < 0 ? (double) NAN : 100 * v;
}

/* ---- axes -------------------------------------------------------------------------- */

/* 1, 2 or 5 times a power of ten, of which not many more than most fit. */
static double
tick_step (double span, int most)
{
    const double least = span / most, power = pow (10, floor (log10 (least)));
    const double steps[] = { 1, 2, 5 };

    for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
        if (steps[i] * power >= least * 0.999)
            return steps[i] * power;
    return 10 * power;
}

/* FALSE: no value to be drawn. */
static gboolean
panel_range (Panel *p, const Table *t)
{
    double low = INFINITY, high = -INFINITY;

    for (guint row = 0; row < t->n_rows; row++)
        for (guint i = 0; i < p->n; i++) {
            const double v = value (t, p, row, i);
            low = isfinite (v) ? fmin (low, v) : low;
            high = isfinite (v) ? fmax (high, v) : high;
        }
    if (high < low)
        return FALSE;
    if (low >= 0 && low < 0.6 * high)
        low = 0;
    if (high <= low) { /* one point stands in the middle */
        low = fmin (0, 2 * high);
        high = fmax (high > 0 ? 2 * high : 0, low + 1e-9);
        if (p->figures)
            high = fmin (fmax (high, 1), 100);
    }
    p->step = tick_step (high - low, TICKS);
    p->low = floor (low / p->step + 1e-6) * p->step;
    p->high = ceil (high / p->step - 1e-6) * p->step;
    return TRUE;
}

static double
at_x (const Place *place, double epoch)
{
    return LEFT + (epoch - place->low) / (place->high - place->low) * (WIDTH - LEFT - RIGHT);
}

static double
at_y (const Place *place, const Panel *p, double v)
{
    return place->top + (p->high - v) / (p->high - p->low) * PLOT;
}

/* ---- drawing ------------------------------------------------------------------------- */

/* x is the text's left edge, middle or right edge for align 0, 0.5, 1; y its middle. */
static void
write_text (cairo_t *cr, const char *text, const char *font, double x, double y, double align)
{
    PangoLayout *layout = pango_cairo_create_layout (cr);
    PangoFontDescription *description = pango_font_description_from_string (font);
    int width, height;

    pango_layout_set_font_description (layout, description);
    pango_layout_set_text (layout, text, -1);
    pango_layout_get_pixel_size (layout, &width, &height);
    cairo_set_source_rgb (cr, 0.15, 0.15, 0.15);
    cairo_move_to (cr, x - align * width, y - height / 2.0);
    pango_cairo_show_layout (cr, layout);
    pango_font_description_free (description);
    g_object_unref (layout);
}

static void
write_number (cairo_t *cr, double v, double step, double x, double y, double align)
{
    const gboolean zero = fabs (v) < step / 1000;
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    g_ascii_formatd (text, sizeof text, step < 1e-4 && !zero ? "%.1e" : "%.4g", zero ? 0 : v);
    write_text (cr, text, "Sans 9", x, y, align);
}

static void
draw_line (cairo_t *cr, double x1, double y1, double x2, double y2, double grey)
{
    cairo_set_line_width (cr, 1);
    cairo_set_source_rgb (cr, grey, grey, grey);
    cairo_move_to (cr, floor (x1) + 0.5, floor (y1) + 0.5);
    cairo_line_to (cr, floor (x2) + 0.5, floor (y2) + 0.5);
    cairo_stroke (cr);
}

static void
draw_axes (cairo_t *cr, const Panel *p, const Place *place)
{
    const double right = WIDTH - RIGHT, bottom = place->top + PLOT;

    for (int i = 0; p->low + i * p->step <= p->high + p->step / 2; i++) {
        const double v = p->low + i * p->step, y = at_y (place, p, v);
        draw_line (cr, LEFT, y, right, y, 0.9);
        write_number (cr, v, p->step, LEFT - 8, y, 1);
    }
    for (double v = ceil (place->low / place->step) * place->step; v <= place->high;
         v += place->step) {
        draw_line (cr, at_x (place, v), bottom, at_x (place, v), bottom + 4, 0.4);
        write_number (cr, v, place->step, at_x (place, v), bottom + 13, 0.5);
    }
    draw_line (cr, LEFT, place->top, LEFT, bottom, 0.4);
    draw_line (cr, LEFT, bottom, right, bottom, 0.4);
    write_text (cr, p->title, "Sans Bold 10", LEFT, place->top - 13, 0);
}

static void
draw_series (cairo_t *cr, const Table *t, const Panel *p, const Place *place, guint i)
{
    const double *colour = colours[i % G_N_ELEMENTS (colours)];
    gboolean pen = FALSE;

    cairo_set_source_rgb (cr, colour[0], colour[1], colour[2]);
    cairo_set_line_width (cr, i ? 1.5 : 2);
    for (guint row = 0; row < t->n_rows; row++) {
        const double v = value (t, p, row, i), x = at_x (place, t->values[row * t->n_columns]);
        if (isfinite (v) && pen)
            cairo_line_to (cr, x, at_y (place, p, v));
        else if (isfinite (v))
            cairo_move_to (cr, x, at_y (place, p, v));
        pen = isfinite (v);
    }
    cairo_stroke (cr);
    for (guint row = 0; row < t->n_rows && t->n_rows <= 60; row++) {
        const double v = value (t, p, row, i), x = at_x (place, t->values[row * t->n_columns]);
        if (!isfinite (v))
            continue;
        cairo_arc (cr, x, at_y (place, p, v), 3, 0, 2 * G_PI);
        cairo_fill (cr);
    }
}

/* Beside the plot: a name, and the last value, which a picture alone gives badly. */
static void
draw_legend (cairo_t *cr, const Table *t, const Panel *p, const Place *place, guint i)
{
    const double *colour = colours[i % G_N_ELEMENTS (colours)];
    const double x = WIDTH - RIGHT + 14, y = place->top + 10 + 34 * i;
    const double v = t->n_rows ? value (t, p, t->n_rows - 1, i) : (double) NAN;
    g_autofree char *name =
        g_strdelimit (g_strdup (p->figures ? p->figures[i].name : t->names[p->first + i]), "_",
                      ' ');
    g_autofree char *last = NULL;
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    cairo_set_source_rgb (cr, colour[0], colour[1], colour[2]);
    cairo_rectangle (cr, x, y - 2, 18, 4);
    cairo_fill (cr);
    write_text (cr, p->n > 1 && !p->figures && i == 0 ? "all" : name, "Sans 9", x + 26, y, 0);
    g_ascii_formatd (number, sizeof number, "%.4g", v);
    last = g_strconcat (isfinite (v) ? number : "none", p->figures ? " %" : NULL, NULL);
    write_text (cr, last, "Sans 9", x + 26, y + 15, 0);
}

static void
draw_panel (cairo_t *cr, const Table *t, const Panel *p, const Place *place)
{
    draw_axes (cr, p, place);
    for (guint i = p->n; i-- > 0;) /* the first above the others */
        draw_series (cr, t, p, place, i);
    for (guint i = 0; i < p->n; i++)
        draw_legend (cr, t, p, place, i);
}

/* ---- the file ---------------------------------------------------------------------------- */

static cairo_status_t
append (void *data, const unsigned char *bytes, unsigned int length)
{
    g_byte_array_append (data, bytes, length);
    return CAIRO_STATUS_SUCCESS;
}

static gboolean
write_png (cairo_surface_t *surface, const char *path, GError **error)
{
    g_autoptr (GByteArray) bytes = g_byte_array_new ();
    const cairo_status_t status = cairo_surface_write_to_png_stream (surface, append, bytes);

    if (status == CAIRO_STATUS_SUCCESS)
        return fov_file_write (path, bytes->data, bytes->len, error);
    g_set_error (error, FOV_ERROR, FOV_ERROR_FAILED, "%s: %s", path,
                 cairo_status_to_string (status));
    return FALSE;
}

/* Panels with something to show; returns how many. */
static guint
choose_panels (const Table *t, const TrainFigure *figures, guint n_figures, Panel panels[3])
{
    const guint loss = table_find (t, "loss"), rate = table_find (t, "learning_rate");
    const Panel all[] = {
        { .title = "loss (mean of the epoch)", .first = loss, .n = rate - loss },
        { .title = "on pictures kept apart (%)",
          .first = rate + 1,
          .n = n_figures,
          .figures = figures },
        { .title = "learning rate (a step's factor)", .first = rate, .n = 1 },
    };
    guint n = 0;

    for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
        panels[n] = all[i];
        n += all[i].first + all[i].n <= t->n_columns && panel_range (&panels[n], t);
    }
    return n;
}

static Place
find_place (const Table *t)
{
    const double first = t->n_rows ? t->values[0] : 0;
    const double last = t->n_rows ? t->values[(t->n_rows - 1) * t->n_columns] : 1;
    const double pad = last > first ? 0.02 * (last - first) : 0.5;

    return (Place){ first - pad, last + pad, fmax (tick_step (last - first + pad, 10), 1), TOP };
}

gboolean
train_curve_draw (const char *csv, const char *title, const TrainFigure *figures, guint n_figures,
                  const char *path, GError **error)
{
    cairo_surface_t *surface;
    Panel panels[3];
    cairo_t *cr;
    Place place;
    Table t;
    guint n;
    gboolean ok;

    table_read (&t, csv);
    place = find_place (&t);
    n = choose_panels (&t, figures, n_figures, panels);
    surface = cairo_image_surface_create (CAIRO_FORMAT_RGB24, WIDTH,
                                          TOP + (int) n * (PLOT + GAP) - GAP + BOTTOM);
    cr = cairo_create (surface);
    cairo_set_source_rgb (cr, 1, 1, 1);
    cairo_paint (cr);
    write_text (cr, title, "Sans Bold 12", WIDTH / 2.0, 20, 0.5);
    for (guint i = 0; i < n; i++, place.top += PLOT + GAP)
        draw_panel (cr, &t, &panels[i], &place);
    write_text (cr, "epoch", "Sans 10", (LEFT + WIDTH - RIGHT) / 2.0, place.top - GAP + 34, 0.5);
    ok = write_png (surface, path, error);
    cairo_destroy (cr);
    cairo_surface_destroy (surface);
    table_clear (&t);
    return ok;
}

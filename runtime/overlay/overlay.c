/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "overlay/overlay-private.h"

#include <math.h>

/* Far enough outside any picture that a cut box shows no false edge. */
#define FAR 100000.0f
#define MAX_PARTS 3
#define SHADE 70                          /* opacity of the dark rim around lines, of 255 */
#define LIGHT 200                         /* opacity of id and score beside the name */
#define FAINT 120                         /* opacity of what a faint item shows */
#define STEP G_GINT64_CONSTANT (40000000) /* ns between pictures whose time is not known */

struct _FovOverlay {
    FovOverlayParams params; /* font: owned, in font_family */
    char *font_family;
    FovTextCache *texts;
    FovCanvas canvas;
    FovTrails *trails;
    GArray *chips; /* FovRect */
    float line;    /* of the current picture, pixels */
    gint64 now;    /* of the current picture, ns */
    gboolean timed;
};

/* What a chip says, and how large it is. */
typedef struct {
    const FovText *part[MAX_PARTS];
    int n_parts;
    int gap, pad_x, pad_y, ascent;
    int w, h;
} Chip;

static void
take_params (FovOverlay *overlay, const FovOverlayParams *params)
{
    static const FovOverlayParams defaults = { 0 };
    overlay->params = params ? *params : defaults;
    g_free (overlay->font_family);
    overlay->font_family = g_strdup (overlay->params.font ? overlay->params.font : "Sans");
    overlay->params.font = overlay->font_family;
}

FovOverlay *
fov_overlay_new (const FovOverlayParams *params)
{
    FovOverlay *overlay = g_new0 (FovOverlay, 1);
    overlay->texts = fov_text_cache_new ();
    overlay->trails = fov_trails_new ();
    overlay->chips = g_array_new (FALSE, FALSE, sizeof (FovRect));
    take_params (overlay, params);
    return overlay;
}

void
fov_overlay_free (FovOverlay *overlay)
{
    if (!overlay)
        return;
    fov_text_cache_free (overlay->texts);
    fov_trails_free (overlay->trails);
    fov_canvas_clear (&overlay->canvas);
    g_array_unref (overlay->chips);
    g_free (overlay->font_family);
    g_free (overlay);
}

void
fov_overlay_set_params (FovOverlay *overlay, const FovOverlayParams *params)
{
    take_params (overlay, params);
}

const FovRect *
fov_overlay_chips (const FovOverlay *overlay, guint *n)
{
    *n = overlay->chips->len;
    return (const FovRect *) (void *) overlay->chips->data;
}

void
fov_overlay_set_time (FovOverlay *overlay, gint64 time)
{
    time = CLAMP (time, -G_MAXINT64 / 4, G_MAXINT64 / 4); /* differences can not overflow */
    if (time < overlay->now)
        fov_trails_clear (overlay->trails);
    overlay->now = time;
    overlay->timed = TRUE;
}

void
fov_overlay_forget (FovOverlay *overlay)
{
    fov_trails_clear (overlay->trails);
}

const FovTrails *
fov_overlay_trails (const FovOverlay *overlay)
{
    return overlay->trails;
}

const FovTextCache *
fov_overlay_texts (const FovOverlay *overlay)
{
    return overlay->texts;
}

static float
choose (float wanted, float by_height, float least, float most)
{
    if (isfinite (wanted) && wanted > 0)
        return CLAMP (wanted, 1.0f, most);
    return MAX (by_height, least);
}

static void
begin (FovOverlay *overlay, FovImage *image)
{
    float height = (float) image->height;
    const FovOverlayParams *params = &overlay->params;
    float font = choose (params->font_size, height / 40, 11, 400);

    overlay->line = choose (params->line_width, height / 270, 1.5f, 400);
    fov_canvas_begin (&overlay->canvas, image);
    fov_text_cache_set_font (overlay->texts, overlay->font_family, font,
                             MAX (image->width - (int) font, 1));
    g_array_set_size (overlay->chips, 0);
    if (!overlay->timed && overlay->now < G_MAXINT64 / 4)
        overlay->now += STEP;
    overlay->timed = FALSE;
}

/* Edges on whole pixels, so that lines are equally sharp on all four sides. */
static gboolean
outline_of (const FovOverlay *overlay, FovBox b, FovStroke *stroke)
{
    const FovImage *image = overlay->canvas.image;
    float half = overlay->line * 0.5f;

    if (!isfinite (b.x1) || !isfinite (b.y1) || !isfinite (b.x2) || !isfinite (b.y2) ||
        b.x2 < b.x1 || b.y2 < b.y1)
        return FALSE;
    if (b.x1 >= (float) image->width || b.y1 >= (float) image->height || b.x2 <= 0 || b.y2 <= 0)
        return FALSE;
    float x1 = roundf (MAX (b.x1, -FAR) - half), x2 = roundf (MIN (b.x2, FAR) + half);
    float y1 = roundf (MAX (b.y1, -FAR) - half), y2 = roundf (MIN (b.y2, FAR) + half);
    *stroke = (FovStroke){ .cx = (x1 + x2) * 0.5f,
                           .cy = (y1 + y2) * 0.5f,
                           .hx = MAX ((x2 - x1) * 0.5f - half, 0),
                           .hy = MAX ((y2 - y1) * 0.5f - half, 0),
                           .half_width = half };
    stroke->radius = MIN (overlay->line * 2.0f, MIN (stroke->hx, stroke->hy) * 0.5f);
    return TRUE;
}

/* A whole number of dashes on each side. */
static float
dash_period (float side, float line)
{
    return side / MAX (roundf (side / (line * 7.0f)), 1.0f);
}

static void
draw_outline (FovOverlay *overlay, const FovOverlayItem *item, FovStroke stroke,
              const guint8 rgb[3])
{
    static const guint8 black[3] = { 0, 0, 0 };
    FovCanvas *canvas = &overlay->canvas;
    FovInk shade = fov_canvas_ink (canvas, black), ink = fov_canvas_ink (canvas, rgb);
    FovStroke rim = stroke;

    if (item->dashed) {
        stroke.dash_x = dash_period (MAX (stroke.hx, 1) * 2, overlay->line);
        stroke.dash_y = dash_period (MAX (stroke.hy, 1) * 2, overlay->line);
        rim.dash_x = stroke.dash_x;
        rim.dash_y = stroke.dash_y;
    }
    rim.half_width += MAX (overlay->line * 0.25f, 0.75f);
    fov_stroke_draw (canvas, &rim, &shade, item->faint ? SHADE / 2 : SHADE);
    fov_stroke_draw (canvas, &stroke, &ink, item->faint ? FAINT : 255);
}

static void
add_part (FovOverlay *overlay, Chip *chip, const char *text)
{
    const FovText *part = fov_text_cache_get (overlay->texts, text);
    int w = chip->w + part->advance + (chip->n_parts > 0 ? chip->gap : 0);
    if (chip->n_parts > 0 && w > overlay->canvas.image->width)
        return;
    chip->part[chip->n_parts++] = part;
    chip->w = w;
}

static gboolean
compose (FovOverlay *overlay, const FovOverlayItem *item, Chip *chip)
{
    char text[32];
    int ascent, descent;

    fov_text_cache_metrics (overlay->texts, &ascent, &descent);
    int em = ascent + descent;
    *chip = (Chip){
        .gap = MAX (em / 4, 2), .pad_x = MAX (em * 3 / 10, 2), .pad_y = em / 10, .ascent = ascent
    };
    chip->w = 2 * chip->pad_x;
    chip->h = em + 2 * chip->pad_y;
    if (item->label && *item->label)
        add_part (overlay, chip, item->label);
    if (item->id >= 0) {
        g_snprintf (text, sizeof text, "#%" G_GINT64_FORMAT, item->id);
        add_part (overlay, chip, text);
    }
    if (item->score >= 0 && !overlay->params.hide_scores) {
        g_snprintf (text, sizeof text, "%.0f%%", (double) MIN (item->score, 1.0f) * 100);
        add_part (overlay, chip, text);
    }
    return chip->n_parts > 0;
}

static double
linear (guint8 v)
{
    double c = v / 255.0;
    return c <= 0.04045 ? c / 12.92 : pow ((c + 0.055) / 1.055, 2.4);
}

/* White where it reads well: WCAG 2 asks 3:1 of large or bold text. */
static const guint8 *
text_color (const guint8 rgb[3])
{
    static const guint8 dark[3] = { 16, 18, 22 }, light[3] = { 255, 255, 255 };
    double y = 0.2126 * linear (rgb[0]) + 0.7152 * linear (rgb[1]) + 0.0722 * linear (rgb[2]);
    return 1.05 / (y + 0.05) >= 3.0 ? light : dark;
}

static void
draw_chip (FovOverlay *overlay, const Chip *chip, const FovStroke *stroke, const guint8 rgb[3],
           gboolean faint)
{
    FovCanvas *canvas = &overlay->canvas;
    float half = stroke->half_width, radius = MIN (overlay->line * 2.0f, (float) chip->h * 0.3f);
    FovRect outer = { (int) floorf (stroke->cx - stroke->hx - half),
                      (int) floorf (stroke->cy - stroke->hy - half),
                      (int) ceilf (stroke->cx + stroke->hx + half),
                      (int) ceilf (stroke->cy + stroke->hy + half) };
    FovFill fill = { .radius = { radius, radius, radius, radius } };
    gboolean attached;

    fill.rect =
        fov_place_chip (outer, (int) ceilf (overlay->line), chip->w, chip->h, canvas->image->width,
                        canvas->image->height, (const FovRect *) (void *) overlay->chips->data,
                        overlay->chips->len, &attached);
    g_array_append_val (overlay->chips, fill.rect);
    if (attached)
        fill.radius[3] = 0;
    FovInk ink = fov_canvas_ink (canvas, rgb), letters = fov_canvas_ink (canvas, text_color (rgb));
    fov_fill_draw (canvas, &fill, &ink, faint ? FAINT : 255);

    int pen = fill.rect.x1 + chip->pad_x, baseline = fill.rect.y1 + chip->pad_y + chip->ascent;
    for (int i = 0; i < chip->n_parts; i++) {
        const FovText *t = chip->part[i];
        FovMask mask = { t->alpha, t->stride, pen + t->dx, baseline + t->dy, t->w, t->h };
        fov_mask_draw (canvas, &mask, &letters, i == 0 ? 255 : LIGHT);
        pen += t->advance + chip->gap;
    }
}

static void
color_of (const FovOverlay *overlay, const FovOverlayItem *item, guint8 rgb[3])
{
    gboolean by_id = overlay->params.color != FOV_OVERLAY_COLOR_CLASS && item->id >= 0;
    fov_overlay_palette (by_id ? (guint) item->id : (guint) MAX (item->class_id, 0), rgb);
}

static void
draw_trails (FovOverlay *overlay, const FovOverlayItem *items, guint n)
{
    const FovImage *image = overlay->canvas.image;
    float seconds = overlay->params.trail;
    gint64 length = isfinite (seconds) ? (gint64) (CLAMP (seconds, 0.0f, 3600.0f) * 1e9f) : 0;
    FovStroke stroke;
    guint8 rgb[3];

    if (length == 0) {
        fov_trails_clear (overlay->trails);
        return;
    }
    fov_trails_begin (overlay->trails, image->width, image->height);
    for (guint i = 0; i < n; i++) {
        if (items[i].id < 0 || !outline_of (overlay, items[i].box, &stroke))
            continue;
        FovBox box = items[i].box;
        color_of (overlay, &items[i], rgb);
        fov_trails_add (overlay->trails, items[i].id, rgb,
                        CLAMP (box.x1 / 2 + box.x2 / 2, -FAR, FAR), MIN (box.y2, FAR),
                        items[i].dashed || items[i].faint, overlay->line, overlay->now, length);
    }
    fov_trails_draw (overlay->trails, &overlay->canvas, overlay->line, overlay->now, length);
}

gboolean
fov_overlay_draw (FovOverlay *overlay, FovImage *image, const FovOverlayItem *items, guint n,
                  GError **error)
{
    FovStroke stroke;
    guint8 rgb[3];
    Chip chip;

    if (!fov_image_check (image, error))
        return FALSE;
    begin (overlay, image);
    draw_trails (overlay, items, n);
    for (guint i = 0; i < n; i++)
        if (outline_of (overlay, items[i].box, &stroke)) {
            color_of (overlay, &items[i], rgb);
            draw_outline (overlay, &items[i], stroke, rgb);
        }
    /* All chips after all lines, so that none runs through a text. */
    for (guint i = 0; i < n && !overlay->params.hide_labels; i++)
        if (outline_of (overlay, items[i].box, &stroke) && compose (overlay, &items[i], &chip)) {
            color_of (overlay, &items[i], rgb);
            draw_chip (overlay, &chip, &stroke, rgb, items[i].faint);
        }
    return TRUE;
}

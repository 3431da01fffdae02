/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_OVERLAY_PRIVATE_H
#define FOVEA_OVERLAY_PRIVATE_H

#include <fovea/overlay.h>

/* ---- blend.c: coverage and a colour into any pixel format ---- */

/* A whole-pixel rectangle; right and bottom exclusive. */
typedef struct {
    int x1, y1, x2, y2;
} FovRect;

/* A colour as an image stores it. */
typedef struct {
    guint8 first[3]; /* bytes of a pixel of plane 0 */
    guint8 u, v;
} FovInk;

/* An image to draw on and two rows of coverage to work with. */
typedef struct {
    FovImage *image;
    int step;       /* bytes of a pixel of plane 0 */
    guint8 *row[2]; /* image->width each */
    int capacity;
} FovCanvas;

/*
 * Writes how much of each pixel x1..x2-1 of row y the shape covers, 0..255.
 * Asked for pixels around the shape too.
 */
typedef void (*FovCoverage) (gconstpointer shape, int y, int x1, int x2, guint8 *alpha);

/* Points the canvas at a checked image; allocates only for a wider one than before. */
void fov_canvas_begin (FovCanvas *canvas, FovImage *image);
void fov_canvas_clear (FovCanvas *canvas);

FovInk fov_canvas_ink (const FovCanvas *canvas, const guint8 rgb[3]);

/*
 * Blends ink at opacity (0..255) where shape covers pixels within rect, grown
 * to even bounds so that each chroma sample sees all of its pixels: its alpha
 * is their mean. Rects that must not touch the same pixel twice are to be even.
 */
void fov_canvas_blend (FovCanvas *canvas, FovRect rect, const FovInk *ink, guint8 opacity,
                       FovCoverage coverage, gconstpointer shape);

/* ---- shapes.c: what covers pixels ---- */

/* The line around a rectangle with round corners; sizes in pixels. */
typedef struct {
    float cx, cy;         /* centre */
    float hx, hy;         /* half the size, measured at the middle of the line */
    float radius;         /* of the corners, at the middle of the line */
    float half_width;     /* of the line */
    float dash_x, dash_y; /* length of dash and gap along each side; 0: solid */
} FovStroke;

/* A filled rectangle; corners: top left, top right, bottom right, bottom left. */
typedef struct {
    FovRect rect;
    float radius[4];
} FovFill;

/* An alpha mask with its top left pixel at x, y. */
typedef struct {
    const guint8 *alpha;
    int stride, x, y, w, h;
} FovMask;

void fov_stroke_draw (FovCanvas *canvas, const FovStroke *stroke, const FovInk *ink,
                      guint8 opacity);
void fov_fill_draw (FovCanvas *canvas, const FovFill *fill, const FovInk *ink, guint8 opacity);
void fov_mask_draw (FovCanvas *canvas, const FovMask *mask, const FovInk *ink, guint8 opacity);

/* Only what of the mask lies in part. */
void fov_mask_draw_part (FovCanvas *canvas, const FovMask *mask, FovRect part, const FovInk *ink);

/* ---- trail.c: where objects came from ---- */

typedef struct _FovTrails FovTrails;

FovTrails *fov_trails_new (void);
void fov_trails_free (FovTrails *trails);
void fov_trails_clear (FovTrails *trails);
guint fov_trails_count (const FovTrails *trails);

/* For a picture of this size; another one than before forgets all. */
void fov_trails_begin (FovTrails *trails, int width, int height);

/*
 * The object id is at x, y (pixels) now; hidden: but is not seen there. Moves of
 * less than step pixels count as none. Times are ns; length: how long a place
 * stays visible.
 */
void fov_trails_add (FovTrails *trails, gint64 id, const guint8 rgb[3], float x, float y,
                     gboolean hidden, float step, gint64 now, gint64 length);

/* Draws all, with line as the width of the newest end in pixels, and forgets the faded ones. */
void fov_trails_draw (FovTrails *trails, FovCanvas *canvas, float line, gint64 now, gint64 length);

/* ---- text.c: text to masks, once per string ---- */

typedef struct _FovTextCache FovTextCache;

/* A rendered string; owned by the cache, valid until FOV_TEXT_MIN_KEPT later lookups. */
typedef struct {
    guint8 *alpha;
    int stride, w, h;
    int dx, dy; /* from the pen's place on the baseline to the mask's top left */
    int advance;
} FovText;

#define FOV_TEXT_MAX_KEPT 512
#define FOV_TEXT_MIN_KEPT 8
#define FOV_TEXT_MAX_BYTES 96

FovTextCache *fov_text_cache_new (void);
void fov_text_cache_free (FovTextCache *cache);

/* Forgets everything where family, size (pixels) or the widest text (pixels) change. */
void fov_text_cache_set_font (FovTextCache *cache, const char *family, float size, int max_width);

/* Ascent and descent of the font, pixels. */
void fov_text_cache_metrics (const FovTextCache *cache, int *ascent, int *descent);

/* The mask of text (any bytes; cut at FOV_TEXT_MAX_BYTES). Allocates on first sight only. */
const FovText *fov_text_cache_get (FovTextCache *cache, const char *text);

/* How many strings are kept, and how many were rendered since the start. */
guint fov_text_cache_count (const FovTextCache *cache);
guint fov_text_cache_rendered (const FovTextCache *cache);

/* ---- place.c: where a label goes ---- */

/*
 * The place for a chip of w x h at the line around a box (outer bounds, line
 * width in pixels): above its top left corner if that is in the frame and
 * free; else the free one of the other corners, inside and outside, and steps
 * away from them; else the one that covers least. Always within the frame
 * where w x h fits. attached is set where the chip sits on the top left corner.
 */
FovRect fov_place_chip (FovRect box, int line, int w, int h, int frame_w, int frame_h,
                        const FovRect *taken, guint n_taken, gboolean *attached);

/* ---- overlay.c ---- */

/* Where the chips of the last picture are; owned by overlay, until the next one. */
const FovRect *fov_overlay_chips (const FovOverlay *overlay, guint *n);
const FovTextCache *fov_overlay_texts (const FovOverlay *overlay);
const FovTrails *fov_overlay_trails (const FovOverlay *overlay);

#endif

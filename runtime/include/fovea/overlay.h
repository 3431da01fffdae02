/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_OVERLAY_H
#define FOVEA_OVERLAY_H

#include <fovea/box.h>
#include <fovea/image.h>

G_BEGIN_DECLS

/**
 * Draws boxes and label chips straight into a picture, in its own pixel
 * format (no detour over RGB). Text is rendered once per label with pango and
 * kept. One object, one thread at a time.
 */
typedef struct _FovOverlay FovOverlay;

typedef enum {
    FOV_OVERLAY_COLOR_AUTO, /**< by id where there is one, else by class */
    FOV_OVERLAY_COLOR_CLASS,
    FOV_OVERLAY_COLOR_ID,
} FovOverlayColor;

/** Zero means the default everywhere. */
typedef struct {
    float line_width; /**< pixels; 0: frame height / 270, at least 1.5 */
    float font_size;  /**< pixels; 0: frame height / 40, at least 11 */
    const char *font; /**< pango family; NULL: "Sans" */
    FovOverlayColor color;
    gboolean hide_labels; /**< no chips at all */
    gboolean hide_scores; /**< name and id only */
    float trail;          /**< seconds that the way of an object with an id stays; 0: no trails */
} FovOverlayParams;

/** One thing to draw. */
typedef struct {
    FovBox box;        /**< pixels of the picture; parts outside are clipped */
    const char *label; /**< UTF-8 or NULL */
    float score;       /**< 0..1; < 0: no score */
    int class_id;      /**< >= 0 */
    gint64 id;         /**< track id; < 0: none */
    gboolean dashed;   /**< e.g. an occluded track: its place is estimated */
    gboolean faint;    /**< e.g. a lost track: box and label are half transparent */
} FovOverlayItem;

FOV_API FovOverlay *fov_overlay_new (const FovOverlayParams *params);
FOV_API void fov_overlay_free (FovOverlay *overlay);

/** Changes the looks from the next picture on. */
FOV_API void fov_overlay_set_params (FovOverlay *overlay, const FovOverlayParams *params);

/**
 * Draws n items. A label is a filled chip in the box's colour, kept inside the
 * picture, moved aside where it would cover another label if there is room.
 * Boxes that are not finite, inverted or wholly outside are skipped. A label
 * shows at most 96 bytes of the name, the id and the score in percent; bytes
 * that are not UTF-8 show as replacement marks. Trails run along the middle of
 * boxes' lower edges, beneath all boxes, fade with time, and stay for a while
 * after their object went; at most 1024 are kept. Allocates only for strings,
 * sizes and more ids than seen before. Fails only on an invalid image.
 */
FOV_API gboolean fov_overlay_draw (FovOverlay *overlay, FovImage *image,
                                   const FovOverlayItem *items, guint n, GError **error);

/**
 * The time of the next picture, ns, by which trails fade. A picture without it
 * counts as 1/25 s after the last one. A time before the last one forgets all
 * trails.
 */
FOV_API void fov_overlay_set_time (FovOverlay *overlay, gint64 time);

/** Forgets all trails, e.g. at a cut or a seek. */
FOV_API void fov_overlay_forget (FovOverlay *overlay);

/** The sRGB colour that the overlay uses for index: hues a golden ratio apart. */
FOV_API void fov_overlay_palette (guint index, guint8 rgb[3]);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovOverlay, fov_overlay_free)

G_END_DECLS

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "overlay/overlay-private.h"

#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

/* Around the text's logical box, for what glyphs show outside of theirs. */
#define MARGIN 1

typedef struct {
    FovText text;
    char key[FOV_TEXT_MAX_BYTES + 1];
    GList link; /* in order of use, the latest first */
} Entry;

struct _FovTextCache {
    PangoFontMap *map;
    PangoContext *context;
    PangoLayout *layout;
    char *family;
    float size;
    int max_width, ascent, descent;
    GHashTable *entries; /* key -> Entry */
    GQueue used;
    guint rendered;
};

static void
entry_free (gpointer data)
{
    Entry *entry = data;
    g_free (entry->text.alpha);
    g_free (entry);
}

FovTextCache *
fov_text_cache_new (void)
{
    FovTextCache *cache = g_new0 (FovTextCache, 1);
    cache->map = pango_cairo_font_map_new ();
    cache->context = pango_font_map_create_context (cache->map);
    cairo_font_options_t *options = cairo_font_options_create ();
    cairo_font_options_set_antialias (options, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style (options, CAIRO_HINT_STYLE_SLIGHT);
    pango_cairo_context_set_font_options (cache->context, options);
    cairo_font_options_destroy (options);
    cache->layout = pango_layout_new (cache->context);
    pango_layout_set_single_paragraph_mode (cache->layout, TRUE);
    pango_layout_set_ellipsize (cache->layout, PANGO_ELLIPSIZE_END);
    cache->entries = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, entry_free);
    g_queue_init (&cache->used);
    return cache;
}

void
fov_text_cache_free (FovTextCache *cache)
{
    if (!cache)
        return;
    g_hash_table_unref (cache->entries);
    g_object_unref (cache->layout);
    g_object_unref (cache->context);
    g_object_unref (cache->map);
    g_free (cache->family);
    g_free (cache);
}

void
fov_text_cache_set_font (FovTextCache *cache, const char *family, float size, int max_width)
{
    if (cache->size == size && cache->max_width == max_width &&
        g_strcmp0 (cache->family, family) == 0)
        return;
    g_queue_init (&cache->used);
    g_hash_table_remove_all (cache->entries);
    g_free (cache->family);
    cache->family = g_strdup (family);
    cache->size = size;
    cache->max_width = max_width;

    PangoFontDescription *font = pango_font_description_new ();
    pango_font_description_set_family (font, family);
    pango_font_description_set_weight (font, PANGO_WEIGHT_SEMIBOLD);
    pango_font_description_set_absolute_size (font, (double) size * PANGO_SCALE);
    pango_layout_set_font_description (cache->layout, font);
    pango_layout_set_width (cache->layout, max_width * PANGO_SCALE);
    PangoFontMetrics *metrics = pango_context_get_metrics (cache->context, font, NULL);
    cache->ascent = (pango_font_metrics_get_ascent (metrics) + PANGO_SCALE - 1) / PANGO_SCALE;
    cache->descent = (pango_font_metrics_get_descent (metrics) + PANGO_SCALE - 1) / PANGO_SCALE;
    pango_font_metrics_unref (metrics);
    pango_font_description_free (font);
}

void
fov_text_cache_metrics (const FovTextCache *cache, int *ascent, int *descent)
{
    *ascent = cache->ascent;
    *descent = cache->descent;
}

/* A surface of cairo's own stride; the mask is copied out of it. */
static void
paint (FovTextCache *cache, FovText *text)
{
    cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_A8, text->w, text->h);
    cairo_t *cr = cairo_create (surface);
    double baseline = (double) pango_layout_get_baseline (cache->layout) / PANGO_SCALE;

    cairo_move_to (cr, MARGIN, cache->ascent + MARGIN - round (baseline));
    pango_cairo_show_layout (cr, cache->layout);
    cairo_surface_flush (surface);
    if (cairo_status (cr) == CAIRO_STATUS_SUCCESS) {
        const guint8 *from = cairo_image_surface_get_data (surface);
        int stride = cairo_image_surface_get_stride (surface);
        for (int y = 0; y < text->h; y++)
            memcpy (text->alpha + (gsize) y * text->stride, from + (gsize) y * stride,
                    (gsize) text->w);
    }
    cairo_destroy (cr);
    cairo_surface_destroy (surface);
}

static void
render (FovTextCache *cache, FovText *text, const char *bytes)
{
    g_autofree char *valid = g_utf8_make_valid (bytes, -1);
    PangoRectangle logical;

    pango_layout_set_text (cache->layout, valid, -1);
    pango_layout_get_pixel_extents (cache->layout, NULL, &logical);
    text->advance = CLAMP (logical.width, 0, cache->max_width);
    text->w = text->advance + 2 * MARGIN;
    text->h = cache->ascent + cache->descent + 2 * MARGIN;
    text->stride = text->w;
    text->dx = -MARGIN;
    text->dy = -cache->ascent - MARGIN;
    text->alpha = g_malloc0 ((gsize) text->stride * (gsize) text->h);
    paint (cache, text);
    cache->rendered++;
}

/* Never splits a character, where the bytes are characters at all. */
static void
cut_key (const char *text, char key[FOV_TEXT_MAX_BYTES + 1])
{
    gsize len = strnlen (text, FOV_TEXT_MAX_BYTES + 1);
    if (len > FOV_TEXT_MAX_BYTES) {
        len = FOV_TEXT_MAX_BYTES;
        for (int i = 0; i < 3 && (text[len] & 0xc0) == 0x80; i++)
            len--;
    }
    memcpy (key, text, len);
    key[len] = 0;
}

const FovText *
fov_text_cache_get (FovTextCache *cache, const char *text)
{
    char key[FOV_TEXT_MAX_BYTES + 1];
    cut_key (text, key);
    Entry *entry = g_hash_table_lookup (cache->entries, key);

    if (entry) {
        g_queue_unlink (&cache->used, &entry->link);
        g_queue_push_head_link (&cache->used, &entry->link);
        return &entry->text;
    }
    if (g_hash_table_size (cache->entries) >= FOV_TEXT_MAX_KEPT) {
        GList *oldest = g_queue_pop_tail_link (&cache->used);
        g_hash_table_remove (cache->entries, ((Entry *) oldest->data)->key);
    }
    entry = g_new0 (Entry, 1);
    memcpy (entry->key, key, sizeof key);
    entry->link.data = entry;
    render (cache, &entry->text, key);
    g_hash_table_insert (cache->entries, entry->key, entry);
    g_queue_push_head_link (&cache->used, &entry->link);
    return &entry->text;
}

guint
fov_text_cache_count (const FovTextCache *cache)
{
    return g_hash_table_size (cache->entries);
}

guint
fov_text_cache_rendered (const FovTextCache *cache)
{
    return cache->rendered;
}

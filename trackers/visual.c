/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/visual.h"

#include <math.h>

#define DEFAULT_TARGETS 64
#define MAX_TARGETS 4096
#define MAX_WIDEN 4.0f
/* Beyond this many pixels a coordinate is no place in any picture. */
#define FAR 1e6f

/* Every visual tracker, by rising name; NULL ends the list. */
static const FovVisualClass *const classes[] = {
    &fov_visual_dcf,
    &fov_visual_siamese,
    NULL,
};

struct _FovVisual {
    const FovVisualClass *class;
    gpointer self;
    guint max_targets;
    guint last_handle;
    GHashTable *targets;     /* handle -> the class's target */
    gpointer *wanted;        /* max_targets: scratch of locate */
    FovVisualQuery *queries; /* max_targets */
};

const char *const *
fov_visual_names (void)
{
    static const char *names[G_N_ELEMENTS (classes)];
    static gsize done;
    if (g_once_init_enter (&done)) {
        for (guint i = 0; classes[i]; i++)
            names[i] = classes[i]->name;
        g_once_init_leave (&done, 1);
    }
    return names;
}

static const FovVisualClass *
find_class (const char *name, GError **error)
{
    for (guint i = 0; name && classes[i]; i++)
        if (g_str_equal (classes[i]->name, name))
            return classes[i];
    g_autofree char *list = g_strjoinv (", ", (char **) fov_visual_names ());
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "visual tracker: \"%s\" is unknown, expected one of: %s", name ? name : "(none)",
                 list);
    return NULL;
}

FovVisual *
fov_visual_new (const char *name, const FovVisualParams *params, GError **error)
{
    FovVisualParams filled = params ? *params : (FovVisualParams){ 0 };
    const FovVisualClass *class = find_class (name, error);
    if (!class)
        return NULL;
    if (filled.max_targets == 0)
        filled.max_targets = DEFAULT_TARGETS;
    if (filled.max_targets > MAX_TARGETS) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "visual tracker: max_targets is %u, expected 1..%d (0: %d)",
                     filled.max_targets, MAX_TARGETS, DEFAULT_TARGETS);
        return NULL;
    }
    gpointer self = class->create (&filled, error);
    if (!self)
        return NULL;
    FovVisual *visual = g_new0 (FovVisual, 1);
    visual->class = class;
    visual->self = self;
    visual->max_targets = filled.max_targets;
    visual->targets = g_hash_table_new (NULL, NULL);
    visual->wanted = g_new0 (gpointer, filled.max_targets);
    visual->queries = g_new0 (FovVisualQuery, filled.max_targets);
    return visual;
}

void
fov_visual_clear (FovVisual *visual)
{
    GHashTableIter iter;
    gpointer target;
    g_hash_table_iter_init (&iter, visual->targets);
    while (g_hash_table_iter_next (&iter, NULL, &target)) {
        visual->class->remove (visual->self, target);
        g_hash_table_iter_remove (&iter);
    }
}

void
fov_visual_free (FovVisual *visual)
{
    if (!visual)
        return;
    fov_visual_clear (visual);
    visual->class->destroy (visual->self);
    g_hash_table_unref (visual->targets);
    g_free (visual->wanted);
    g_free (visual->queries);
    g_free (visual);
}

/* The negations catch what is not a number. */
static gboolean
check_box (const FovImage *image, FovBox box, const char *what, GError **error)
{
    float w = box.x2 - box.x1, h = box.y2 - box.y1;
    gboolean sized = w >= FOV_VISUAL_MIN_SIDE && h >= FOV_VISUAL_MIN_SIDE && fabsf (box.x1) < FAR &&
                     fabsf (box.y1) < FAR && fabsf (box.x2) < FAR && fabsf (box.y2) < FAR;
    float cx = box.x1 + 0.5f * w, cy = box.y1 + 0.5f * h;
    if (sized && cx >= -w && cy >= -h && cx <= (float) image->width + w &&
        cy <= (float) image->height + h)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "visual tracker: %s is %g,%g to %g,%g, expected at least one pixel in width and "
                 "height and a place in or beside the picture of %dx%d",
                 what, box.x1, box.y1, box.x2, box.y2, image->width, image->height);
    return FALSE;
}

static gboolean
check_on_picture (const FovImage *image, FovBox box, const char *what, GError **error)
{
    if (!check_box (image, box, what, error))
        return FALSE;
    if (fov_box_area (fov_box_clip (box, (float) image->width, (float) image->height)) > 0.0f)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "visual tracker: %s is %g,%g to %g,%g, expected a part of the picture of %dx%d",
                 what, box.x1, box.y1, box.x2, box.y2, image->width, image->height);
    return FALSE;
}

static gpointer
find_target (FovVisual *visual, guint handle, GError **error)
{
    gpointer target = g_hash_table_lookup (visual->targets, GUINT_TO_POINTER (handle));
    if (!target)
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "visual tracker: there is no target %u, expected one that fov_visual_add gave",
                     handle);
    return target;
}

float
fov_visual_clear_psr (const FovVisual *visual)
{
    return visual->class->clear;
}

guint
fov_visual_most (const FovVisual *visual)
{
    return visual->max_targets;
}

guint
fov_visual_add (FovVisual *visual, const FovImage *image, FovBox box, GError **error)
{
    if (!fov_image_check (image, error) || !check_on_picture (image, box, "a new target", error))
        return 0;
    gpointer target = visual->class->add (visual->self, image, box, error);
    if (!target)
        return 0;
    do
        visual->last_handle++;
    while (visual->last_handle == 0 ||
           g_hash_table_contains (visual->targets, GUINT_TO_POINTER (visual->last_handle)));
    g_hash_table_insert (visual->targets, GUINT_TO_POINTER (visual->last_handle), target);
    return visual->last_handle;
}

void
fov_visual_remove (FovVisual *visual, guint handle)
{
    gpointer target = g_hash_table_lookup (visual->targets, GUINT_TO_POINTER (handle));
    if (!target)
        return;
    g_hash_table_remove (visual->targets, GUINT_TO_POINTER (handle));
    visual->class->remove (visual->self, target);
}

static gboolean
check_query (const FovImage *image, FovVisualQuery *query, GError **error)
{
    if (query->widen == 0.0f)
        query->widen = 1.0f;
    if (!(query->widen >= 1.0f && query->widen <= MAX_WIDEN)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "visual tracker: widen of target %u is %g, expected 1..%g (0: 1)",
                     query->target, query->widen, MAX_WIDEN);
        return FALSE;
    }
    return check_box (image, query->expected, "an expected box", error);
}

gboolean
fov_visual_locate (FovVisual *visual, const FovImage *image, const FovVisualQuery *queries, guint n,
                   FovVisualFound *found, GError **error)
{
    if (!fov_image_check (image, error))
        return FALSE;
    if (n > visual->max_targets) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "visual tracker: %u targets in one call, expected at most max_targets = %u", n,
                     visual->max_targets);
        return FALSE;
    }
    for (guint i = 0; i < n; i++) {
        visual->queries[i] = queries[i];
        found[i] = (FovVisualFound){ 0 };
        if (!check_query (image, &visual->queries[i], error))
            return FALSE;
        visual->wanted[i] = find_target (visual, queries[i].target, error);
        if (!visual->wanted[i])
            return FALSE;
    }
    return n == 0 || visual->class->locate (visual->self, image, visual->wanted, visual->queries, n,
                                            found, error);
}

gboolean
fov_visual_learn (FovVisual *visual, const FovImage *image, guint handle, FovBox box,
                  GError **error)
{
    if (!fov_image_check (image, error) || !check_on_picture (image, box, "a learned box", error))
        return FALSE;
    gpointer target = find_target (visual, handle, error);
    return target && visual->class->learn (visual->self, image, target, box, error);
}

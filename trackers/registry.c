/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/tracker-private.h"

#include <string.h>

static const FovTrackerClass *const classes[] = {
    &fov_tracker_fovea,     &fov_tracker_sort,   &fov_tracker_iou,
    &fov_tracker_bytetrack, &fov_tracker_ocsort, &fov_tracker_botsort,
};

/* A tracker's default under a preset, where it differs from the general one. */
static const struct {
    const char *preset, *tracker, *property;
    double value;
} overrides[] = {
    /* Detectors are wrong for longer about people who cover each other. */
    { "crowd", "fovea", "noise", 2 },
    { "crowd", "fovea", "match-low", 0.4 },
    /* Cars are rarely mistaken for something else, brake and turn. */
    { "traffic", "fovea", "high-score", 0.5 },
    { "traffic", "fovea", "turns", 1 },
    { "static-camera", "botsort", "camera-motion", 0 },
    { "static-camera", "fovea", "camera-motion", 0 },
};

static const char *const presets[] = { "crowd", "traffic", "static-camera", NULL };

const char *const *
fov_tracker_names (void)
{
    static const char *names[G_N_ELEMENTS (classes) + 1];
    static gsize once;

    if (g_once_init_enter (&once)) {
        for (guint i = 0; i < G_N_ELEMENTS (classes); i++)
            names[i] = classes[i]->name;
        g_once_init_leave (&once, 1);
    }
    return names;
}

const char *const *
fov_tracker_presets (void)
{
    return presets;
}

const FovTrackerClass *
fov_tracker_class (const char *name, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS (classes); i++)
        if (g_str_equal (classes[i]->name, name ? name : classes[0]->name))
            return classes[i];
    g_autofree char *list = g_strjoinv (", ", (char **) fov_tracker_names ());
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "no tracker is called \"%s\"; there are: %s",
                 name, list);
    return NULL;
}

const char *
fov_tracker_describe (const char *name)
{
    const FovTrackerClass *klass = name ? fov_tracker_class (name, NULL) : NULL;

    return klass ? klass->describe : NULL;
}

FovTrackerUses
fov_tracker_uses (const char *name)
{
    const FovTrackerClass *klass = fov_tracker_class (name, NULL);

    return klass ? klass->uses : 0;
}

static void
override (const FovTrackerClass *klass, const char *preset, double *set)
{
    for (guint i = 0; i < G_N_ELEMENTS (overrides); i++) {
        if (!g_str_equal (overrides[i].preset, preset) ||
            !g_str_equal (overrides[i].tracker, klass->name))
            continue;
        for (guint p = 0; p < klass->n_properties; p++)
            if (g_str_equal (klass->properties[p].name, overrides[i].property))
                set[p] = overrides[i].value;
    }
}

gboolean
fov_tracker_defaults (const FovTrackerClass *klass, const char *preset, double *set, GError **error)
{
    if (preset && !g_strv_contains (presets, preset)) {
        g_autofree char *list = g_strjoinv (", ", (char **) presets);
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "no tracker preset is called \"%s\"; there are: %s", preset, list);
        return FALSE;
    }
    for (guint p = 0; p < klass->n_properties; p++)
        set[p] = klass->properties[p].value;
    if (preset)
        override (klass, preset, set);
    return TRUE;
}

GArray *
fov_tracker_properties (const char *name, const char *preset, GError **error)
{
    const FovTrackerClass *klass = fov_tracker_class (name, error);
    g_autofree double *set = NULL;

    if (!klass)
        return NULL;
    set = g_new0 (double, klass->n_properties + 1);
    if (!fov_tracker_defaults (klass, preset, set, error))
        return NULL;
    GArray *list = g_array_new (FALSE, FALSE, sizeof (FovTrackerProperty));
    g_array_append_vals (list, klass->properties, klass->n_properties);
    for (guint p = 0; p < klass->n_properties; p++)
        g_array_index (list, FovTrackerProperty, p).value = set[p];
    return list;
}

static const char *const state_names[FOV_TRACK_N_STATES] = {
    [FOV_TRACK_TENTATIVE] = "tentative", [FOV_TRACK_CONFIRMED] = "confirmed",
    [FOV_TRACK_OCCLUDED] = "occluded",   [FOV_TRACK_LOST] = "lost",
    [FOV_TRACK_RECOVERED] = "recovered", [FOV_TRACK_REMOVED] = "removed",
};

static const char *const reason_names[FOV_TRACK_N_REASONS] = {
    [FOV_TRACK_REASON_NONE] = "none",
    [FOV_TRACK_REASON_NEW] = "new",
    [FOV_TRACK_REASON_CONFIRMED] = "confirmed",
    [FOV_TRACK_REASON_OCCLUDED] = "occluded",
    [FOV_TRACK_REASON_MISSED] = "missed",
    [FOV_TRACK_REASON_LEFT] = "left",
    [FOV_TRACK_REASON_MOTION] = "motion",
    [FOV_TRACK_REASON_APPEARANCE] = "appearance",
    [FOV_TRACK_REASON_VISUAL] = "visual",
    [FOV_TRACK_REASON_TIMEOUT] = "timeout",
    [FOV_TRACK_REASON_NEVER_SURE] = "never-sure",
    [FOV_TRACK_REASON_DUPLICATE] = "duplicate",
    [FOV_TRACK_REASON_RESET] = "reset",
};

const char *
fov_track_state_name (FovTrackState state)
{
    return (guint) state < FOV_TRACK_N_STATES ? state_names[state] : "unknown";
}

const char *
fov_track_reason_name (FovTrackReason reason)
{
    return (guint) reason < FOV_TRACK_N_REASONS ? reason_names[reason] : "unknown";
}

gboolean
fov_track_is_shown (const FovTrack *track)
{
    return track->state == FOV_TRACK_CONFIRMED || track->state == FOV_TRACK_RECOVERED ||
           (track->state == FOV_TRACK_OCCLUDED && track->reason == FOV_TRACK_REASON_VISUAL);
}

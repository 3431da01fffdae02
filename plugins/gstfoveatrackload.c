/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes foveatrack's tracker and what it works with from the properties. */
#include <string.h>

#include "gstfoveaelements.h"
#include "gstfoveatrack.h"
#include "gstfoveavideo.h"

#define GST_CAT_DEFAULT gst_fovea_debug

static gboolean
is_set (const char *text)
{
    return text && *text;
}

static GstFoveaTrackSettings
copy_settings (GstFoveaTrack *self)
{
    GST_OBJECT_LOCK (self);
    GstFoveaTrackSettings s = self->settings;
    s.object_class = NULL;
    s.embedding_model = g_strdup (s.embedding_model);
    s.visual_backbone = g_strdup (s.visual_backbone);
    s.visual_head = g_strdup (s.visual_head);
    s.device = g_strdup (s.device);
    s.camera_file = g_strdup (s.camera_file);
    GST_OBJECT_UNLOCK (self);
    return s;
}

static void
clear_settings (GstFoveaTrackSettings *s)
{
    g_free (s->embedding_model);
    g_free (s->visual_backbone);
    g_free (s->visual_head);
    g_free (s->device);
    g_free (s->camera_file);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GstFoveaTrackSettings, clear_settings)

static gboolean
open_embedder (GstFoveaTrack *self, const GstFoveaTrackSettings *s, FovDevice *device,
               GError **error)
{
    g_autoptr (FovModel) model = fov_model_load (s->embedding_model, error);

    if (!model)
        return FALSE;
    self->embedder = fov_embedder_new (device, model, NULL, error);
    return self->embedder != NULL;
}

static gboolean
open_visual (GstFoveaTrack *self, const GstFoveaTrackSettings *s, FovDevice *device, GError **error)
{
    FovVisualParams params = { .device = device,
                               .backbone = is_set (s->visual_backbone) ? s->visual_backbone : NULL,
                               .head = is_set (s->visual_head) ? s->visual_head : NULL };

    self->visual = fov_visual_new (gst_fovea_track_visual_name (s), &params, error);
    return self->visual != NULL;
}

/* Reads the camera that is asked for; the old one stays where that fails. */
static gboolean
open_camera (GstFoveaTrack *self, const char *path, GError **error)
{
    if (is_set (path) && !fov_ground_camera_load (path, &self->camera, error))
        return FALSE;
    g_free (self->camera_used);
    self->camera_used = is_set (path) ? g_strdup (path) : NULL;
    return TRUE;
}

gboolean
gst_fovea_track_open (GstFoveaTrack *self, GError **error)
{
    GST_OBJECT_LOCK (self);
    self->look = FALSE;
    GST_OBJECT_UNLOCK (self);
    g_auto (GstFoveaTrackSettings) s = copy_settings (self);
    g_autoptr (FovDevice) device = NULL;
    gboolean embeds = is_set (s.embedding_model), sees = s.visual != 0;

    memset (self->unused_told, 0, sizeof self->unused_told);
    memset (self->told, 0, (gst_fovea_track_numbers ()->len / 64 + 1) * sizeof *self->told);
    if (!open_camera (self, s.camera_file, error))
        return FALSE;
    if ((embeds || sees) &&
        !(device = fov_device_open (is_set (s.device) ? s.device : NULL, error)))
        return FALSE;
    if ((embeds && !open_embedder (self, &s, device, error)) ||
        (sees && !open_visual (self, &s, device, error))) {
        gst_fovea_track_close (self);
        return FALSE;
    }
    return TRUE;
}

void
gst_fovea_track_close (GstFoveaTrack *self)
{
    g_clear_pointer (&self->tracker, fov_tracker_free);
    g_clear_pointer (&self->visual, fov_visual_free);
    g_clear_pointer (&self->embedder, fov_embedder_unref);
    g_clear_pointer (&self->camera_used, g_free);
}

static void
tell_of_number (GstFoveaTrack *self, guint i, const char *tracker, const GError *error)
{
    const GstFoveaTrackNumber *n =
        &g_array_index (gst_fovea_track_numbers (), GstFoveaTrackNumber, i);

    if (self->told[i / 64] >> i % 64 & 1)
        return;
    self->told[i / 64] |= G_GUINT64_CONSTANT (1) << i % 64;
    GST_ELEMENT_WARNING (self, LIBRARY, SETTINGS,
                         ("Property %s has no effect on tracker=%s: %s", n->property.name, tracker,
                          error->message),
                         (NULL));
}

static void
set_numbers (GstFoveaTrack *self, const char *tracker)
{
    guint n = gst_fovea_track_numbers ()->len;
    g_autofree double *numbers = NULL;
    g_autofree guint64 *given = NULL;

    GST_OBJECT_LOCK (self);
    numbers = g_memdup2 (self->numbers, n * sizeof *numbers);
    given = g_memdup2 (self->given, (n / 64 + 1) * sizeof *given);
    self->adjust = FALSE;
    GST_OBJECT_UNLOCK (self);
    for (guint i = 0; i < n; i++) {
        g_autoptr (GError) error = NULL;
        const char *name =
            g_array_index (gst_fovea_track_numbers (), GstFoveaTrackNumber, i).property.name;
        if ((given[i / 64] >> i % 64 & 1) &&
            !fov_tracker_set (self->tracker, name, numbers[i], &error))
            tell_of_number (self, i, tracker, error);
    }
}

static void
tell_of_unused (GstFoveaTrack *self, const char *tracker)
{
    const struct {
        const char *property;
        gboolean unused;
    } rows[] = {
        { "embedding-model",
          self->embedder && !(fov_tracker_uses (tracker) & FOV_TRACKER_USES_EMBEDDINGS) },
        { "visual", self->visual && !(fov_tracker_uses (tracker) & FOV_TRACKER_USES_VISUAL) },
        { "camera-file",
          self->camera_used && !(fov_tracker_uses (tracker) & FOV_TRACKER_USES_GROUND) },
    };

    for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
        if (!rows[i].unused || self->unused_told[i])
            continue;
        self->unused_told[i] = TRUE;
        GST_ELEMENT_WARNING (self, LIBRARY, SETTINGS,
                             ("Property %s has no effect on tracker=%s", rows[i].property, tracker),
                             (NULL));
    }
}

double
gst_fovea_track_rate (const GstVideoInfo *info)
{
    return (double) GST_VIDEO_INFO_FPS_N (info) / GST_VIDEO_INFO_FPS_D (info);
}

static gboolean
make_tracker (GstFoveaTrack *self, const GstFoveaTrackSettings *s, GError **error)
{
    FovTrackerParams params = { .preset = gst_fovea_track_preset_name (s),
                                .visual = self->visual,
                                .ground = self->camera_used ? &self->camera : NULL,
                                .seed = s->seed };

    params.frame_rate = gst_fovea_track_rate (&self->info);
    if (self->embedder) {
        params.embed = fov_embedder_embed;
        params.embed_data = self->embedder;
        params.embed_dim = fov_embedder_dim (self->embedder);
    }
    if (self->visual)
        fov_visual_clear (self->visual);
    gst_fovea_track_end_all (self);
    self->tracker = fov_tracker_new (gst_fovea_track_tracker_name (s), &params, error);
    /* Identities of the tracker before are not given again. */
    self->id_base = self->id_last;
    self->last = GST_FOVEA_NO_TIME;
    return self->tracker != NULL;
}

/* With the path that a bad file was set to: the property says again what is used. */
static void
keep_camera (GstFoveaTrack *self, const char *path, const GError *error)
{
    gst_fovea_post_warning (self, error, "The change is not made, the old camera stays");
    GST_OBJECT_LOCK (self);
    if (!g_strcmp0 (self->settings.camera_file, path)) {
        g_free (self->settings.camera_file);
        self->settings.camera_file = g_strdup (self->camera_used);
    }
    GST_OBJECT_UNLOCK (self);
    g_object_notify (G_OBJECT (self), "camera-file");
}

/* Reads another camera's file while frames run. */
static void
change_camera (GstFoveaTrack *self)
{
    g_auto (GstFoveaTrackSettings) s = copy_settings (self);
    g_autoptr (GError) error = NULL;

    if (!open_camera (self, s.camera_file, &error))
        keep_camera (self, s.camera_file, error);
    else if (self->tracker)
        fov_tracker_set_ground (self->tracker, self->camera_used ? &self->camera : NULL, NULL);
}

gboolean
gst_fovea_track_apply (GstFoveaTrack *self, GError **error)
{
    GST_OBJECT_LOCK (self);
    gboolean renew = self->renew || !self->tracker, adjust = self->adjust, look = self->look;
    const char *tracker = gst_fovea_track_tracker_name (&self->settings);
    self->renew = self->look = FALSE;
    GST_OBJECT_UNLOCK (self);

    if (look)
        change_camera (self);
    if (renew) {
        g_auto (GstFoveaTrackSettings) s = copy_settings (self);
        g_clear_pointer (&self->tracker, fov_tracker_free);
        if (!make_tracker (self, &s, error))
            return FALSE;
        tracker = gst_fovea_track_tracker_name (&s);
    }
    if (renew || look)
        tell_of_unused (self, tracker);
    if (renew || adjust)
        set_numbers (self, tracker);
    return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which detectors stand before foveatrack, what they find and which of them looked at a frame. */
#include "gstfoveameta.h"
#include "gstfoveatrack.h"

/* A detector that left no word for so long, while others looked, is not there any more. */
#define AWAY (60 * GST_SECOND)

/* What a detector left on the frame at hand. */
typedef enum { SILENT, SKIPPED, LOOKED } Word;

typedef struct {
    GQuark instance;
    gboolean speaks; /* says of each frame that it looked at: ours do */
    Word word;
    gint64 heard; /* ns: its last word, or the first frame since a reset; or none yet */
} Detector;

static guint
detector_of (GstFoveaTrack *self, GQuark instance)
{
    Detector born = { .instance = instance, .heard = GST_FOVEA_NO_TIME };

    for (guint i = 0; i < self->detectors->len; i++)
        if (g_array_index (self->detectors, Detector, i).instance == instance)
            return i;
    g_array_append_val (self->detectors, born);
    return self->detectors->len - 1;
}

int
gst_fovea_track_class_of (GstFoveaTrack *self, const GstFoveaObject *o)
{
    GstFoveaTrackClassName wanted = { o->model_instance, o->label, o->label_id };

    for (guint i = 0; i < self->classes->len; i++) {
        const GstFoveaTrackClassName *c = &g_array_index (self->classes, GstFoveaTrackClassName, i);
        if (c->instance == wanted.instance && c->label == wanted.label &&
            c->label_id == wanted.label_id)
            return (int) i;
    }
    g_array_append_val (self->classes, wanted);
    return (int) self->classes->len - 1;
}

static void
hear (GstFoveaTrack *self, GstBuffer *buffer, gint64 pts)
{
    gpointer state = NULL;
    GstMeta *meta;

    for (guint i = 0; i < self->detectors->len; i++)
        g_array_index (self->detectors, Detector, i).word = SILENT;
    while ((
        meta = gst_buffer_iterate_meta_filtered (buffer, &state, gst_fovea_meta_api_get_type ()))) {
        const GstFoveaMeta *m = (const GstFoveaMeta *) meta;
        if (!(m->flags & (GST_FOVEA_META_INFERRED | GST_FOVEA_META_SKIPPED)) ||
            (m->flags & GST_FOVEA_META_REGIONS))
            continue;
        guint index = detector_of (self, m->model_instance);
        Detector *d = &g_array_index (self->detectors, Detector, index);
        d->speaks = TRUE;
        d->word = m->flags & GST_FOVEA_META_INFERRED ? LOOKED : SKIPPED;
        d->heard = pts;
    }
}

/*
 * Ours say whether they looked; on a frame where one left nothing it was not its turn. Of
 * detectors that never say, silence means that nothing was found.
 */
static gboolean
looked (Detector *d, gboolean others, gint64 pts)
{
    if (d->word != SILENT || !d->speaks)
        return d->word != SKIPPED;
    if (d->heard == GST_FOVEA_NO_TIME)
        d->heard = pts;
    return others && pts - d->heard > (gint64) AWAY;
}

gboolean
gst_fovea_track_look (GstFoveaTrack *self, GstBuffer *buffer, gint64 pts)
{
    gboolean any = FALSE, ran;

    hear (self, buffer, pts);
    for (guint i = 0; i < self->detectors->len; i++)
        any |= g_array_index (self->detectors, Detector, i).word == LOOKED;
    ran = any || self->detectors->len == 0;
    g_array_set_size (self->looks, 0);
    for (guint i = 0; i < self->classes->len; i++) {
        FovClassDetector look = {
            .detector =
                detector_of (self,
                             g_array_index (self->classes, GstFoveaTrackClassName, i).instance)
        };
        look.ran = looked (&g_array_index (self->detectors, Detector, look.detector), any, pts);
        ran |= look.ran;
        g_array_append_val (self->looks, look);
    }
    fov_tracker_set_detectors (self->tracker,
                               (const FovClassDetector *) (gpointer) self->looks->data,
                               self->looks->len);
    return ran;
}

void
gst_fovea_track_sight_init (GstFoveaTrack *self)
{
    self->classes = g_array_new (FALSE, FALSE, sizeof (GstFoveaTrackClassName));
    self->detectors = g_array_new (FALSE, FALSE, sizeof (Detector));
    self->looks = g_array_new (FALSE, FALSE, sizeof (FovClassDetector));
}

void
gst_fovea_track_sight_clear (GstFoveaTrack *self)
{
    g_array_unref (self->classes);
    g_array_unref (self->detectors);
    g_array_unref (self->looks);
}

void
gst_fovea_track_sight_reset (GstFoveaTrack *self, gboolean restart)
{
    for (guint i = 0; i < self->detectors->len; i++)
        g_array_index (self->detectors, Detector, i).heard = GST_FOVEA_NO_TIME;
    if (!restart)
        return;
    g_array_set_size (self->classes, 0);
    g_array_set_size (self->detectors, 0);
}

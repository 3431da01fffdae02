/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * foveatrack's properties. The trackers' own numbers come from their tables: a
 * new one there is a property here.
 */
#include <string.h>

#include "gstfoveaelements.h"
#include "gstfoveatrack.h"
#include "gstfoveavideo.h"

#define GST_CAT_DEFAULT gst_fovea_debug

enum {
    PROP_0,
    PROP_TRACKER,
    PROP_PRESET,
    PROP_OBJECT_CLASS,
    PROP_EMBEDDING_MODEL,
    PROP_VISUAL,
    PROP_VISUAL_BACKBONE,
    PROP_VISUAL_HEAD,
    PROP_DEVICE,
    PROP_CAMERA_FILE,
    PROP_SEED,
    PROP_TRACKS,
    PROP_FIRST_NUMBER
};

/* ---- the trackers' numbers ---- */

static GstFoveaTrackNumber *
find_number (GArray *numbers, const char *name)
{
    for (guint i = 0; i < numbers->len; i++) {
        GstFoveaTrackNumber *n = &g_array_index (numbers, GstFoveaTrackNumber, i);
        if (g_str_equal (n->property.name, name))
            return n;
    }
    return NULL;
}

static void
add_numbers (GArray *numbers, const char *name)
{
    g_autoptr (GArray) own = fov_tracker_properties (name, NULL, NULL);

    for (guint i = 0; own && i < own->len; i++) {
        const FovTrackerProperty *p = &g_array_index (own, FovTrackerProperty, i);
        GstFoveaTrackNumber *n = find_number (numbers, p->name);
        if (!n) {
            GstFoveaTrackNumber new = { .property = *p };
            g_array_append_val (numbers, new);
            n = &g_array_index (numbers, GstFoveaTrackNumber, numbers->len - 1);
        }
        n->property.minimum = MIN (n->property.minimum, p->minimum);
        n->property.maximum = MAX (n->property.maximum, p->maximum);
        n->property.whole = n->property.whole && p->whole;
    }
}

/* What the i-th tracker's own table says of a number; NULL: it does not have it. */
static const char *
words_of (guint i, const char *name)
{
    g_autoptr (GArray) own = fov_tracker_properties (fov_tracker_names ()[i], NULL, NULL);

    for (guint k = 0; own && k < own->len; k++) {
        const FovTrackerProperty *p = &g_array_index (own, FovTrackerProperty, k);
        if (g_str_equal (p->name, name))
            return g_str_has_prefix (p->blurb, "1: ") ? p->blurb + 3 : p->blurb;
    }
    return NULL;
}

/* Words that trackers share, then which they are; a name can mean another thing to another. */
static void
add_words (GString *text, const char *words, const char *name)
{
    const char *const *names = fov_tracker_names ();
    guint n = 0, n_all = g_strv_length ((char **) names);
    g_autoptr (GString) who = g_string_new (NULL);

    for (guint i = 0; i < n_all; i++)
        if (g_strcmp0 (words_of (i, name), words) == 0)
            g_string_append_printf (who, "%s%s", n++ ? ", " : "", names[i]);
    g_string_append_printf (text, "%s%s", text->len ? "; " : "", words);
    if (n < n_all)
        g_string_append_printf (text, " (of %s)", who->str);
}

/* The tables' words as gst-inspect shows them. */
static char *
blurb_of (const char *name)
{
    GString *text = g_string_new (NULL);

    for (guint i = 0; fov_tracker_names ()[i]; i++) {
        const char *words = words_of (i, name);
        gboolean said = words == NULL;
        for (guint k = 0; k < i && !said; k++)
            said = g_strcmp0 (words_of (k, name), words) == 0;
        if (!said)
            add_words (text, words, name);
    }
    text->str[0] = g_ascii_toupper (text->str[0]);
    g_string_append (text, ". Takes effect with the next frame");
    return g_string_free (text, FALSE);
}

const GArray *
gst_fovea_track_numbers (void)
{
    static GArray *numbers = NULL;

    if (g_once_init_enter (&numbers)) {
        const char *const *names = fov_tracker_names ();
        GArray *made = g_array_new (FALSE, FALSE, sizeof (GstFoveaTrackNumber));
        /* The default one first: its defaults are shown. */
        add_numbers (made, "fovea");
        for (guint i = 0; names[i]; i++)
            add_numbers (made, names[i]);
        for (guint i = 0; i < made->len; i++) {
            GstFoveaTrackNumber *n = &g_array_index (made, GstFoveaTrackNumber, i);
            n->blurb = blurb_of (n->property.name);
        }
        g_once_init_leave (&numbers, made);
    }
    return numbers;
}

static const GstFoveaTrackNumber *
number_at (guint i)
{
    return &g_array_index (gst_fovea_track_numbers (), GstFoveaTrackNumber, i);
}

static gboolean
is_switch (const FovTrackerProperty *p)
{
    return p->whole && p->minimum == 0 && p->maximum == 1;
}

/* ---- enums of what the library has ---- */

/* first: what stands for none, or NULL. */
static GType
names_type (const char *type_name, const char *first, const char *first_words,
            const char *const *names, const char *(*words) (const char *) )
{
    guint n = g_strv_length ((char **) names), k = 0;
    GEnumValue *values = g_new0 (GEnumValue, n + 2);

    if (first)
        values[k++] = (GEnumValue){ 0, first_words, first };
    for (guint i = 0; i < n; i++, k++)
        values[k] = (GEnumValue){ (int) k, words ? words (names[i]) : names[i], names[i] };
    return g_enum_register_static (type_name, values);
}

#define NAMES_TYPE(function, type_name, ...)                                                       \
    static GType function (void)                                                                   \
    {                                                                                              \
        static gsize type = 0;                                                                     \
        if (g_once_init_enter (&type))                                                             \
            g_once_init_leave (&type, names_type (type_name, __VA_ARGS__));                        \
        return type;                                                                               \
    }

NAMES_TYPE (tracker_get_type, "GstFoveaTracker", NULL, NULL, fov_tracker_names (),
            fov_tracker_describe)
NAMES_TYPE (preset_get_type, "GstFoveaTrackerPreset", "general", "For any scene",
            fov_tracker_presets (), NULL)
NAMES_TYPE (visual_get_type, "GstFoveaVisual", "none", "Detections alone", fov_visual_names (),
            NULL)

static guint
default_tracker (void)
{
    const char *const *names = fov_tracker_names ();

    for (guint i = 0; names[i]; i++)
        if (g_str_equal (names[i], "fovea"))
            return i;
    return 0;
}

const char *
gst_fovea_track_tracker_name (const GstFoveaTrackSettings *s)
{
    return fov_tracker_names ()[s->tracker];
}

const char *
gst_fovea_track_preset_name (const GstFoveaTrackSettings *s)
{
    return s->preset ? fov_tracker_presets ()[s->preset - 1] : NULL;
}

const char *
gst_fovea_track_visual_name (const GstFoveaTrackSettings *s)
{
    return s->visual ? fov_visual_names ()[s->visual - 1] : NULL;
}

/* ---- set and get ---- */

static char **
text_of (GstFoveaTrack *self, guint id)
{
    switch (id) {
    case PROP_OBJECT_CLASS:
        return &self->settings.object_class;
    case PROP_EMBEDDING_MODEL:
        return &self->settings.embedding_model;
    case PROP_VISUAL_BACKBONE:
        return &self->settings.visual_backbone;
    case PROP_VISUAL_HEAD:
        return &self->settings.visual_head;
    case PROP_DEVICE:
        return &self->settings.device;
    case PROP_CAMERA_FILE:
        return &self->settings.camera_file;
    default:
        return NULL;
    }
}

static double
double_of (const GValue *value)
{
    if (G_VALUE_HOLDS_BOOLEAN (value))
        return g_value_get_boolean (value);
    return G_VALUE_HOLDS_INT (value) ? g_value_get_int (value) : g_value_get_double (value);
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstFoveaTrack *self = GST_FOVEA_TRACK (object);
    GstFoveaTrackSettings *s = &self->settings;
    char **text = text_of (self, id);

    GST_OBJECT_LOCK (self);
    if (text) {
        g_free (*text);
        *text = g_value_dup_string (value);
        self->look |= id == PROP_CAMERA_FILE;
    } else if (id >= PROP_FIRST_NUMBER) {
        guint i = id - PROP_FIRST_NUMBER;
        self->numbers[i] = double_of (value);
        self->given[i / 64] |= G_GUINT64_CONSTANT (1) << i % 64;
        self->adjust = TRUE;
    } else if (id == PROP_TRACKER) {
        self->renew |= s->tracker != (guint) g_value_get_enum (value);
        s->tracker = (guint) g_value_get_enum (value);
    } else if (id == PROP_PRESET) {
        self->renew |= s->preset != (guint) g_value_get_enum (value);
        s->preset = (guint) g_value_get_enum (value);
    } else if (id == PROP_VISUAL) {
        s->visual = (guint) g_value_get_enum (value);
    } else if (id == PROP_SEED) {
        s->seed = g_value_get_uint64 (value);
    } else {
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
    GST_OBJECT_UNLOCK (self);
}

/* What was set, or what the chosen tracker and preset do by themselves. */
static double
number_now (const GstFoveaTrack *self, guint i)
{
    const GstFoveaTrackSettings *s = &self->settings;
    g_autoptr (GArray) own = NULL;

    if (self->given[i / 64] >> i % 64 & 1)
        return self->numbers[i];
    own = fov_tracker_properties (gst_fovea_track_tracker_name (s), gst_fovea_track_preset_name (s),
                                  NULL);
    for (guint k = 0; own && k < own->len; k++) {
        const FovTrackerProperty *p = &g_array_index (own, FovTrackerProperty, k);
        if (g_str_equal (p->name, number_at (i)->property.name))
            return p->value;
    }
    return number_at (i)->property.value;
}

static void
get_number (const GstFoveaTrack *self, guint i, GValue *value)
{
    double number = number_now (self, i);

    if (G_VALUE_HOLDS_BOOLEAN (value))
        g_value_set_boolean (value, number != 0);
    else if (G_VALUE_HOLDS_INT (value))
        g_value_set_int (value, (int) number);
    else
        g_value_set_double (value, number);
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstFoveaTrack *self = GST_FOVEA_TRACK (object);
    char **text = text_of (self, id);

    GST_OBJECT_LOCK (self);
    if (text)
        g_value_set_string (value, *text);
    else if (id >= PROP_FIRST_NUMBER)
        get_number (self, id - PROP_FIRST_NUMBER, value);
    else if (id == PROP_TRACKER)
        g_value_set_enum (value, (int) self->settings.tracker);
    else if (id == PROP_PRESET)
        g_value_set_enum (value, (int) self->settings.preset);
    else if (id == PROP_VISUAL)
        g_value_set_enum (value, (int) self->settings.visual);
    else if (id == PROP_SEED)
        g_value_set_uint64 (value, self->settings.seed);
    else if (id == PROP_TRACKS)
        g_value_set_uint64 (value, self->n_tracks);
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    GST_OBJECT_UNLOCK (self);
}

void
gst_fovea_track_init_properties (GstFoveaTrack *self)
{
    guint n = gst_fovea_track_numbers ()->len;

    self->numbers = g_new0 (double, n + 1);
    self->given = g_new0 (guint64, n / 64 + 1);
    self->told = g_new0 (guint64, n / 64 + 1);
    self->settings.tracker = default_tracker ();
}

void
gst_fovea_track_clear_properties (GstFoveaTrack *self)
{
    for (guint id = 1; id < PROP_FIRST_NUMBER; id++)
        if (text_of (self, id))
            g_clear_pointer (text_of (self, id), g_free);
    g_free (self->numbers);
    g_free (self->given);
    g_free (self->told);
}

/* ---- what gst-inspect shows ---- */

static GParamSpec *
number_spec (const GstFoveaTrackNumber *n)
{
    const FovTrackerProperty *p = &n->property;

    if (is_switch (p))
        return g_param_spec_boolean (p->name, p->name, n->blurb, p->value != 0, GST_FOVEA_LIVE);
    if (p->whole)
        return g_param_spec_int (p->name, p->name, n->blurb, (int) p->minimum, (int) p->maximum,
                                 (int) p->value, GST_FOVEA_LIVE);
    return g_param_spec_double (p->name, p->name, n->blurb, p->minimum, p->maximum, p->value,
                                GST_FOVEA_LIVE);
}

static void
install_text (GObjectClass *object_class, guint id, const char *name, const char *nick,
              const char *blurb, GParamFlags flags)
{
    g_object_class_install_property (object_class, id,
                                     g_param_spec_string (name, nick, blurb, NULL, flags));
}

static void
install_choices (GObjectClass *object_class)
{
    g_object_class_install_property (
        object_class, PROP_TRACKER,
        g_param_spec_enum ("tracker", "Tracker",
                           "How objects are followed. A change while running starts with the next "
                           "frame and new identities",
                           tracker_get_type (), (int) default_tracker (), GST_FOVEA_LIVE));
    g_object_class_install_property (
        object_class, PROP_PRESET,
        g_param_spec_enum ("preset", "Preset",
                           "The scene that the tracker's numbers are for; those that are set "
                           "themselves stay. A change while running starts with the next frame and "
                           "new identities",
                           preset_get_type (), 0, GST_FOVEA_LIVE));
    g_object_class_install_property (
        object_class, PROP_VISUAL,
        g_param_spec_enum ("visual", "Visual tracker",
                           "What holds objects by their looks where the detector does not find "
                           "them or is not run",
                           visual_get_type (), 0, GST_FOVEA_READY));
    g_object_class_install_property (
        object_class, PROP_SEED,
        g_param_spec_uint64 (
            "seed", "Seed",
            "Start of the random numbers of particles (tracker=fovea, particles above 0): the "
            "same stream and seed give the same identities, bit for bit. Nothing else draws any",
            0, G_MAXUINT64, 0, GST_FOVEA_READY));
    g_object_class_install_property (
        object_class, PROP_TRACKS,
        g_param_spec_uint64 ("tracks", "Tracks", "Identities given since the element left READY", 0,
                             G_MAXUINT64, 0, GST_FOVEA_READ));
}

void
gst_fovea_track_install_properties (GObjectClass *object_class)
{
    const GArray *numbers = gst_fovea_track_numbers ();

    object_class->set_property = set_property;
    object_class->get_property = get_property;
    install_choices (object_class);
    install_text (object_class, PROP_OBJECT_CLASS, "object-class", "Object class",
                  "Labels of the objects to follow, separated by commas; unset: all. Takes effect "
                  "with the next frame",
                  GST_FOVEA_LIVE);
    install_text (
        object_class, PROP_EMBEDDING_MODEL, "embedding-model", "Embedding model",
        "Path of a network that turns a picture of an object into a vector by which it is "
        "known again (re-identification), such as OSNet; unset: colours alone",
        GST_FOVEA_READY);
    install_text (object_class, PROP_VISUAL_BACKBONE, "visual-backbone", "Visual backbone",
                  "With visual=siamese: path of the network that looks", GST_FOVEA_READY);
    install_text (object_class, PROP_VISUAL_HEAD, "visual-head", "Visual head",
                  "With visual=siamese: path of the network that compares", GST_FOVEA_READY);
    install_text (object_class, PROP_DEVICE, "device", "Device",
                  "Where networks run, as foveadetect's; unset: auto", GST_FOVEA_READY);
    install_text (object_class, PROP_CAMERA_FILE, "camera-file", "Camera file",
                  "Path of a file that says where the camera stands above the ground, as UCMCTrack "
                  "has them (RotationMatrices, TranslationVectors in mm, IntrinsicMatrix in pixels "
                  "of these frames): objects are then told apart by their places on the ground "
                  "(tracker=fovea). For a camera at rest. Unset: not known. Takes effect with the "
                  "next frame; tracks stay",
                  GST_FOVEA_LIVE);
    for (guint i = 0; i < numbers->len; i++) {
        const GstFoveaTrackNumber *n = &g_array_index (numbers, GstFoveaTrackNumber, i);
        if (!g_object_class_find_property (object_class, n->property.name))
            g_object_class_install_property (object_class, PROP_FIRST_NUMBER + i, number_spec (n));
    }
    gst_type_mark_as_plugin_api (tracker_get_type (), 0);
    gst_type_mark_as_plugin_api (preset_get_type (), 0);
    gst_type_mark_as_plugin_api (visual_get_type (), 0);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstfoveaprops.h"

static GQuark
offset_quark (void)
{
    return g_quark_from_static_string ("fovea-field-offset");
}

/* NULL where the property is none of ours. */
static gpointer
field_of (GObject *object, GParamSpec *spec)
{
    gsize offset = GPOINTER_TO_SIZE (g_param_spec_get_qdata (spec, offset_quark ()));

    return offset ? (guint8 *) object + offset : NULL;
}

void
gst_fovea_field_set (gpointer field, const GValue *value)
{
    switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value))) {
    case G_TYPE_STRING:
        g_free (*(char **) field);
        *(char **) field = g_value_dup_string (value);
        break;
    case G_TYPE_BOOLEAN:
        *(gboolean *) field = g_value_get_boolean (value);
        break;
    case G_TYPE_UINT:
        *(guint *) field = g_value_get_uint (value);
        break;
    case G_TYPE_FLOAT:
        *(float *) field = g_value_get_float (value);
        break;
    case G_TYPE_ENUM:
        *(int *) field = g_value_get_enum (value);
        break;
    default:
        g_assert_not_reached ();
    }
}

void
gst_fovea_field_get (gconstpointer field, GValue *value)
{
    switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value))) {
    case G_TYPE_STRING:
        g_value_set_string (value, *(char *const *) field);
        break;
    case G_TYPE_BOOLEAN:
        g_value_set_boolean (value, *(const gboolean *) field);
        break;
    case G_TYPE_UINT:
        g_value_set_uint (value, *(const guint *) field);
        break;
    case G_TYPE_FLOAT:
        g_value_set_float (value, *(const float *) field);
        break;
    case G_TYPE_ENUM:
        g_value_set_enum (value, *(const int *) field);
        break;
    default:
        g_assert_not_reached ();
    }
}

void
gst_fovea_set_field (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    gpointer field = field_of (object, spec);

    if (!field) {
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
        return;
    }
    GST_OBJECT_LOCK (object);
    gst_fovea_field_set (field, value);
    GST_OBJECT_UNLOCK (object);
}

static void
get_field (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    gpointer field = field_of (object, spec);

    if (!field) {
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
        return;
    }
    GST_OBJECT_LOCK (object);
    gst_fovea_field_get (field, value);
    GST_OBJECT_UNLOCK (object);
}

void
gst_fovea_install_field (GObjectClass *klass, guint id, gsize offset, GParamSpec *spec)
{
    if (id == 1) {
        klass->set_property = gst_fovea_set_field;
        klass->get_property = get_field;
    }
    g_param_spec_set_qdata (spec, offset_quark (), GSIZE_TO_POINTER (offset));
    g_object_class_install_property (klass, id, spec);
}

void
gst_fovea_free_fields (GObject *object)
{
    guint n;
    g_autofree GParamSpec **specs =
        g_object_class_list_properties (G_OBJECT_GET_CLASS (object), &n);

    for (guint i = 0; i < n; i++) {
        gpointer field = field_of (object, specs[i]);
        if (field && specs[i]->value_type == G_TYPE_STRING)
            g_clear_pointer ((char **) field, g_free);
    }
}

GType
gst_fovea_enum_type (gsize *type, const char *name, const GEnumValue *values)
{
    if (g_once_init_enter (type))
        g_once_init_leave (type, g_enum_register_static (name, values));
    return *type;
}

void
gst_fovea_add_pad_templates (GstElementClass *klass, GstCaps *caps)
{
    gst_element_class_add_pad_template (klass, gst_pad_template_new ("sink", GST_PAD_SINK,
                                                                     GST_PAD_ALWAYS, caps));
    gst_element_class_add_pad_template (klass, gst_pad_template_new ("src", GST_PAD_SRC,
                                                                     GST_PAD_ALWAYS, caps));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_FOVEA_PROPS_H
#define GST_FOVEA_PROPS_H

/* What the elements' classes share: properties that are plain fields, enums, pads. */
#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * The field of a property: char * (owned), gboolean, guint, float or an enum, as
 * the value's type says. No locking.
 */
void gst_fovea_field_set (gpointer field, const GValue *value);
void gst_fovea_field_get (gconstpointer field, GValue *value);

/**
 * Installs a property that is the field at offset in the instance; ids count
 * from 1. The class gets accessors that hold the object lock.
 */
void gst_fovea_install_field (GObjectClass *klass, guint id, gsize offset, GParamSpec *spec);
/** The accessor, for a class that checks a value before it is stored. */
void gst_fovea_set_field (GObject *object, guint id, const GValue *value, GParamSpec *spec);
/** Frees the strings among the fields; for finalize. */
void gst_fovea_free_fields (GObject *object);

/** Registers an enum at the first call; type is a static gsize, 0 at first. */
GType gst_fovea_enum_type (gsize *type, const char *name, const GEnumValue *values);

/** Templates of the pads "sink" and "src", both always there and with the same caps. */
void gst_fovea_add_pad_templates (GstElementClass *klass, GstCaps *caps);

G_END_DECLS

#endif

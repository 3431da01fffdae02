/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_DATA_PRIVATE_H
#define FOV_TRAIN_DATA_PRIVATE_H

#include <fovea/data.h>

#include <json-glib/json-glib.h>

/* Most objects of a picture and pictures of a list: what is beyond is no annotation. */
#define FOV_DATA_MAX_OBJECTS 100000
#define FOV_DATA_MAX_SAMPLES 50000000

/* ---- the readers -------------------------------------------------------------- */

typedef FovData *(*FovDataRead) (const char *path, const FovDataParams *params, GError **error);

FovData *fov_data_read_coco (const char *path, const FovDataParams *params, GError **error);
FovData *fov_data_read_yolo (const char *path, const FovDataParams *params, GError **error);
FovData *fov_data_read_shards (const char *path, const FovDataParams *params, GError **error);
FovData *fov_data_read_folders (const char *path, const FovDataParams *params, GError **error);

/** The same classes and no samples. */
FovData *fov_data_new_like (const FovData *data);
/** Takes a reference on a sample of another list with the same classes. */
void fov_data_share (FovData *data, const FovData *from, guint index);
/** Appends a class. */
void fov_data_add_class (FovData *data, const char *name);
/** With the classes asked for; without any: none yet. */
FovData *fov_data_new_with (const FovDataParams *params);

/** Objects of a sample under way. */
static inline GArray *
fov_objects_new (void)
{
    return g_array_new (FALSE, FALSE, sizeof (FovDataObject));
}

/** Names in a folder, sorted, hidden ones left out; folders or regular files. */
GPtrArray *fov_data_list (const char *folder, gboolean folders, GError **error);
/** Whether the name ends like a picture's. */
gboolean fov_data_is_picture (const char *name);

/* ---- JSON ---------------------------------------------------------------------- */

/** Where in a file something is wrong: "'FILE': LIST[INDEX]: ...", without list "'FILE': ...". */
typedef struct {
    const char *file, *list;
    guint index;
    GError **error;
} FovJsonAt;

/** Sets FOV_ERROR_FORMAT; returns FALSE. */
gboolean fov_field_wrong (const FovJsonAt *at, const char *format, ...) G_GNUC_PRINTF (2, 3);
/** A member, or NULL; null counts as not there. */
JsonNode *fov_field_member (JsonObject *object, const char *name);
gboolean fov_field_int (const FovJsonAt *at, JsonObject *object, const char *name, gint64 min,
                        gint64 max, gint64 *value);
/** The same where it may be left out: *value stays then. */
gboolean fov_field_maybe_int (const FovJsonAt *at, JsonObject *object, const char *name, gint64 min,
                              gint64 max, gint64 *value);
/** "bbox": [x, y, width, height], width and height >= 0. */
gboolean fov_field_box (const FovJsonAt *at, JsonObject *object, FovBox *box);
/** A string, or NULL. */
const char *fov_field_text (JsonObject *object, const char *name);
/** A list, or NULL with an error (required) or without. */
JsonArray *fov_field_list (const FovJsonAt *at, JsonObject *object, const char *name,
                           gboolean required);
/** An entry of the list that is an object. */
JsonObject *fov_field_entry (const FovJsonAt *at, JsonArray *array);

#endif

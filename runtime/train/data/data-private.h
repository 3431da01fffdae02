/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_DATA_PRIVATE_H
#define FOV_TRAIN_DATA_PRIVATE_H

#include <fovea/data.h>

#include <json-glib/json-glib.h>

/* Most objects of a picture and pictures of a list: what is beyond is no annotation. */
#define FOV_DATA_MAX_OBJECTS 100000
#define FOV_DATA_MAX_SAMPLES 50000000
#define FOV_DATA_MAX_CORNERS 100000
#define FOV_DATA_MAX_POINTS 1000

/* ---- the readers -------------------------------------------------------------- */

typedef FovData *(*FovDataRead) (const char *path, const FovDataParams *params, GError **error);

FovData *fov_data_read_coco (const char *path, const FovDataParams *params, GError **error);
FovData *fov_data_read_yolo (const char *path, const FovDataParams *params, GError **error);
FovData *fov_data_read_shards (const char *path, const FovDataParams *params, GError **error);
FovData *fov_data_read_folders (const char *path, const FovDataParams *params, GError **error);
FovData *fov_data_read_masks (const char *path, const FovDataParams *params, GError **error);

/** Sets FOV_ERROR_ARGUMENT with the sample's name in front; returns FALSE. */
gboolean fov_data_wrong (const FovSample *sample, GError **error, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/** The same classes and no samples. */
FovData *fov_data_new_like (const FovData *data);
/** The same points as another list has. */
void fov_data_share_points (FovData *data, const FovData *from);
/** Takes a reference on a sample of another list with the same classes. */
void fov_data_share (FovData *data, const FovData *from, guint index);
/** Appends a class; the second with a category's id. */
void fov_data_add_class (FovData *data, const char *name);
void fov_data_add_category (FovData *data, const char *name, int id);
/** With the classes asked for; without any: none yet. */
FovData *fov_data_new_with (const FovDataParams *params);

/** Objects of a sample under way. */
static inline GArray *
fov_objects_new (void)
{
    return g_array_new (FALSE, FALSE, sizeof (FovDataObject));
}

/* ---- masks and points (shapes.c, points.c) ------------------------------------- */

/** Whether the mask and n_points points of object index are such. */
gboolean fov_data_check_shapes (const FovSample *sample, guint index, guint n_points,
                                GError **error);
/** Gives an object copies of its own of its mask and points, which owned then frees. */
void fov_data_copy_shapes (FovDataObject *object, guint n_points, GPtrArray *owned);

/** What the points of a data's objects are; an atomic rc box, shared by data that are alike. */
typedef struct {
    GPtrArray *names; /* char* */
    guint *mirror;
} FovDataPoints;

FovDataPoints *fov_data_points_new (guint n, const char *const *names, const int *mirror,
                                    GError **error);
void fov_data_points_unref (FovDataPoints *points);

/** A mask's arrays and points under way, of one object. */
typedef struct {
    GArray *corners, *lengths, *runs; /* float, guint, guint32 */
    GArray *points;                   /* FovDataPoint */
    FovDataMask mask;
} FovShape2D;

FovShape2D *fov_shape_2d_new (void);
void fov_shape_2d_free (gpointer shape);
/** Hands what was gathered to an object that lives no longer than shape. */
void fov_shape_2d_give (FovShape2D *shape, FovDataObject *object);

/**
 * "DIR/walk_0012" of length 13 -> video "DIR/walk_" (g_free) and number 12; FALSE where no digits
 * end it.
 */
gboolean fov_data_name_frame (const char *name, gsize length, char **video, gint64 *number);

/** Names in a folder, sorted, hidden ones left out; folders or regular files. */
GPtrArray *fov_data_list (const char *folder, gboolean folders, GError **error);
/** Whether the name ends like a picture's. */
gboolean fov_data_is_picture (const char *name);
/** Whether it ends as a mask's beside its picture does. */
gboolean fov_data_is_mask (const char *name);

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
/** The number, NaN where there is none. */
double fov_field_number (JsonNode *node);
/**
 * "segmentation" and "keypoints" of an object on a picture of that size: into object's
 * mask and points, which live as long as shapes (FovShape2D). data: gets unnamed points
 * where it has none.
 */
gboolean fov_field_shapes (const FovJsonAt *at, JsonObject *from, int width, int height,
                           FovData *data, FovDataObject *object, GPtrArray *shapes);
/** "keypoints": names; must be those that data has, if it has any. */
gboolean fov_field_point_names (const FovJsonAt *at, JsonObject *object, FovData *data);
/** The root of a JSON file; json_node_unref. */
JsonNode *fov_field_file (const char *path, GError **error);
/** A string, or NULL. */
const char *fov_field_text (JsonObject *object, const char *name);
/** A list, or NULL with an error (required) or without. */
JsonArray *fov_field_list (const FovJsonAt *at, JsonObject *object, const char *name,
                           gboolean required);
/** An entry of the list that is an object. */
JsonObject *fov_field_entry (const FovJsonAt *at, JsonArray *array);

#endif

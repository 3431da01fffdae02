/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_DATA_H
#define FOVEA_DATA_H

#include <fovea/box.h>
#include <fovea/labels.h>

G_BEGIN_DECLS

/**
 * Pictures to learn from, with what is to be seen on them: one list, whatever
 * kind of file it was read from. Reference counted. It may be added to by one
 * thread; once nobody adds, any thread may read it.
 */
typedef struct _FovData FovData;

/**
 * What of a picture an object covers: all that is inside one of its outlines
 * (each filled by the even-odd rule), or COCO's run-length code.
 */
typedef struct {
    const float *corners; /**< x, y of the outlines' corners, one outline behind the other, in the
                             unit of boxes */
    const guint *lengths; /**< [n_outlines] corners of each, 3 or more */
    guint n_outlines;
    const guint32 *runs; /**< pixels column by column: so many outside, inside, outside ...; all of
                            the picture's */
    guint n_runs;        /**< 0: outlines; else the picture's size must be known */
} FovDataMask;

typedef enum {
    FOV_POINT_NONE,   /**< not labelled, or not on the picture: x and y say nothing */
    FOV_POINT_HIDDEN, /**< labelled, though something covers it */
    FOV_POINT_VISIBLE,
} FovPointState;

/** A joint, a corner, ... of an object: COCO's keypoint. */
typedef struct {
    float x, y; /**< in the unit of boxes */
    FovPointState state;
} FovDataPoint;

/** One object on a picture. */
typedef struct {
    FovBox box;      /**< pixels of the picture, or shares of it (FovSample.width) */
    int label;       /**< 0-based index into the data's classes; -1 allowed where ignore */
    gboolean ignore; /**< a region where objects are not labelled (one by one): neither right nor
                        wrong */
    const FovDataMask *mask;    /**< NULL: its box alone is known */
    const FovDataPoint *points; /**< [fov_data_n_points], or NULL */
    double area; /**< square pixels, as annotated (COCO measures the mask); 0: the box's */
} FovDataObject;

/** One picture; what it points to belongs to the data. */
typedef struct {
    const char *name;  /**< the picture's file, or SHARD:KEY */
    GBytes *bytes;     /**< the encoded picture, where it is no file; else NULL */
    int width, height; /**< pixels; 0: not known, then boxes are in shares of the picture, 0..1 */
    const FovDataObject *objects;
    guint n_objects;
    const int *classes; /**< of the whole picture, for classifiers */
    guint n_classes;
    const char *video; /**< which video it is a frame of, or NULL */
    gint64 frame;      /**< its number in that video; negative: not known, see fov_data_split */
    /**
     * The file of a picture of its pixels' classes (of any size, stretched over the picture), or
     * NULL. The grey value is the class, 255 none; but of two classes above half grey (128 to 255)
     * is class 1 unless FovDataParams.grey_is_class. Where it is no file its encoded bytes are in
     * mask_bytes.
     */
    const char *mask;
    GBytes *mask_bytes;
    gint64 id; /**< COCO's, which results are known by */
} FovSample;

typedef enum {
    FOV_DATA_AUTO,    /**< by what is there */
    FOV_DATA_COCO,    /**< a COCO "instances" json */
    FOV_DATA_YOLO,    /**< a folder with images/ and labels/, or its data.yaml */
    FOV_DATA_SHARDS,  /**< a tar file, or a folder of them */
    FOV_DATA_FOLDERS, /**< a folder for each class */
    FOV_DATA_MASKS,   /**< a folder of NAME.jpg and NAME.mask.png */
} FovDataFormat;

/** Zero means the default. */
typedef struct {
    FovDataFormat format;
    const char *pictures; /**< COCO: folder of the pictures; NULL: looked for beside the json */
    FovLabels *classes;   /**< labels are indices into this list; NULL: the data's own list */
    guint most;           /**< only the first so many pictures; 0: all */
    gboolean skip_others; /**< what is of none of these classes is left out; else it is an error */
    const char *part;     /**< of YOLO's folders only this one, see fov_data_has_parts; NULL: all */
    gboolean grey_is_class; /**< of two classes too, see FovSample.mask */
    gboolean as_written;    /**< boxes are not cut to their picture, nor left out where they are
                               empty: to measure by, not for a loader */
} FovDataParams;

/** What is at path: by the name of a file, by what a folder holds; never FOV_DATA_AUTO. */
FOV_API FovDataFormat fov_data_format (const char *path);

/** Where YOLO's layout has the text of a picture of that path: in "labels" for the last "images" of
 * its folders, else beside it; g_free it. */
FOV_API char *fov_data_label_file (const char *picture);

/**
 * Whether path is YOLO's with pictures of its own to measure on: the parts "train" and "val" (also
 * called "valid" or "validation") are there, in images/PART, in PART/images or where data.yaml has
 * them, and are not the same.
 */
FOV_API gboolean fov_data_has_parts (const char *path);

/** An empty list; classes: NULL-terminated names, copied. */
FOV_API FovData *fov_data_new (const char *const *classes);

/**
 * Reads annotations, not the pictures themselves (but shards, whose encoded
 * pictures are kept in memory, 8 GiB at most). What the formats hold:
 *
 * COCO: images, annotations, categories; labels count up in the order of
 * category ids; iscrowd regions are to be ignored. An image may say "video" and
 * "frame" (or "video_id", "frame_id"; frames without numbers: see fov_data_split). "segmentation"
 * may be polygons or a run-length code, as numbers or as text; "keypoints" are x, y, 0..2 for each
 * of the names that the categories list (all the same).
 *
 * YOLO: DIR/images/.../NAME.jpg with DIR/labels/.../NAME.txt, lines "class cx cy
 * w h" or "class x y x y x y ..." (a polygon: a mask, and its hull the box), in shares
 * of the picture; class -1: a region to be ignored. A picture without a file has no
 * objects. Names from "names" in DIR/data.yaml or *.yaml (a list, or a map from numbers), else
 * classes.txt or *.names. Also DIR/train/images with DIR/train/labels and so on, and folders that
 * "train" and "val" in the .yaml name. Where a .yaml
 * says "kpt_shape: [K, 2 or 3]", lines are "class cx cy w h" and K times "x y" or
 * "x y 0..2" (2 numbers: none where both are 0), mirrored as "flip_idx: [...]" says.
 *
 * Shards: NAME.jpg (or .png) and NAME.json in a tar, plain or compressed:
 * {"objects": [{"bbox": [x, y, width, height] in pixels, "label": name or index,
 * "ignore": false}], "width": w, "height": h, "classes": [name or index], "video": name,
 * "frame": number}; where no video is named, NAMEs that differ in a trailing number alone are
 * frames of one, through all shards. All but the objects' bbox and label may be left out, width and
 * height where there are no objects. Objects may have "segmentation" and "keypoints" as COCO's,
 * whose names the file's "keypoints" lists. NAME.mask.png is a picture of classes.
 *
 * Folders: DIR/CLASS/picture, classes sorted by name.
 *
 * Masks: DIR/NAME.jpg (or .png ...) with DIR/NAME.mask.png, see FovSample.mask; pictures
 * without a mask are left out. Without params->classes they are background and object.
 *
 * Boxes are cut to their picture; what is empty then is left out. Errors name
 * file and entry: FOV_ERROR_IO, FORMAT, UNSUPPORTED (built without libarchive).
 */
FOV_API FovData *fov_data_open (const char *path, const FovDataParams *params, GError **error);
FOV_API FovData *fov_data_ref (FovData *data);
FOV_API void fov_data_unref (FovData *data);

/**
 * Appends a copy of sample. FOV_ERROR_ARGUMENT for a label that is no class, a
 * box that is no number or inverted, a size out of 0..32768; an outline of less than
 * 3 corners, a corner or point that is no number, runs that are not as many pixels as
 * the picture.
 */
FOV_API gboolean fov_data_add (FovData *data, const FovSample *sample, GError **error);

/**
 * Objects have n points from now on, before the first is added. names: [n], copied;
 * NULL: unnamed. mirror: [n], which point each one is in a mirror, itself where it has
 * no counterpart, mirror[mirror[i]] = i; NULL: by names, "left" and "right" in them
 * change places. FOV_ERROR_ARGUMENT for more than 1000, a mirror that is none, or
 * data that has samples already.
 */
FOV_API gboolean fov_data_set_points (FovData *data, guint n, const char *const *names,
                                      const int *mirror, GError **error);
/** Points of each object; 0: none. */
FOV_API guint fov_data_n_points (const FovData *data);
/** "" where it has no name; valid as long as the data. */
FOV_API const char *fov_data_point (const FovData *data, guint point);
/** What a point is in a mirror. */
FOV_API guint fov_data_point_mirror (const FovData *data, guint point);

/** Whether any picture has a mask, of its own or of an object. */
FOV_API gboolean fov_data_has_masks (const FovData *data);
/**
 * Classes of pixels: with pictures of classes the data's own; with masks of objects one
 * more, 0 is the background and a pixel of an object its label + 1.
 */
FOV_API guint fov_data_mask_classes (const FovData *data);
/** Whether class 1 is what is above half grey in pictures of classes, see FovSample.mask. */
FOV_API gboolean fov_data_half_grey (const FovData *data);

FOV_API guint fov_data_length (const FovData *data);
/** Valid as long as the data. index below fov_data_length. */
FOV_API const FovSample *fov_data_sample (const FovData *data, guint index);
FOV_API guint fov_data_n_classes (const FovData *data);
FOV_API const char *fov_data_class (const FovData *data, guint label);
/** COCO's category id of a class; the label itself where the data have none. */
FOV_API int fov_data_class_id (const FovData *data, guint label);
/** Index of the class with that name, -1 if there is none. */
FOV_API int fov_data_find_class (const FovData *data, const char *name);

/** counts[fov_data_n_classes]: objects (without those to be ignored) and pictures of each class. */
FOV_API void fov_data_count (const FovData *data, guint64 *counts);

/**
 * The same pictures with labels that are indices into another list, found by name. Objects and
 * classes of pictures that it does not have are left out; n_left_out (may be NULL) is how many.
 */
FOV_API FovData *fov_data_relabel (const FovData *data, const FovLabels *classes,
                                   guint *n_left_out);

/**
 * COCO's results, [{"image_id", "category_id", "bbox", "score"}, ...], of the pictures of data that
 * have these ids: for each sample a GArray of FovDetection whose label is a class of data. Those of
 * other pictures and categories are left out. FOV_ERROR_IO, FORMAT: names file and entry.
 */
FOV_API GPtrArray *fov_data_read_detections (const FovData *data, const char *path, GError **error);

/** Zero means the default. */
typedef struct {
    float share;  /**< of the pictures that go to validation, 0..1; 0: 0.2 */
    gint64 gap;   /**< frames of a video this near to the cut (by number) go to neither side, and
                       one at least; 0: 25, at most a tenth of the video; negative: none */
    guint64 seed; /**< of what is dealt out by chance */
} FovSplitParams;

/**
 * Cuts data in two. Frames of one video, known by their video field or by names
 * that differ in a trailing number only (in one folder), are cut by time: the
 * last share of each video is for validation, and numbers on both sides differ
 * by more than the gap. Where a video's frames have no numbers, or all the same, it is
 * in the order of the numbers that end their names, else of the list. Videos whose share
 * is less than a frame, or that have less than three numbers, go to one side whole (the longest
 * of three or more is cut where validation would get nothing). They and other pictures are dealt
 * out by chance, seeded, of each (first) class the same share. Both halves share the pictures.
 */
FOV_API void fov_data_split (const FovData *data, const FovSplitParams *params, FovData **train,
                             FovData **validation);

/* ---- balance ---------------------------------------------------------------- */

/**
 * How often each picture is to be seen in an epoch, factors[fov_data_length] >=
 * 1: the largest over its classes of (count of the commonest class / count of
 * this)^power. power 1 makes the expected counts of classes equal where each
 * picture has one; 0.5 is the square-root rule (Gupta et al. 2019, LVIS,
 * section 4.1, with the commonest class as threshold); 0: all 1.
 */
FOV_API void fov_data_repeat_factors (const FovData *data, double power, double *factors);

/**
 * weights[fov_data_n_classes] for a loss: proportional to 1 / count^power, with
 * a mean of 1 over all objects; 0 for a class that is not there.
 */
FOV_API void fov_data_class_weights (const FovData *data, double power, float *weights);

/**
 * SMOTE (Chawla et al. 2002, section 4.2) on feature vectors [n, n_features]
 * with labels 0..n_classes - 1: every class is filled up to the size of the
 * largest by points at random places between one of its vectors and one of that
 * one's n_neighbours (0: 5) nearest of the same class; of a class with one
 * vector copies are made. Appends to new_features (GArray of float) and
 * new_labels (GArray of gint64). Same seed, same bytes. Takes n^2 n_features.
 * FOV_ERROR_ARGUMENT for a label out of range or a feature that is no number.
 */
FOV_API gboolean fov_smote (const float *features, const gint64 *labels, guint n, guint n_features,
                            guint n_classes, guint n_neighbours, guint64 seed, GArray *new_features,
                            GArray *new_labels, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FovData, fov_data_unref)

G_END_DECLS

#endif

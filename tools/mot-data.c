/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mot-data.h"

#include <math.h>
#include <string.h>

#define KITTI_RATE 10
#define KITTI_MIN_HEIGHT 25 /* pixels: lower results that match nothing do not count there */

static void
sequence_free (gpointer data)
{
    MotSequence *s = data;

    g_free (s->name);
    g_free (s->folder);
    g_clear_pointer (&s->truths, g_array_unref);
    g_clear_pointer (&s->detections, g_array_unref);
    g_clear_pointer (&s->motions, g_array_unref);
    g_free (s);
}

static gboolean
is_there (const char *path)
{
    return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* ---- which there are ----------------------------------------------------------- */

/* NULL where the folder is no sequence. */
static MotSequence *
recognise (const char *folder, const char *name)
{
    g_autofree char *mot = g_build_filename (folder, "gt", "gt.txt", NULL);
    g_autofree char *kitti = g_build_filename (folder, "label_02.txt", NULL);
    gboolean is_kitti = is_there (kitti);
    MotSequence *s;

    if (!is_kitti && !is_there (mot))
        return NULL;
    s = g_new0 (MotSequence, 1);
    s->name = g_strdup (name);
    s->folder = g_strdup (folder);
    s->kitti = is_kitti;
    return s;
}

/* A sequence whose truth is missing, such as those that benchmarks keep to themselves. */
static gboolean
is_unmarked (const char *folder)
{
    g_autofree char *info = g_build_filename (folder, "seqinfo.ini", NULL);

    return is_there (info);
}

static int
by_name (gconstpointer a, gconstpointer b)
{
    const MotSequence *x = *(const MotSequence *const *) a, *y = *(const MotSequence *const *) b;
    return strcmp (x->name, y->name);
}

static gboolean
find_in_folder (const char *dir, GPtrArray *sequences, GError **error)
{
    g_autoptr (GError) cause = NULL;
    g_autoptr (GDir) listing = g_dir_open (dir, 0, &cause);
    const char *name;

    if (!listing) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "%s: %s", dir, cause->message);
        return FALSE;
    }
    while ((name = g_dir_read_name (listing)) != NULL) {
        g_autofree char *folder = g_build_filename (dir, name, NULL);
        MotSequence *s = recognise (folder, name);
        if (s)
            g_ptr_array_add (sequences, s);
        else if (is_unmarked (folder))
            g_printerr ("%s: left out, there is no gt/gt.txt or label_02.txt\n", folder);
    }
    g_ptr_array_sort (sequences, by_name);
    return TRUE;
}

static gboolean
keep_only (const char *dir, GPtrArray *sequences, char **only, GError **error)
{
    for (char **name = only; name && *name; name++) {
        gboolean found = FALSE;
        for (guint i = 0; i < sequences->len; i++)
            found = found || !strcmp (((MotSequence *) sequences->pdata[i])->name, *name);
        if (!found) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "%s has no sequence %s", dir, *name);
            return FALSE;
        }
    }
    for (guint i = sequences->len; only && i-- > 0;)
        if (!g_strv_contains ((const char *const *) only,
                              ((MotSequence *) sequences->pdata[i])->name))
            g_ptr_array_remove_index (sequences, i);
    if (sequences->len > 0)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                 "%s: no sequences, expected folders with gt/gt.txt or label_02.txt", dir);
    return FALSE;
}

/* ---- what is in them ------------------------------------------------------------ */

static guint
last_frame (const GArray *rows)
{
    return rows && rows->len > 0 ? g_array_index (rows, FovMotRow, rows->len - 1).frame : 0;
}

static char *
detections_path (const MotSequence *s, const char *name)
{
    g_autofree char *file = g_strdup_printf (s->kitti ? "det_%s.txt" : "%s.txt", name);

    return s->kitti ? g_build_filename (s->folder, file, NULL)
                    : g_build_filename (s->folder, "det", file, NULL);
}

static FovMotFileParams
file_params (const MotSequence *s, const MotDataParams *params)
{
    return (FovMotFileParams){ .object_class = params->object_class,
                               .mot20 = g_str_has_prefix (s->name, "MOT20") };
}

static int
by_score (gconstpointer a, gconstpointer b)
{
    const FovMotRow *x = *(const FovMotRow *const *) a, *y = *(const FovMotRow *const *) b;
    return (x->score > y->score) - (x->score < y->score);
}

/*
 * Of scores without a known scale only their order means something: each becomes the root of the
 * share of the file's scores that are lower (equal ones count half). The root, as most of what
 * detectors report they are sure of, and that is what trackers' thresholds are made for.
 */
static void
rank_scores (GArray *rows)
{
    g_autoptr (GPtrArray) order = g_ptr_array_sized_new (rows->len);
    guint next;

    for (guint i = 0; i < rows->len; i++)
        g_ptr_array_add (order, &g_array_index (rows, FovMotRow, i));
    g_ptr_array_sort (order, by_score);
    for (guint first = 0; first < order->len; first = next) {
        float score = ((FovMotRow *) order->pdata[first])->score;
        for (next = first; next < order->len; next++)
            if (((FovMotRow *) order->pdata[next])->score != score)
                break;
        for (guint i = first; i < next; i++)
            ((FovMotRow *) order->pdata[i])->score =
                sqrtf ((float) (first + next) / 2 / (float) order->len);
    }
}

static void
scale_scores (MotSequence *s)
{
    float lowest = 0, highest = 1;

    for (guint i = 0; i < s->detections->len; i++) {
        const FovMotRow *row = &g_array_index (s->detections, FovMotRow, i);
        lowest = MIN (lowest, row->score);
        highest = MAX (highest, row->score);
    }
    s->ranked = lowest < 0 || highest > 1;
    if (s->ranked)
        rank_scores (s->detections);
}

/* Once for all sequences. */
static void
tell_ranked (const GPtrArray *sequences, const char *name)
{
    guint n = 0;

    for (guint i = 0; i < sequences->len; i++)
        n += ((const MotSequence *) sequences->pdata[i])->ranked;
    if (n > 0)
        g_printerr ("%s: scores beyond 0..1 in the files of %u of %u sequences; there a score is "
                    "taken to be the square root of the share of its file's scores that are "
                    "lower\n",
                    name, n, sequences->len);
}

static gboolean
load_rows (MotSequence *s, const MotDataParams *params, GError **error)
{
    FovMotFileParams file = file_params (s, params);
    g_autofree char *truths = s->kitti ? g_build_filename (s->folder, "label_02.txt", NULL)
                                       : g_build_filename (s->folder, "gt", "gt.txt", NULL);
    g_autofree char *path = NULL;

    s->truths = fov_mot_file_read (truths, FOV_MOT_FILE_TRUTHS, &file, error);
    if (!s->truths || !params->detections)
        return s->truths != NULL;
    path = detections_path (s, params->detections);
    s->detections = fov_mot_file_read (path, FOV_MOT_FILE_DETECTIONS, &file, error);
    if (s->detections)
        scale_scores (s);
    return s->detections != NULL;
}

static gboolean
load_camera (MotSequence *s, const MotDataParams *params, GError **error)
{
    g_autofree char *motion = g_build_filename (s->folder, "gmc.txt", NULL);
    g_autofree char *camera = g_build_filename (s->folder, "cam_para.txt", NULL);

    if (!params->no_camera_motion && is_there (motion)) {
        s->motions = fov_mot_motions_read (motion, error);
        if (!s->motions)
            return FALSE;
    }
    s->has_ground = params->ground && is_there (camera);
    return !s->has_ground || fov_ground_camera_load (camera, &s->ground, error);
}

/* Rows beyond the sequence's end would count for nothing. */
static gboolean
check_length (const MotSequence *s, const GArray *rows, const char *what, GError **error)
{
    if (last_frame (rows) <= s->n_frames)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                 "%s: %s in frame %u, but seqinfo.ini says that the sequence has %u frames",
                 s->folder, what, last_frame (rows), s->n_frames);
    return FALSE;
}

/* A tracker would be told that most of what it is to find lies where no picture is. */
static gboolean
check_size (const MotSequence *s, const char *path, GError **error)
{
    guint n = 0, outside = 0;

    if (s->width <= 0 || s->height <= 0)
        return TRUE;
    for (guint i = 0; i < s->truths->len; i++) {
        const FovMotRow *row = &g_array_index (s->truths, FovMotRow, i);
        float x = (row->box.x1 + row->box.x2) / 2, y = (row->box.y1 + row->box.y2) / 2;
        if (row->role != FOV_MOT_COUNTED)
            continue;
        n++;
        outside += !(x >= 0 && y >= 0 && x <= (float) s->width && y <= (float) s->height);
    }
    if (outside <= n / 2)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                 "%s: imWidth %d and imHeight %d, but %u of the %u truth boxes lie outside of that",
                 path, s->width, s->height, outside, n);
    return FALSE;
}

/* From seqinfo.ini, where there is one; else the last frame that any file speaks of. */
static gboolean
load_info (MotSequence *s, GError **error)
{
    g_autofree char *path = g_build_filename (s->folder, "seqinfo.ini", NULL);
    FovMotSequenceInfo info = { 0 };
    gboolean ok = TRUE;

    s->n_frames = MAX (last_frame (s->truths), last_frame (s->detections));
    if (s->motions && s->motions->len > 0)
        s->n_frames =
            MAX (s->n_frames, g_array_index (s->motions, FovMotMotion, s->motions->len - 1).frame);
    s->frame_rate = s->kitti ? KITTI_RATE : 0;
    if (is_there (path)) {
        ok = fov_mot_sequence_info_read (path, &info, error);
        s->n_frames = info.n_frames ? info.n_frames : s->n_frames;
        s->frame_rate = info.frame_rate;
        s->width = info.width;
        s->height = info.height;
        fov_mot_sequence_info_clear (&info);
        ok = ok && check_size (s, path, error);
    }
    return ok && check_length (s, s->truths, "truth", error) &&
           check_length (s, s->detections, "detections", error);
}

static gboolean
load (MotSequence *s, const MotDataParams *params, GError **error)
{
    if (!load_rows (s, params, error) || !load_camera (s, params, error) || !load_info (s, error))
        return FALSE;
    if (params->val_half) {
        s->skip = MIN (s->n_frames / 2 + 1, s->n_frames);
        s->n_frames -= s->skip;
    }
    return TRUE;
}

GPtrArray *
mot_data_load (const char *dir, const MotDataParams *params, GError **error)
{
    g_autoptr (GPtrArray) sequences = g_ptr_array_new_with_free_func (sequence_free);
    g_autofree char *absolute = g_canonicalize_filename (dir, NULL);
    g_autofree char *base = g_path_get_basename (absolute);
    MotSequence *itself = recognise (dir, base);

    if (itself)
        g_ptr_array_add (sequences, itself);
    else if (!find_in_folder (dir, sequences, error))
        return NULL;
    if (!keep_only (dir, sequences, params->only, error))
        return NULL;
    for (guint i = 0; i < sequences->len; i++)
        if (!load (sequences->pdata[i], params, error))
            return NULL;
    if (!params->quiet)
        tell_ranked (sequences, params->detections);
    return g_steal_pointer (&sequences);
}

/* ---- results --------------------------------------------------------------------- */

GArray *
mot_data_results (const MotSequence *s, const char *dir, const MotDataParams *params,
                  GError **error)
{
    FovMotFileParams file = file_params (s, params);
    g_autofree char *name = g_strconcat (s->name, ".txt", NULL);
    g_autofree char *path = g_build_filename (dir, name, NULL);
    GArray *rows = fov_mot_file_read (path, FOV_MOT_FILE_RESULTS, &file, error);

    /* KITTI's files do not say how long a sequence is. */
    if (rows && !s->kitti && last_frame (rows) > s->n_frames) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "%s: frame %u, but the sequence has %u frames%s", path, last_frame (rows),
                     s->n_frames, s->skip > 0 ? " in its second half" : "");
        g_clear_pointer (&rows, g_array_unref);
    }
    return rows;
}

gboolean
mot_data_score (const MotSequence *s, const GArray *results, FovMotEval *eval, FovMotScores *scores,
                GError **error)
{
    g_autoptr (GArray) truths = g_array_new (FALSE, FALSE, sizeof (FovMotTruth));
    g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (FovMotResult));
    guint last = MAX (s->n_frames, last_frame (results)), n;

    fov_mot_eval_begin (eval, s->kitti ? KITTI_MIN_HEIGHT : 0);
    for (guint frame = 1; frame <= last; frame++) {
        const FovMotRow *row = fov_mot_rows_of_frame (s->truths, frame + s->skip, &n);
        g_array_set_size (truths, 0);
        g_array_set_size (found, 0);
        for (guint i = 0; i < n; i++) {
            FovMotTruth truth = { row[i].id, row[i].box, row[i].role };
            g_array_append_val (truths, truth);
        }
        row = fov_mot_rows_of_frame (results, frame, &n);
        for (guint i = 0; i < n; i++) {
            FovMotResult result = { row[i].id, row[i].box };
            g_array_append_val (found, result);
        }
        if (!fov_mot_eval_add (eval, (const FovMotTruth *) (const void *) truths->data, truths->len,
                               (const FovMotResult *) (const void *) found->data, found->len,
                               error)) {
            g_prefix_error (error, "%s: ", s->name);
            return FALSE;
        }
    }
    if (fov_mot_eval_end (eval, scores, error))
        return TRUE;
    g_prefix_error (error, "%s: ", s->name);
    return FALSE;
}

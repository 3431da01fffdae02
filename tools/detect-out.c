/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "detect-out.h"

#include "detect-json.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { OUT_NONE, OUT_STILL, OUT_SERIES, OUT_STREAM, OUT_FOLDER } OutKind;

struct _DetectOut {
    const DetectOptions *options;
    FovDetector *detector;
    FovLabels *labels;
    Progress *progress;
    OutKind kind;
    FovOverlay *overlay;
    FovWriter *writer;
    gint64 base_pts, last_pts; /* of the writer: inputs follow each other */
    gint64 frame_time;         /* ns */
    FILE *json, *mot;
    Scene *scene;
    gboolean one_picture;
    const char *input;
    /* the summary */
    gint64 start;
    guint64 n_seen; /* frames in which the one object is, where there is no detector */
    guint64 n_frames, n_looked, n_damaged, n_written;
    Samples *latencies;
    Counts *by_class, *in_frame;
};

/* ---- what OUT is ----------------------------------------------------------- */

static gboolean
has_suffix (const char *path, const char *const *suffixes)
{
    g_autofree char *lower = g_ascii_strdown (path, -1);

    for (; *suffixes; suffixes++)
        if (g_str_has_suffix (lower, *suffixes))
            return TRUE;
    return FALSE;
}

static gboolean
is_image_name (const char *path)
{
    static const char *const suffixes[] = { ".png", ".jpg", ".jpeg", NULL };

    return has_suffix (path, suffixes);
}

static OutKind
kind_of (const char *path)
{
    if (!path)
        return OUT_NONE;
    if (g_str_has_suffix (path, "/") || g_file_test (path, G_FILE_TEST_IS_DIR))
        return OUT_FOLDER;
    if (!is_image_name (path))
        return OUT_STREAM;
    return strchr (path, '%') ? OUT_SERIES : OUT_STILL;
}

/* The place of a pattern's number: "%d" or "%05d", and no other '%'. */
static GRegex *
number_regex (void)
{
    return g_regex_new ("^([^%]*)%(?:0(\\d))?d([^%]*)$", 0, 0, NULL);
}

static gboolean
check_pattern (const char *path, GError **error)
{
    g_autoptr (GRegex) regex = number_regex ();

    if (g_regex_match (regex, path, 0, NULL))
        return TRUE;
    return cli_usage_error (error, "--output is '%s', expected one number such as %%05d in it",
                            path) >= 0;
}

static char *
numbered (const char *path, guint64 number)
{
    g_autoptr (GRegex) regex = number_regex ();
    g_autoptr (GMatchInfo) match = NULL;
    g_autofree char *head = NULL, *width = NULL, *tail = NULL;

    g_regex_match (regex, path, 0, &match);
    head = g_match_info_fetch (match, 1);
    width = g_match_info_fetch (match, 2);
    tail = g_match_info_fetch (match, 3);
    return g_strdup_printf ("%s%0*" G_GUINT64_FORMAT "%s", head, atoi (width), number, tail);
}

/* A picture or video is never written over the one that it is read from. */
static gboolean
check_apart (const char *input, const char *output, GError **error)
{
    GStatBuf a, b;

    if (g_stat (input, &a) || g_stat (output, &b) || a.st_dev != b.st_dev || a.st_ino != b.st_ino ||
        !S_ISREG (a.st_mode))
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "cannot write '%s': it is the input itself; expected another name or folder",
                 output);
    return FALSE;
}

static const char *
mot_path (const DetectOut *out)
{
    return out->options->track ? out->options->track->mot : NULL;
}

DetectOut *
detect_out_new (const DetectOptions *options, FovDetector *detector, guint n_inputs,
                Progress *progress, GError **error)
{
    g_autoptr (DetectOut) out = g_new0 (DetectOut, 1);

    out->options = options;
    out->detector = detector ? fov_detector_ref (detector) : NULL;
    out->labels = detector ? fov_detector_labels (detector) : NULL;
    out->scene = scene_new ();
    out->progress = progress;
    out->kind = kind_of (options->output);
    out->overlay = fov_overlay_new (
        &(FovOverlayParams){ .hide_labels = options->no_labels,
                             .trail = options->track ? (float) options->track->trail : 0 });
    out->latencies = samples_new ();
    out->by_class = counts_new ();
    out->in_frame = counts_new ();
    out->start = g_get_monotonic_time ();
    out->last_pts = -1;
    if (out->kind == OUT_STILL && n_inputs > 1) {
        cli_usage_error (error,
                         "--output %s is one picture, but there are %u inputs: expected a folder, "
                         "a pattern such as out/%%05d.png, or a video",
                         options->output, n_inputs);
        return NULL;
    }
    if (out->kind == OUT_SERIES && !check_pattern (options->output, error))
        return NULL;
    if (out->kind == OUT_FOLDER && g_mkdir_with_parents (options->output, 0777)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "cannot make the folder '%s'",
                     options->output);
        return NULL;
    }
    if (options->json && !(out->json = output_open (options->json, error)))
        return NULL;
    if (mot_path (out) && !(out->mot = output_open (mot_path (out), error)))
        return NULL;
    return g_steal_pointer (&out);
}

gboolean
detect_out_draws (const DetectOut *out)
{
    return out->kind != OUT_NONE;
}

gboolean
detect_out_begin (DetectOut *out, const char *input, const FovReaderInfo *info, GError **error)
{
    gboolean one = info->n_frames == 1 || out->options->max_frames == 1;

    out->input = input;
    out->one_picture = info->n_frames == 1;
    if (out->kind == OUT_STILL && !one)
        return cli_usage_error (
                   error,
                   "--output %s is one picture, but %s has several: expected a folder, "
                   "a pattern such as out/%%05d.png, or a video",
                   out->options->output, input) >= 0;
    if (out->kind != OUT_NONE && !check_apart (input, out->options->output, error))
        return FALSE;
    /* Each video has its own file in a folder. */
    if (out->kind == OUT_FOLDER && out->writer) {
        if (!fov_writer_close (out->writer, error))
            return FALSE;
        g_clear_pointer (&out->writer, fov_writer_free);
        out->last_pts = -1;
    }
    fov_overlay_forget (out->overlay);
    out->base_pts = out->last_pts < 0 ? 0 : out->last_pts + out->frame_time;
    out->frame_time =
        info->fps_num > 0 ? (gint64) info->fps_den * 1000000000 / info->fps_num : 40000000;
    return TRUE;
}

/* ---- drawn pictures -------------------------------------------------------- */

static gboolean
open_writer (DetectOut *out, const Picture *picture, GError **error)
{
    FovWriterParams params = { .fps_num = picture->fps_num, .fps_den = picture->fps_den };
    g_autofree char *path = NULL;

    if (out->kind == OUT_FOLDER) {
        g_autofree char *name = g_path_get_basename (picture->source);
        char *dot = strrchr (name, '.');
        if (dot && dot != name)
            *dot = '\0';
        path = g_strdup_printf ("%s/%s.mp4", out->options->output, name);
    } else {
        path = g_strdup (out->options->output);
    }
    if (!check_apart (picture->source, path, error))
        return FALSE;
    out->writer =
        fov_writer_open (path, picture->image.width, picture->image.height, &params, error);
    return out->writer != NULL;
}

static gboolean
write_still (DetectOut *out, const Picture *picture, GError **error)
{
    g_autofree char *name = NULL, *path = NULL;

    if (out->kind == OUT_STILL) {
        path = g_strdup (out->options->output);
    } else if (out->kind == OUT_SERIES) {
        path = numbered (out->options->output, out->n_written);
    } else {
        name = g_path_get_basename (picture->path);
        path = g_strdup_printf ("%s/%s%s", out->options->output, name,
                                is_image_name (name) ? "" : ".png");
    }
    if (picture->path && !check_apart (picture->path, path, error))
        return FALSE;
    return fov_image_save (&picture->image, path, error);
}

static gboolean
write_picture (DetectOut *out, Picture *picture, GError **error)
{
    gboolean show_lost = out->options->track && out->options->track->show_lost;
    gint64 pts;

    fov_overlay_set_time (out->overlay, picture->pts);
    if (!scene_draw (out->scene, out->overlay, &picture->image, out->labels, show_lost, error))
        return FALSE;
    if (out->kind != OUT_STREAM && (out->kind != OUT_FOLDER || picture->path)) {
        if (!write_still (out, picture, error))
            return FALSE;
        out->n_written++;
        return TRUE;
    }
    out->n_written++;
    if (!out->writer && !open_writer (out, picture, error))
        return FALSE;
    pts = MAX (out->base_pts + picture->pts, out->last_pts + 1);
    out->last_pts = pts;
    return fov_writer_write (out->writer, &picture->image, pts, error);
}

/* ---- text and JSON --------------------------------------------------------- */

/* A line of MOTChallenge for each object that a track is sure of and that is not lost. */
static void
write_mot (DetectOut *out, const Picture *picture)
{
    for (guint i = 0; i < out->scene->objects->len; i++) {
        const SceneObject *o = &g_array_index (out->scene->objects, SceneObject, i);
        if (scene_object_is_shown (o, FALSE))
            fprintf (out->mot,
                     "%" G_GINT64_FORMAT ",%" G_GUINT64_FORMAT
                     ",%.2f,%.2f,%.2f,%.2f,%.4f,-1,-1,-1\n",
                     picture->index + 1, o->track.id, o->box.x1, o->box.y1, o->box.x2 - o->box.x1,
                     o->box.y2 - o->box.y1, o->score);
    }
}

/* A list that finds no room ends the run there, not after hours. */
static gboolean
write_lists (DetectOut *out, const Picture *picture, GError **error)
{
    if (out->json) {
        write_scene_json (out->scene, picture, out->labels, out->json);
        if (!output_is_well (out->json, out->options->json, error))
            return FALSE;
    }
    if (out->mot)
        write_mot (out, picture);
    return !out->mot || output_is_well (out->mot, mot_path (out), error);
}

/* "person #1, person #4" */
static char *
names_text (DetectOut *out)
{
    GString *text = g_string_new (NULL);
    char buffer[32];

    for (guint i = 0; i < out->scene->objects->len; i++) {
        const SceneObject *o = &g_array_index (out->scene->objects, SceneObject, i);
        if (scene_object_is_shown (o, out->options->track->show_lost))
            g_string_append_printf (text, "%s%s #%" G_GUINT64_FORMAT, text->len ? ", " : "",
                                    class_name (out->labels, o->label, buffer), o->track.id);
    }
    return g_string_free (g_string_append (text, text->len ? "" : "none"), FALSE);
}

static void
print_frame (DetectOut *out, const Picture *picture, const GArray *detections)
{
    g_autofree char *objects = out->options->track ? names_text (out) : counts_text (out->in_frame);

    progress_clear (out->progress);
    if (out->one_picture && out->n_looked == 1)
        print_detections (detections, out->labels, stdout);
    else if (picture->path)
        printf ("%s: %s\n", picture->path, objects);
    else
        printf ("frame %" G_GINT64_FORMAT "  %.3f s: %s\n", picture->index, picture->pts * 1e-9,
                objects);
    fflush (stdout);
}

static void
count_objects (DetectOut *out, const GArray *detections)
{
    char buffer[32];

    out->n_looked++;
    counts_clear (out->in_frame);
    for (guint i = 0; i < detections->len; i++) {
        int label = g_array_index (detections, FovDetection, i).label;
        const char *name = class_name (out->labels, label, buffer);
        counts_add (out->in_frame, name, 1);
        counts_add (out->by_class, name, 1);
    }
}

gboolean
detect_out_frame (DetectOut *out, Picture *picture, const GArray *detections, const GArray *tracks,
                  gboolean fresh, GError **error)
{
    out->n_frames++;
    scene_set (out->scene, detections, tracks, picture->image.width, picture->image.height);
    if (fresh)
        count_objects (out, detections);
    if (!out->detector && tracks)
        out->n_seen += g_array_index (tracks, FovTrack, 0).state != FOV_TRACK_LOST;
    if (fresh || tracks) {
        if (!write_lists (out, picture, error))
            return FALSE;
        if (!out->json && !out->mot && out->kind == OUT_NONE)
            print_frame (out, picture, detections);
    }
    return out->kind == OUT_NONE || write_picture (out, picture, error);
}

void
detect_out_skipped (DetectOut *out)
{
    out->n_frames++;
}

void
detect_out_latency (DetectOut *out, double seconds)
{
    samples_add (out->latencies, seconds);
}

void
detect_out_damaged (DetectOut *out, guint64 n)
{
    out->n_damaged += n;
}

/* ---- the end --------------------------------------------------------------- */

gboolean
detect_out_close (DetectOut *out, GError **error)
{
    gboolean ok = TRUE;

    if (out->writer)
        ok = fov_writer_close (out->writer, error);
    if (out->json && !output_close (out->json, out->options->json, ok ? error : NULL))
        ok = FALSE;
    out->json = NULL;
    if (out->mot && !output_close (out->mot, mot_path (out), ok ? error : NULL))
        ok = FALSE;
    out->mot = NULL;
    return ok;
}

static gboolean
is_stdout (const char *path)
{
    return path && !strcmp (path, "-");
}

static void
print_speed (DetectOut *out, FILE *to)
{
    double seconds = (double) (g_get_monotonic_time () - out->start) / G_USEC_PER_SEC;

    fprintf (to, "frames     %" G_GUINT64_FORMAT, out->n_frames);
    if (out->detector && out->n_looked != out->n_frames)
        fprintf (to, ", looked at %" G_GUINT64_FORMAT, out->n_looked);
    if (out->n_damaged)
        fprintf (to, ", %" G_GUINT64_FORMAT " damaged packets or pictures skipped", out->n_damaged);
    fprintf (to, "\nspeed      %.1f frames a second\n",
             seconds > 0 ? (double) out->n_frames / seconds : 0);
    if (!out->detector)
        fprintf (to, "seen       in %" G_GUINT64_FORMAT " frames\n", out->n_seen);
    fprintf (to, "%s p50 %.1f ms, p95 %.1f ms\n",
             !out->detector        ? "tracking  "
             : out->options->track ? "detection "
                                   : "latency   ",
             samples_quantile (out->latencies, 0.5) * 1e3,
             samples_quantile (out->latencies, 0.95) * 1e3);
}

void
detect_out_summary (DetectOut *out, Tracking *tracking)
{
    const char *files[] = { out->n_written ? out->options->output : NULL, out->options->json,
                            mot_path (out) };
    FILE *to = is_stdout (files[1]) || is_stdout (files[2]) ? stderr : stdout;
    g_autofree char *objects = counts_text (out->by_class);
    gboolean printed = !files[1] && !files[2] && out->kind == OUT_NONE;

    progress_clear (out->progress);
    if (printed)
        fprintf (to, "\n");
    if (out->detector)
        fprintf (to, "device     %s\n", fov_device_name (fov_detector_device (out->detector)));
    print_speed (out, to);
    if (out->detector)
        fprintf (to, "objects    %s\n", objects);
    if (tracking)
        tracking_summary (tracking, to);
    for (guint i = 0; i < G_N_ELEMENTS (files); i++)
        if (files[i] && !is_stdout (files[i]))
            fprintf (to, "wrote      %s\n", files[i]);
}

void
detect_out_free (DetectOut *out)
{
    g_clear_pointer (&out->writer, fov_writer_free);
    if (out->json && out->json != stdout)
        fclose (out->json);
    if (out->mot && out->mot != stdout)
        fclose (out->mot);
    scene_free (out->scene);
    g_clear_pointer (&out->overlay, fov_overlay_free);
    g_clear_pointer (&out->detector, fov_detector_unref);
    g_clear_pointer (&out->latencies, samples_free);
    g_clear_pointer (&out->by_class, counts_free);
    g_clear_pointer (&out->in_frame, counts_free);
    g_free (out);
}

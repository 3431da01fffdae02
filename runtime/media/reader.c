/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <glob.h>
#include <string.h>
#include <libavutil/motion_vector.h>
#include "clock.h"
#include "picture.h"
#include "source.h"

/* The rate that is given to a series of images, which has none of its own. */
enum { SERIES_FPS = 25 };

struct _FovReader {
    FovInterrupt interrupt;
    char *name;
    FovSourceWants wants;
    GArray *motion;   /* FovMotionVector of the current frame; NULL: not wanted */
    GPtrArray *paths; /* of images; NULL for all else */
    guint next_path;
    FovSource *source; /* of the current frame, or NULL */
    guint64 damaged;   /* in sources that are closed */
    char *damage;      /* what the first of it was */
    FovReaderInfo info;
    AVFrame *frame, *converted;
    FovScaler scaler;
    gboolean pending; /* frame was decoded by open and is the next one */
    FovClock clock;
    gint64 index;
};

static int
by_name (gconstpointer a, gconstpointer b)
{
    return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static GPtrArray *
expand (const char *pattern, GError **error)
{
    g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
    glob_t found = { 0 };
    int ret = glob (pattern, GLOB_NOSORT, NULL, &found);

    for (gsize i = 0; ret == 0 && i < found.gl_pathc; i++) {
        if (!g_file_test (found.gl_pathv[i], G_FILE_TEST_IS_DIR))
            g_ptr_array_add (paths, g_strdup (found.gl_pathv[i]));
    }
    globfree (&found);
    if (paths->len == 0) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "cannot open '%s': no file matches", pattern);
        return NULL;
    }
    /* By bytes: glob's own order changes with the user's locale. */
    g_ptr_array_sort (paths, by_name);
    return g_steal_pointer (&paths);
}

/* All that are pictures by their names, whatever the case; hidden files are none. */
static GPtrArray *
list_folder (const char *folder, GError **error)
{
    g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GError) local = NULL;
    g_autoptr (GDir) dir = g_dir_open (folder, 0, &local);

    for (const char *name; dir && (name = g_dir_read_name (dir));) {
        g_autofree char *path = g_build_filename (folder, name, NULL);
        if (name[0] != '.' && fov_source_guess (path) == FOV_SOURCE_STILL &&
            !g_file_test (path, G_FILE_TEST_IS_DIR))
            g_ptr_array_add (paths, g_steal_pointer (&path));
    }
    if (paths->len == 0) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "cannot open '%s': %s", folder,
                     dir ? "a folder with no pictures (.jpg, .png, ...) in it" : local->message);
        return NULL;
    }
    g_ptr_array_sort (paths, by_name);
    return g_steal_pointer (&paths);
}

/* Fills paths where name means images; leaves it NULL for all else. */
static gboolean
resolve (FovReader *reader, FovSourceKind kind, GError **error)
{
    const char *name = reader->name;

    if (kind == FOV_SOURCE_URL)
        return TRUE;
    if (g_file_test (name, G_FILE_TEST_IS_DIR)) {
        reader->paths = list_folder (name, error);
        return reader->paths != NULL;
    }
    if (!g_file_test (name, G_FILE_TEST_EXISTS)) {
        if (strpbrk (name, "*?[")) {
            reader->paths = expand (name, error);
            return reader->paths != NULL;
        }
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "cannot open '%s': %s", name,
                     g_strerror (ENOENT));
        return FALSE;
    }
    if (kind == FOV_SOURCE_STILL) {
        reader->paths = g_ptr_array_new_with_free_func (g_free);
        g_ptr_array_add (reader->paths, g_strdup (name));
    }
    return TRUE;
}

static void
close_source (FovReader *reader)
{
    if (reader->source)
        reader->damaged += reader->source->damaged;
    g_clear_pointer (&reader->source, fov_source_free);
}

/* Decodes the next image of the list that can be decoded. */
static gboolean
next_image (FovReader *reader, GError **error)
{
    g_autoptr (GError) first = NULL;

    while (reader->next_path < reader->paths->len) {
        const char *path = g_ptr_array_index (reader->paths, reader->next_path++);
        GError *local = NULL;

        close_source (reader);
        reader->source =
            fov_source_open (path, FOV_SOURCE_STILL, FOV_SOURCE_PLAIN, &reader->interrupt, &local);
        if (reader->source && fov_source_next (reader->source, reader->frame, &local))
            return TRUE;
        if (g_error_matches (local, FOV_ERROR, FOV_ERROR_CANCELLED)) {
            g_propagate_error (error, local);
            return FALSE;
        }
        g_info ("skipped: %s", local->message);
        if (!reader->source || reader->source->damaged == 0)
            reader->damaged++;
        if (!reader->damage)
            reader->damage = g_strdup (local->message);
        if (first)
            g_error_free (local);
        else
            first = local;
    }
    if (first && reader->index == 0)
        g_propagate_error (error, g_steal_pointer (&first));
    return FALSE;
}

static gboolean
decode (FovReader *reader, GError **error)
{
    if (reader->pending) {
        reader->pending = FALSE;
        return TRUE;
    }
    if (reader->paths)
        return next_image (reader, error);
    return fov_source_next (reader->source, reader->frame, error);
}

static void
describe_images (FovReader *reader)
{
    guint n = reader->paths->len;

    reader->info = (FovReaderInfo){ .width = reader->frame->width,
                                    .height = reader->frame->height,
                                    .fps_num = n > 1 ? SERIES_FPS : 0,
                                    .fps_den = 1,
                                    .n_frames = n,
                                    .duration = n > 1 ? n * reader->clock.step : 0 };
}

static void
describe_video (FovReader *reader)
{
    FovSource *source = reader->source;
    AVStream *stream = source->stream;
    gboolean still = fov_source_is_still (source);
    AVRational fps = av_guess_frame_rate (source->format, stream, NULL);

    if (still || fps.num <= 0 || fps.den <= 0 || av_q2d (fps) > 1000)
        fps = (AVRational){ 0, 1 };
    if (fps.num > 0)
        reader->clock.step = MAX (av_rescale (1000000000, fps.den, fps.num), 1);
    reader->info = (FovReaderInfo){ .width = stream->codecpar->width,
                                    .height = stream->codecpar->height,
                                    .fps_num = fps.num,
                                    .fps_den = fps.den,
                                    .n_frames = stream->nb_frames > 0 ? stream->nb_frames : -1,
                                    .duration = -1,
                                    .live = source->live };
    if (still)
        reader->info.n_frames = 1;
    if (!source->live && source->format->duration > 0 &&
        source->format->duration < G_MAXINT64 / 1000)
        reader->info.duration = source->format->duration * 1000; /* AV_TIME_BASE is 1 us */
}

static gboolean
open_input (FovReader *reader, GError **error)
{
    FovSourceKind kind = fov_source_guess (reader->name);

    if (!resolve (reader, kind, error))
        return FALSE;
    if (reader->paths) {
        reader->pending = next_image (reader, error);
        if (!reader->pending)
            return FALSE;
        describe_images (reader);
    } else {
        reader->source =
            fov_source_open (reader->name, kind, reader->wants, &reader->interrupt, error);
        if (!reader->source)
            return FALSE;
        describe_video (reader);
    }
    reader->info.codec = reader->source->decoder->codec->name;
    reader->info.reordered = reader->source->decoder->has_b_frames > 0;
    return TRUE;
}

FovReader *
fov_reader_open (const char *input, GError **error)
{
    return fov_reader_open_full (input, NULL, error);
}

FovReader *
fov_reader_open_full (const char *input, const FovReaderParams *params, GError **error)
{
    g_autoptr (FovReader) reader = NULL;

    fov_media_begin ();
    if (!input || !*input) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "no input to read: the name is empty");
        return NULL;
    }
    reader = g_new0 (FovReader, 1);
    reader->name = g_strdup (input);
    reader->clock.step = 1000000000 / SERIES_FPS;
    if (params && params->motion_vectors) {
        reader->wants = FOV_SOURCE_MOTION;
        reader->motion = g_array_new (FALSE, FALSE, sizeof (FovMotionVector));
    }
    reader->frame = av_frame_alloc ();
    if (!reader->frame) {
        fov_media_set_error (error, AVERROR (ENOMEM), "cannot open '%s'", input);
        return NULL;
    }
    return open_input (reader, error) ? g_steal_pointer (&reader) : NULL;
}

void
fov_reader_free (FovReader *reader)
{
    if (!reader)
        return;
    fov_source_free (reader->source);
    g_clear_pointer (&reader->paths, g_ptr_array_unref);
    g_clear_pointer (&reader->motion, g_array_unref);
    av_frame_free (&reader->frame);
    av_frame_free (&reader->converted);
    fov_scaler_clear (&reader->scaler);
    g_free (reader->damage);
    g_free (reader->name);
    g_free (reader);
}

const FovReaderInfo *
fov_reader_info (FovReader *reader)
{
    return &reader->info;
}

guint64
fov_reader_damaged (FovReader *reader)
{
    return reader->damaged + (reader->source ? reader->source->damaged : 0);
}

const char *
fov_reader_damage (FovReader *reader)
{
    const FovSource *source = reader->source;

    if (!reader->damage && source && source->damaged)
        reader->damage = g_strdup_printf ("'%s': %s", source->name, source->reason);
    return reader->damage;
}

void
fov_reader_cancel (FovReader *reader)
{
    g_atomic_int_set (&reader->interrupt.cancelled, 1);
}

static gint64
next_pts (FovReader *reader)
{
    const AVFrame *frame = reader->frame;
    gint64 time = FOV_CLOCK_NONE;

    if (!reader->paths && frame->best_effort_timestamp != AV_NOPTS_VALUE)
        time = av_rescale_q (frame->best_effort_timestamp, reader->source->stream->time_base,
                             (AVRational){ 1, 1000000000 });
    return fov_clock_next (&reader->clock, time);
}

/* The file's blocks as ours: motion_x / motion_scale is finer than src_x, which is rounded. */
static void
take_motion (FovReader *reader, FovFrame *frame)
{
    const AVFrameSideData *side =
        av_frame_get_side_data (reader->frame, AV_FRAME_DATA_MOTION_VECTORS);
    gsize n = side ? side->size / sizeof (AVMotionVector) : 0;

    g_array_set_size (reader->motion, 0);
    for (gsize i = 0; i < n; i++) {
        const AVMotionVector *v = (const AVMotionVector *) (const void *) side->data + i;
        float scale = v->motion_scale ? (float) v->motion_scale : 1;
        FovMotionVector ours = { .x = v->dst_x,
                                 .y = v->dst_y,
                                 .dx = (float) v->motion_x / scale,
                                 .dy = (float) v->motion_y / scale,
                                 .width = v->w,
                                 .height = v->h,
                                 .direction = v->source < 0 ? -1 : 1 };
        g_array_append_val (reader->motion, ours);
    }
    frame->motion = (const FovMotionVector *) (const void *) reader->motion->data;
    frame->n_motion = reader->motion->len;
}

gboolean
fov_reader_read (FovReader *reader, FovFrame *frame, GError **error)
{
    gboolean still;

    fov_media_begin ();
    if (!decode (reader, error))
        return FALSE;
    still = fov_source_is_still (reader->source);
    *frame = (FovFrame){ .pts = next_pts (reader), .index = reader->index };
    if (!fov_picture_view (reader->frame, &frame->image)) {
        reader->converted =
            fov_picture_convert (&reader->scaler, reader->frame, still, reader->converted, error);
        if (!reader->converted) {
            g_prefix_error (error, "'%s': ", reader->source->name);
            return FALSE;
        }
        fov_picture_view (reader->converted, &frame->image);
    }
    if (reader->motion)
        take_motion (reader, frame);
    frame->path = still ? reader->source->name : NULL;
    reader->index++;
    return TRUE;
}

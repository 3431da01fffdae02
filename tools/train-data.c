/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures of a data set that is a folder for each class. */
#include "interrupt.h"
#include "print.h"
#include "train.h"

#include <string.h>

#include <fovea/media.h>

static void
picture_clear (gpointer data)
{
    g_free (((TrainPicture *) data)->pixels);
}

void
train_data_free (TrainData *data)
{
    if (!data)
        return;
    g_ptr_array_unref (data->classes);
    g_array_unref (data->train);
    g_array_unref (data->valid);
    g_free (data);
}

static int
by_name (gconstpointer a, gconstpointer b)
{
    return strcmp (*(char *const *) a, *(char *const *) b);
}

GPtrArray *
train_list_folder (const char *folder, gboolean folders, GError **error)
{
    g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
    GPtrArray *names;

    if (!dir) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "%s: not a folder that can be read", folder);
        return NULL;
    }
    names = g_ptr_array_new_with_free_func (g_free);
    for (const char *name; (name = g_dir_read_name (dir));) {
        g_autofree char *path = g_build_filename (folder, name, NULL);
        if (name[0] != '.' &&
            g_file_test (path, folders ? G_FILE_TEST_IS_DIR : G_FILE_TEST_IS_REGULAR))
            g_ptr_array_add (names, g_strdup (name));
    }
    g_ptr_array_sort (names, by_name);
    return names;
}

gboolean
train_picture_tensor (const FovImage *image, int width, int height, float *tensor, GError **error)
{
    const float w = (float) image->width, h = (float) image->height;
    const float s = MIN (w / (float) width, h / (float) height);
    const float x = MAX ((w - s * (float) width) / 2, 0), y = MAX ((h - s * (float) height) / 2, 0);

    return fov_picture_to_tensor (image,
                                  &(FovPictureParams){ .width = width,
                                                       .height = height,
                                                       .region = { x, y, w - x, h - y } },
                                  tensor, error);
}

static gboolean
read_picture (const char *path, int side, float *pixels, GError **error)
{
    FovReader *reader = fov_reader_open (path, error);
    gboolean ok = FALSE;
    FovFrame frame;

    if (!reader)
        return FALSE;
    if (fov_reader_read (reader, &frame, error)) {
        ok = train_picture_tensor (&frame.image, side, side, pixels, error);
    } else if (error && !*error) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "no picture in it");
    }
    fov_reader_free (reader);
    return ok;
}

static gboolean
read_class (TrainData *data, const char *folder, guint label, int validation, Progress *progress,
            GError **error)
{
    g_autofree char *path = g_build_filename (folder, data->classes->pdata[label], NULL);
    g_autoptr (GPtrArray) files = train_list_folder (path, FALSE, error);

    for (guint i = 0; files && i < files->len; i++) {
        g_autofree char *file = g_build_filename (path, files->pdata[i], NULL);
        /* Evenly spread, the first never: of few pictures, all learn. */
        gboolean apart = (i + 1) * (guint) validation / 100 > i * (guint) validation / 100;
        TrainPicture picture = { g_new (float, 3 * data->side * data->side), label };
        if (interrupted () || !read_picture (file, data->side, picture.pixels, error)) {
            g_prefix_error (error, "%s: ", file);
            g_free (picture.pixels);
            return FALSE;
        }
        g_array_append_val (apart ? data->valid : data->train, picture);
        progress_set (progress, data->train->len + data->valid->len);
    }
    return files != NULL;
}

static gboolean
read_classes (TrainData *data, const char *folder, int validation, gboolean quiet, GError **error)
{
    g_autoptr (Progress) progress = progress_new ("reading", "pictures", -1, quiet);

    data->classes = train_list_folder (folder, TRUE, error);
    if (!data->classes) {
        data->classes = g_ptr_array_new ();
        return FALSE;
    }
    for (guint i = 0; i < data->classes->len; i++)
        if (!read_class (data, folder, i, validation, progress, error))
            return FALSE;
    if (data->classes->len >= 2 && data->train->len)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "%s: %u pictures in %u folders, expected a folder of pictures for each of at "
                 "least 2 classes",
                 folder, data->train->len, data->classes->len);
    return FALSE;
}

TrainData *
train_data_read (const char *folder, int size, int validation, gboolean quiet, GError **error)
{
    TrainData *data = g_new0 (TrainData, 1);

    data->side = size + MAX (size / 8, 2);
    data->train = g_array_new (FALSE, FALSE, sizeof (TrainPicture));
    data->valid = g_array_new (FALSE, FALSE, sizeof (TrainPicture));
    g_array_set_clear_func (data->train, picture_clear);
    g_array_set_clear_func (data->valid, picture_clear);
    if (read_classes (data, folder, validation, quiet, error))
        return data;
    train_data_free (data);
    return NULL;
}

void
train_picture_cut (const TrainData *data, const TrainPicture *picture, int size, int x, int y,
                   gboolean mirror, float *out)
{
    for (int c = 0; c < 3; c++)
        for (int row = 0; row < size; row++) {
            const float *from =
                picture->pixels + ((gsize) c * data->side + y + row) * data->side + x;
            float *to = out + ((gsize) c * size + row) * size;
            if (!mirror)
                memcpy (to, from, size * sizeof *to);
            for (int i = 0; mirror && i < size; i++)
                to[i] = from[size - 1 - i];
        }
}

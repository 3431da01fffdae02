/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "norm-frames.h"

#include "interrupt.h"
#include "train.h"

#include <fovea/media.h>

struct _NormFrames {
    FovPreparer *preparer; /* NULL: a classifier */
    FovDType dtype;
    FovShape shape;
    gsize bytes;
    GPtrArray *tensors;
};

/* ---- what the network sees -------------------------------------------------- */

/* No detector: a classifier's one input of RGB pictures. */
static gboolean
see_classifier (NormFrames *f, FovModel *model, const GError *why, GError **error)
{
    FovTensorInfo in = { 0 };

    if (fov_model_n_inputs (model) == 1)
        fov_model_input (model, 0, &in);
    f->dtype = in.dtype;
    f->shape = in.shape;
    f->shape.dim[0] = 1;
    if (in.dtype == FOV_F32 && in.shape.rank == 4 && in.shape.dim[1] == 3 &&
        fov_shape_elements (&f->shape) > 0)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                 "%s; nor a classifier with one input of RGB pictures, float32 [N, 3, H, W]",
                 why->message);
    return FALSE;
}

static gboolean
see (NormFrames *f, FovModel *model, const FovDetectorParams *params, GError **error)
{
    g_autoptr (GError) why = NULL;
    FovTensorInfo info;

    f->preparer = fov_preparer_new (model, params, &why);
    if (f->preparer) {
        fov_preparer_info (f->preparer, &info);
        f->dtype = info.dtype;
        f->shape = info.shape;
    } else if (!see_classifier (f, model, why, error)) {
        return FALSE;
    }
    f->bytes = (gsize) fov_shape_elements (&f->shape) * fov_dtype_size (f->dtype);
    return TRUE;
}

static gboolean
keep (NormFrames *f, const FovImage *image, GError **error)
{
    gpointer tensor = g_malloc (f->bytes);

    g_ptr_array_add (f->tensors, tensor);
    return f->preparer ? fov_preparer_run (f->preparer, image, tensor, error)
                       : train_picture_tensor (image, (int) f->shape.dim[3], (int) f->shape.dim[2],
                                               tensor, error);
}

NormFrames *
norm_frames_new (FovModel *model, const FovDetectorParams *params, GError **error)
{
    g_autoptr (NormFrames) f = g_new0 (NormFrames, 1);

    f->tensors = g_ptr_array_new_with_free_func (g_free);
    return see (f, model, params, error) ? g_steal_pointer (&f) : NULL;
}

/* ---- reading ------------------------------------------------------------------ */

/* Every second goes. */
static void
thin_out (GPtrArray *tensors)
{
    for (guint i = 1; i < tensors->len; i++)
        g_ptr_array_remove_index (tensors, i);
}

/* A file that is no picture is an error; of a film the rest still says what is to be seen. */
static gboolean
check_damage (FovReader *reader, gboolean film, GError **error)
{
    const char *damage = fov_reader_damage (reader);

    if (!damage)
        return TRUE;
    if (!film) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s", damage);
        return FALSE;
    }
    g_printerr ("damaged packets are left out: %" G_GUINT64_FORMAT ", the first: %s\n",
                fov_reader_damaged (reader), damage);
    return TRUE;
}

/* How many there are is not known before the end: when full, every second goes, and of what
 * follows half as many are taken. */
static gboolean
read_all (NormFrames *f, FovReader *reader, guint most, GError **error)
{
    GError *local = NULL;
    gboolean film = FALSE;
    FovFrame frame;

    for (guint i = 0, every = 1; fov_reader_read (reader, &frame, &local); i++) {
        if (i % every == 0 && f->tensors->len == most) {
            thin_out (f->tensors);
            every *= 2;
        }
        if (i % every == 0 && !keep (f, &frame.image, error))
            return FALSE;
        film = !frame.path;
    }
    if (!local)
        return check_damage (reader, film, error);
    g_propagate_error (error, local);
    return FALSE;
}

gboolean
norm_frames_load (NormFrames *f, const char *path, GError **error)
{
    FovImage image = { 0 };
    gboolean ok = fov_image_load (path, &image, error) && keep (f, &image, error);

    g_free (image.plane[0]);
    return ok;
}

NormFrames *
norm_frames_open (FovModel *model, const FovDetectorParams *params, const char *input, guint most,
                  GError **error)
{
    g_autoptr (NormFrames) f = norm_frames_new (model, params, error);
    FovReader *reader = f ? fov_reader_open (input, error) : NULL;
    gboolean ok;

    ok = reader && read_all (f, reader, most, error);
    g_clear_pointer (&reader, fov_reader_free);
    if (ok && f->tensors->len)
        return g_steal_pointer (&f);
    if (ok)
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s: no picture in it", input);
    return NULL;
}

void
norm_frames_free (NormFrames *f)
{
    if (!f)
        return;
    g_clear_pointer (&f->preparer, fov_preparer_free);
    g_clear_pointer (&f->tensors, g_ptr_array_unref);
    g_free (f);
}

static gboolean
read_one (guint index, FovView *inputs, gpointer user_data, GError **error)
{
    NormFrames *f = user_data;

    inputs[0] = (FovView){ f->dtype, f->shape, f->tensors->pdata[index] };
    if (interrupted ())
        g_set_error (error, FOV_ERROR, FOV_ERROR_CANCELLED, "interrupted");
    return !interrupted ();
}

FovNormFrames
norm_frames_get (NormFrames *f)
{
    return (FovNormFrames){
        .n = f->tensors->len, .read = read_one, .user_data = f, .input_shapes = &f->shape
    };
}

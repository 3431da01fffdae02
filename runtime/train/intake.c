/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A picture as a detector under training sees it: what fov.Preprocess makes of it, and regions
 * that reach out of it. */
#include <fovea/train.h>

#include <math.h>

/* Where an output pixel lies between two samples; in: whether it lies in the picture at all. */
typedef struct {
    int first, second;
    float share; /* of the second */
    gboolean in;
} Tap;

static Tap
tap_at (float at, int size)
{
    const float x = CLAMP (at, 0, (float) (size - 1));
    Tap t = { .first = (int) x, .in = at > -1 && at < (float) size };

    t.second = MIN (t.first + 1, size - 1);
    t.share = x - (float) t.first;
    return t;
}

/* The tap of each of n output pixels; from is the region's start, inner where it lies. */
static Tap *
make_taps (int n, int inner, int inner_n, float from, float scale, int size, gboolean mirror)
{
    Tap *taps = g_new0 (Tap, n);

    for (int i = 0; i < inner_n; i++) {
        const int at = mirror ? inner_n - 1 - i : i;
        taps[inner + i] = tap_at (from + ((float) at + 0.5f) / scale - 0.5f, size);
    }
    return taps;
}

static void
sample (const FovTrainerIntake *in, const FovImage *rgb, const Tap *x, const Tap *y, float *tensor)
{
    const gsize plane = (gsize) in->width * in->height;

    for (int row = 0; row < in->height; row++) {
        const guint8 *top = rgb->plane[0] + (gsize) y[row].first * rgb->stride[0];
        const guint8 *bottom = rgb->plane[0] + (gsize) y[row].second * rgb->stride[0];
        for (int i = 0; i < in->width; i++)
            for (int c = 0; c < 3; c++) {
                const int k = in->bgr ? 2 - c : c, a = 3 * x[i].first + k, b = 3 * x[i].second + k;
                const float up = top[a] + x[i].share * (float) (top[b] - top[a]);
                const float down = bottom[a] + x[i].share * (float) (bottom[b] - bottom[a]);
                const float v = x[i].in && y[row].in ? up + y[row].share * (down - up) : in->pad;
                tensor[c * plane + (gsize) row * in->width + i] = (v - in->mean[c]) * in->scale[c];
            }
    }
}

gboolean
fov_intake_picture (const FovTrainerIntake *in, const FovImage *image, FovBox region,
                    gboolean mirror, float *tensor, FovLetterbox *map, GError **error)
{
    const FovFit fit = in->stretch  ? FOV_FIT_STRETCH
                       : in->center ? FOV_FIT_LETTERBOX_CENTER
                                    : FOV_FIT_LETTERBOX_TOPLEFT;
    FovImage rgb = { .format = FOV_PIXEL_RGB };
    g_autofree Tap *x = NULL, *y = NULL;
    gboolean ok;

    if (!fov_image_check (image, error) ||
        !fov_image_alloc (&rgb, FOV_PIXEL_RGB, image->width, image->height, error))
        return FALSE;
    ok = fov_image_convert (image, &rgb, error);
    if (ok) {
        *map = fov_letterbox (region, in->width, in->height, fit);
        x = make_taps (in->width, map->inner_x, map->inner_w, region.x1, map->scale_x, image->width,
                       mirror);
        y = make_taps (in->height, map->inner_y, map->inner_h, region.y1, map->scale_y,
                       image->height, FALSE);
        sample (in, &rgb, x, y, tensor);
    }
    g_free (rgb.plane[0]);
    return ok;
}

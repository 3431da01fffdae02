/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fovea/media.h>

#include <math.h>

/* Fewer blocks, or a smaller part of the picture, say nothing about the camera. */
#define LEAST_BLOCKS 16
#define LEAST_PART 0.15
#define N_ROUNDS 12
#define FINEST 0.35 /* pixels: what encoders round vectors to, and a little more */

/* x' = a x - b y + tx, y' = b x + a y + ty, about a centre. */
typedef struct {
    double a, b, tx, ty;
} Similarity;

static double
residual (const Similarity *s, const FovMotionVector *v, double cx, double cy)
{
    double x = v->x + v->dx - cx, y = v->y + v->dy - cy;

    return hypot (s->a * x - s->b * y + s->tx - (v->x - cx),
                  s->b * x + s->a * y + s->ty - (v->y - cy));
}

static int
by_value (gconstpointer a, gconstpointer b)
{
    float x = *(const float *) a, y = *(const float *) b;

    return (x > y) - (x < y);
}

static float
median (float *values, guint n)
{
    qsort (values, n, sizeof *values, by_value);
    return values[n / 2];
}

/* Weighted least squares; blocks count by area and by how well they agree so far. */
static Similarity
fit (const FovMotionVector *v, guint n, const Similarity *last, double scale, double cx, double cy)
{
    double w = 0, px = 0, py = 0, qx = 0, qy = 0, dot = 0, cross = 0, square = 0;

    for (int pass = 0; pass < 2; pass++)
        for (guint i = 0; i < n; i++) {
            double r = residual (last, &v[i], cx, cy) / scale;
            double weight = (double) v[i].width * v[i].height / ((1 + r * r) * (1 + r * r));
            double x = v[i].x + v[i].dx - cx, y = v[i].y + v[i].dy - cy;
            double u = v[i].x - cx, t = v[i].y - cy;
            if (pass == 0) {
                w += weight;
                px += weight * x;
                py += weight * y;
                qx += weight * u;
                qy += weight * t;
            } else {
                x -= px / w;
                y -= py / w;
                u -= qx / w;
                t -= qy / w;
                dot += weight * (x * u + y * t);
                cross += weight * (x * t - y * u);
                square += weight * (x * x + y * y);
            }
        }
    Similarity s = { square > 0 ? dot / square : 1, square > 0 ? cross / square : 0, 0, 0 };
    s.tx = (qx - s.a * px + s.b * py) / w;
    s.ty = (qy - s.b * px - s.a * py) / w;
    return s;
}

static gboolean
usable (const FovFrame *frame)
{
    double area = 0;

    for (guint i = 0; i < frame->n_motion; i++) {
        if (frame->motion[i].direction > 0)
            return FALSE; /* a B picture: its vectors span other pictures than the last */
        area += (double) frame->motion[i].width * frame->motion[i].height;
    }
    return frame->n_motion >= LEAST_BLOCKS &&
           area >= LEAST_PART * frame->image.width * frame->image.height;
}

gboolean
fov_frame_camera_motion (const FovFrame *frame, double m[6])
{
    const FovMotionVector *v = frame->motion;
    guint n = frame->n_motion;
    double cx = frame->image.width / 2.0, cy = frame->image.height / 2.0, scale;
    Similarity s = { 1, 0, 0, 0 };

    if (!usable (frame))
        return FALSE;
    g_autofree float *values = g_new (float, n);
    for (guint i = 0; i < n; i++)
        values[i] = v[i].dx;
    s.tx = -median (values, n);
    for (guint i = 0; i < n; i++)
        values[i] = v[i].dy;
    s.ty = -median (values, n);
    for (int round = 0; round < N_ROUNDS; round++) {
        for (guint i = 0; i < n; i++)
            values[i] = (float) residual (&s, &v[i], cx, cy);
        scale = MAX (1.4826 * median (values, n), FINEST);
        s = fit (v, n, &s, scale, cx, cy);
    }
    if (!isfinite (s.a) || !isfinite (s.b) || !isfinite (s.tx) || !isfinite (s.ty))
        return FALSE;
    m[0] = s.a;
    m[1] = -s.b;
    m[2] = s.tx + cx - s.a * cx + s.b * cy;
    m[3] = s.b;
    m[4] = s.a;
    m[5] = s.ty + cy - s.b * cx - s.a * cy;
    return TRUE;
}

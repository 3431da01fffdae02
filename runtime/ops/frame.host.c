/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fov.Preprocess on the host: one task per few output rows. A row is made in
 * chunks: source positions, then both neighbours of every sample gathered as one
 * unaligned word, then interpolation and colour in vectorised loops.
 */
#include "vision/clones.h"
#include "ops/frame.h"

#include <string.h>

#define CHUNK 64
#define ROWS_PER_TASK 8

/* Where a row's samples of one plane come from. */
typedef struct {
    const guint8 *top, *bottom;
    float fy;
    float start, step; /* of the column */
    int first, last;   /* columns that may be read */
    int bytes;         /* of a pixel of this plane */
} Line;

typedef struct {
    guint32 a[2][CHUNK], b[2][CHUNK]; /* left and right neighbours, top and bottom row */
    float fx[CHUNK];
    gint32 at[CHUNK];
} Taps;

static Line
line_at (const guint8 *plane, int stride, int bytes, int first, int last, float start, float step,
         float y, int y_first, int y_last)
{
    Line line = { .start = start, .step = step, .first = first, .last = last, .bytes = bytes };
    float cy = CLAMP (y, (float) y_first, (float) y_last);
    int y0 = (int) cy;

    line.fy = cy - (float) y0;
    line.top = plane + (gint64) y0 * stride;
    line.bottom = plane + (gint64) MIN (y0 + 1, y_last) * stride;
    return line;
}

/* The left neighbour stays one before the last column, so that a pair can always be read. */
FOV_INLINE void
positions (const Line *line, int i0, int n, Taps *t)
{
    float low = (float) line->first, high = (float) line->last;
    int limit = MAX (line->last - 1, line->first), bytes = line->bytes;

    for (int j = 0; j < n; j++) {
        float x = line->start + line->step * (float) (i0 + j);
        x = x < low ? low : x;
        x = x > high ? high : x;
        int x0 = (int) x;
        x0 = x0 < limit ? x0 : limit;
        t->fx[j] = x - (float) x0;
        t->at[j] = x0 * bytes;
    }
}

FOV_INLINE guint32
load16 (const guint8 *p)
{
    guint16 v;
    memcpy (&v, p, 2);
    return GUINT16_FROM_LE (v);
}

FOV_INLINE guint32
load32 (const guint8 *p)
{
    guint32 v;
    memcpy (&v, p, 4);
    return GUINT32_FROM_LE (v);
}

/* A plane one pixel wide has no right neighbour to read. */
FOV_INLINE void
gather_single (const Line *line, int n, Taps *t)
{
    for (int r = 0; r < 2; r++) {
        const guint8 *row = r ? line->bottom : line->top;
        for (int j = 0; j < n; j++) {
            guint32 v = 0;
            for (int c = 0; c < line->bytes; c++)
                v |= (guint32) row[t->at[j] + c] << (8 * c);
            t->a[r][j] = t->b[r][j] = v;
        }
    }
}

FOV_INLINE void
gather (const Line *line, int n, Taps *t)
{
    if (line->last == line->first) {
        gather_single (line, n, t);
        return;
    }
    for (int r = 0; r < 2; r++) {
        const guint8 *row = r ? line->bottom : line->top;
        guint32 *a = t->a[r], *b = t->b[r];
        const gint32 *at = t->at;
        if (line->bytes == 1) /* the right neighbour lies in the same word */
            for (int j = 0; j < n; j++)
                a[j] = load16 (row + at[j]);
        else if (line->bytes == 2)
            for (int j = 0; j < n; j++)
                a[j] = load32 (row + at[j]);
        else if (line->bytes == 3)
            for (int j = 0; j < n; j++) {
                a[j] = load32 (row + at[j]);
                b[j] = load32 (row + at[j] + 2) >> 8;
            }
        else
            for (int j = 0; j < n; j++) {
                a[j] = load32 (row + at[j]);
                b[j] = load32 (row + at[j] + 4);
            }
    }
}

/* Component c of every tap, interpolated. */
FOV_INLINE void
blend (const Taps *t, const Line *line, int c, int n, float *restrict out)
{
    gboolean pairs = line->bytes < 3 && line->last > line->first;
    const guint32 *right0 = pairs ? t->a[0] : t->b[0], *right1 = pairs ? t->a[1] : t->b[1];
    int shift = 8 * c, shift_right = pairs ? shift + 8 * line->bytes : shift;
    float fy = line->fy;

    for (int j = 0; j < n; j++) {
        float p = (float) (int) (t->a[0][j] >> shift & 255);
        float q = (float) (int) (right0[j] >> shift_right & 255);
        float r = (float) (int) (t->a[1][j] >> shift & 255);
        float s = (float) (int) (right1[j] >> shift_right & 255);
        float top = p + t->fx[j] * (q - p), bottom = r + t->fx[j] * (s - r);
        out[j] = top + fy * (bottom - top);
    }
}

FOV_INLINE void
colour (const float s[3][CHUNK], const float m[4], float mean, float scale, int n,
        float *restrict out)
{
    float m0 = m[0], m1 = m[1], m2 = m[2], m3 = m[3];

    for (int j = 0; j < n; j++) {
        float v = m0 * s[0][j] + m1 * s[1][j] + m2 * s[2][j] + m3;
        v = v < 0 ? 0 : v;
        v = v > 255 ? 255 : v;
        out[j] = (v - mean) * scale;
    }
}

/* The lines one output row samples, and what becomes of the samples. */
typedef struct {
    Line luma, chroma[2];
    int n_chroma;   /* planes */
    int components; /* of plane 0 */
    const FovFrameInfo *frame;
    const FovPreprocessParams *params;
} Row;

static FOV_CLONES void
make_pixels (const Row *row, int i0, int n, float *const out[3])
{
    const FovPreprocessParams *p = row->params;
    float s[3][CHUNK];
    Taps t;

    positions (&row->luma, i0, n, &t);
    gather (&row->luma, n, &t);
    for (int c = 0; c < row->components; c++)
        blend (&t, &row->luma, c, n, s[c]);
    for (int c = row->components; c < 3; c++)
        memset (s[c], 0, sizeof s[c]);
    if (row->n_chroma) {
        positions (&row->chroma[0], i0, n, &t);
        gather (&row->chroma[0], n, &t);
        blend (&t, &row->chroma[0], 0, n, s[1]);
        if (row->n_chroma == 2)
            gather (&row->chroma[1], n, &t);
        blend (&t, &row->chroma[row->n_chroma - 1], row->n_chroma == 1, n, s[2]);
    }
    for (int c = 0; c < 3; c++)
        colour (s, row->frame->matrix[p->bgr ? 2 - c : c], p->mean.v[c], p->scale.v[c], n, out[c]);
}

static Row
row_at (const FovFrameInfo *f, const FovPreprocessParams *p, const guint8 *base, int j)
{
    Row row = { .frame = f, .params = p, .components = f->kind == FOV_FRAME_PACKED ? 3 : 1 };
    float y = f->start_y + f->step_y * (float) j;

    row.luma = line_at (base + f->offset[0], f->stride[0], f->pixel_bytes, f->x_min, f->x_max,
                        f->start_x, f->step_x, y, f->y_min, f->y_max);
    row.n_chroma = f->kind == FOV_FRAME_SEMIPLANAR ? 1 : f->kind == FOV_FRAME_PLANAR ? 2 : 0;
    for (int c = 0; c < row.n_chroma; c++)
        row.chroma[c] =
            line_at (base + f->offset[c + 1], f->stride[c + 1], row.n_chroma == 1 ? 2 : 1,
                     f->x_min / 2, f->x_max / 2, f->start_x / 2 - 0.25f, f->step_x / 2,
                     y / 2 - 0.25f, f->y_min / 2, f->y_max / 2);
    return row;
}

/* ---- the op ----------------------------------------------------------- */

/* Where the output's rows are. */
typedef struct {
    float *at[3]; /* pixel 0 of the row, each channel */
    gsize step;   /* floats from pixel to pixel */
    int block;    /* channels stored at each pixel, the unused ones 0 (1: planar) */
} OutRow;

static void
store_blocked (const OutRow *o, int x0, int n, float v[3][CHUNK])
{
    for (int j = 0; j < n; j++) {
        float *pixel = o->at[0] + (gsize) (x0 + j) * o->step;
        for (int c = 0; c < 3; c++)
            pixel[c] = v[c][j];
        for (int c = 3; c < o->block; c++)
            pixel[c] = 0;
    }
}

static void
store_pad (const OutRow *o, const FovPreprocessParams *p, int from, int to)
{
    float v[3][CHUNK], pad[3];

    for (int c = 0; c < 3; c++)
        pad[c] = (p->pad - p->mean.v[c]) * p->scale.v[c];
    if (o->block == 1) {
        for (int c = 0; c < 3; c++)
            for (int x = from; x < to; x++)
                o->at[c][x] = pad[c];
        return;
    }
    for (int c = 0; c < 3; c++)
        for (int j = 0; j < CHUNK; j++)
            v[c][j] = pad[c];
    for (int x = from; x < to; x += CHUNK)
        store_blocked (o, x, MIN (CHUNK, to - x), v);
}

static OutRow
out_row (float *data, const FovOperand *out, gint64 n, int y)
{
    gint64 h = out->shape.dim[2], w = out->shape.dim[3];
    OutRow row = { .block = out->format.layout == FOV_BLOCKED ? out->format.block : 1 };

    if (row.block == 1) {
        for (int c = 0; c < 3; c++)
            row.at[c] = data + ((n * 3 + c) * h + y) * w;
        row.step = 1;
    } else {
        int halo = out->format.halo;
        gint64 pitch = w + 2 * halo;
        row.at[0] = data + ((n * (h + 2 * halo) + y + halo) * pitch + halo) * row.block;
        row.step = (gsize) row.block;
    }
    return row;
}

static void
preprocess_row (const FovFrameInfo *f, const FovPreprocessParams *p, const guint8 *base, int y,
                const OutRow *out)
{
    int width = (int) p->width, j = y - f->inner_y;
    int left = CLAMP (f->inner_x, 0, width), right = CLAMP (f->inner_x + f->inner_w, left, width);
    float v[3][CHUNK];

    if (j < 0 || j >= f->inner_h) {
        store_pad (out, p, 0, width);
        return;
    }
    Row row = row_at (f, p, base, j);
    store_pad (out, p, 0, left);
    for (int x = left; x < right; x += CHUNK) {
        int n = MIN (CHUNK, right - x);
        float *to[3] = { v[0], v[1], v[2] };
        for (int c = 0; c < 3 && out->block == 1; c++)
            to[c] = out->at[c] + x;
        make_pixels (&row, x - f->inner_x, n, to);
        if (out->block != 1)
            store_blocked (out, x, n, v);
    }
    store_pad (out, p, right, width);
}

static void
preprocess_run (const FovHostStep *step, const FovHostFrame *frame, guint task)
{
    const FovPreprocessParams *p = step->step.node->params;
    const FovOperand *out = step->step.out[0];
    guint per_picture = ((guint) p->height + ROWS_PER_TASK - 1) / ROWS_PER_TASK;
    guint n = task / per_picture, y0 = task % per_picture * ROWS_PER_TASK;
    const guint8 *base = fov_host_ptr (frame, step->step.in[0]);
    FovFrameInfo f = fov_frame_get (fov_host_ptr (frame, step->step.in[1]), n);
    float *data = fov_host_ptr (frame, out);

    for (guint y = y0; y < MIN (y0 + ROWS_PER_TASK, (guint) p->height); y++) {
        OutRow row = out_row (data, out, n, (int) y);
        preprocess_row (&f, p, base, (int) y, &row);
    }
}

static guint
preprocess_formats (const FovNode *node, int block)
{
    return FOV_CAN_PLANAR | FOV_CAN_BLOCKED;
}

static gboolean
preprocess_prepare (FovHostStep *step, GError **error)
{
    const FovOperand *out = step->step.out[0];
    guint rows = ((guint) out->shape.dim[2] + ROWS_PER_TASK - 1) / ROWS_PER_TASK;

    step->n_tasks = (guint) out->shape.dim[0] * rows;
    step->run = preprocess_run;
    return TRUE;
}

const FovHostOp fov_preprocess_host = {
    .formats = preprocess_formats,
    .prepare = preprocess_prepare,
};

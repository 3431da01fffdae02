/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/features.h"
#include "trackers/features-color.h"

#include "vision/clones.h"

#include <math.h>
#include <string.h>

#define SIGNED 18
#define UNSIGNED 9
#define CLIP 0.2f
/* Of a block's squared gradients (pixel values 0..1): flat blocks stay quiet. */
#define NORM_FLOOR 1e-3f

struct _FovFeatures {
    int cells_x, cells_y;
    float *magnitude, *position, *dx, *dy; /* one pixel row: gradient, direction in bins */
    float *row_bins;                       /* cells_x + 2 cells of SIGNED bins */
    float *bins;                           /* rows of cells_x + 2 such cells, cells_y + 2 rows */
    float *planes;                         /* SIGNED planes of cells */
    float *energy;                         /* cells with an edge of one cell all round */
    float *norm;                           /* of the blocks: (cells_x + 1) x (cells_y + 1) */
};

FovFeatures *
fov_features_new (int cells_x, int cells_y)
{
    FovFeatures *features = g_new0 (FovFeatures, 1);
    gsize width = (gsize) cells_x * FOV_CELL, padded = (gsize) (cells_x + 2);
    features->cells_x = cells_x;
    features->cells_y = cells_y;
    features->magnitude = g_new (float, 4 * width);
    features->position = features->magnitude + width;
    features->dx = features->position + width;
    features->dy = features->dx + width;
    features->row_bins = g_new (float, padded *SIGNED);
    features->bins = g_new (float, padded *SIGNED *(gsize) (cells_y + 2));
    features->planes = g_new (float, (gsize) cells_x *(gsize) cells_y *SIGNED);
    features->energy = g_new (float, padded *(gsize) (cells_y + 2));
    features->norm = g_new (float, (gsize) (cells_x + 1) * (gsize) (cells_y + 1));
    return features;
}

void
fov_features_free (FovFeatures *features)
{
    if (!features)
        return;
    g_free (features->magnitude);
    g_free (features->row_bins);
    g_free (features->bins);
    g_free (features->planes);
    g_free (features->energy);
    g_free (features->norm);
    g_free (features);
}

/* The gradient of the strongest colour channel, central differences. */
FOV_CLONES static void
gradient_row (const float *restrict up, const float *restrict row, const float *restrict down,
              gsize plane, float *restrict dx, float *restrict dy, int width)
{
    for (int x = 0; x < width; x++)
        dx[x] = dy[x] = 0.0f;
    for (int c = 0; c < 3; c++, up += plane, row += plane, down += plane)
        for (int x = 1; x < width - 1; x++) {
            float gx = row[x + 1] - row[x - 1], gy = down[x] - up[x];
            gboolean more = gx * gx + gy * gy > dx[x] * dx[x] + dy[x] * dy[x];
            dx[x] = more ? gx : dx[x];
            dy[x] = more ? gy : dy[x];
        }
}

/* Direction in 0..SIGNED; the arc tangent's polynomial is right to 0.01 bins. */
FOV_CLONES static void
polar_row (const float *restrict dx, const float *restrict dy, float *restrict magnitude,
           float *restrict position, int width)
{
    const float bins = SIGNED / 6.2831853f;
    for (int x = 0; x < width; x++) {
        float ax = fabsf (dx[x]), ay = fabsf (dy[x]);
        float t = MIN (ax, ay) / (MAX (ax, ay) + 1e-20f), s = t * t;
        float angle = ((-0.0464964749f * s + 0.15931422f) * s - 0.327622764f) * s * t + t;
        angle = ay > ax ? 1.57079637f - angle : angle;
        angle = dx[x] < 0.0f ? 3.14159274f - angle : angle;
        angle = dy[x] < 0.0f ? 6.28318531f - angle : angle;
        magnitude[x] = sqrtf (dx[x] * dx[x] + dy[x] * dy[x]);
        position[x] = MIN (angle * bins, SIGNED - 1e-3f);
    }
}

/* Shares each pixel of a row among two cells and two directions. */
static void
bin_row (FovFeatures *features, int width)
{
    float *bins = features->row_bins;
    memset (bins, 0, (gsize) (features->cells_x + 2) * SIGNED * sizeof *bins);
    for (int x = 0; x < width; x++) {
        int low = (int) features->position[x], high = low + 1 < SIGNED ? low + 1 : 0;
        float *cell = bins + (x + FOV_CELL / 2) / FOV_CELL * SIGNED;
        float m = features->magnitude[x];
        float right = ((float) ((x + FOV_CELL / 2) % FOV_CELL) + 0.5f) / FOV_CELL;
        float b = m * (features->position[x] - (float) low), a = m - b;
        cell[low] += a * (1.0f - right);
        cell[high] += b * (1.0f - right);
        cell[SIGNED + low] += a * right;
        cell[SIGNED + high] += b * right;
    }
}

FOV_CLONES static void
spread_row (const float *restrict row, float *restrict top, float *restrict bottom, float down,
            int n)
{
    for (int i = 0; i < n; i++) {
        top[i] += (1.0f - down) * row[i];
        bottom[i] += down * row[i];
    }
}

static void
collect (FovFeatures *features, const float *rgb)
{
    int width = features->cells_x * FOV_CELL, height = features->cells_y * FOV_CELL;
    int row_len = (features->cells_x + 2) * SIGNED;
    gsize plane = (gsize) width * (gsize) height;
    memset (features->bins, 0,
            (gsize) row_len * (gsize) (features->cells_y + 2) * sizeof *features->bins);
    for (int y = 0; y < height; y++) {
        const float *row = rgb + (gsize) y * (gsize) width;
        const float *up = y > 0 ? row - width : row, *down = y < height - 1 ? row + width : row;
        gradient_row (up, row, down, plane, features->dx, features->dy, width);
        polar_row (features->dx, features->dy, features->magnitude, features->position, width);
        bin_row (features, width);
        float *top = features->bins + (y + FOV_CELL / 2) / FOV_CELL * row_len;
        spread_row (features->row_bins, top, top + row_len,
                    ((float) ((y + FOV_CELL / 2) % FOV_CELL) + 0.5f) / FOV_CELL, row_len);
    }
}

/* From cells of bins to planes of cells, and each cell's energy. */
static void
split_planes (FovFeatures *features)
{
    int nx = features->cells_x, ny = features->cells_y, cells = nx * ny;
    for (int y = 0; y < ny; y++)
        for (int x = 0; x < nx; x++) {
            const float *cell = features->bins + ((y + 1) * (nx + 2) + x + 1) * SIGNED;
            float energy = 0.0f;
            for (int o = 0; o < UNSIGNED; o++) {
                float both = cell[o] + cell[o + UNSIGNED];
                energy += both * both;
            }
            for (int o = 0; o < SIGNED; o++)
                features->planes[o * cells + y * nx + x] = cell[o];
            features->energy[(y + 1) * (nx + 2) + x + 1] = energy;
        }
}

/* One over the norm of every block of 2 x 2 cells; outside, the edge's cells go on. */
static void
block_norms (FovFeatures *features)
{
    int nx = features->cells_x, ny = features->cells_y, stride = nx + 2;
    float *energy = features->energy;
    for (int y = 1; y <= ny; y++) {
        energy[y * stride] = energy[y * stride + 1];
        energy[y * stride + nx + 1] = energy[y * stride + nx];
    }
    memcpy (energy, energy + stride, (gsize) stride * sizeof *energy);
    memcpy (energy + (ny + 1) * stride, energy + ny * stride, (gsize) stride * sizeof *energy);
    for (int y = 0; y <= ny; y++)
        for (int x = 0; x <= nx; x++) {
            const float *at = energy + y * stride + x;
            features->norm[y * (nx + 1) + x] =
                1.0f / sqrtf (at[0] + at[1] + at[stride] + at[stride + 1] + NORM_FLOOR);
        }
}

/* A row of cells: every direction under the four blocks' norms, clipped. */
FOV_CLONES static void
normalise_row (const float *restrict in, gsize plane, const float *restrict norm, int stride,
               float *restrict out, int n)
{
    float *texture = out + (SIGNED + UNSIGNED) * plane;
    for (int k = 0; k < 4; k++)
        for (int x = 0; x < n; x++)
            texture[k * plane + x] = 0.0f;
    for (int o = 0; o < UNSIGNED; o++) {
        const float *a = in + o * plane, *b = in + (o + UNSIGNED) * plane;
        for (int x = 0; x < n; x++) {
            float sum_a = 0.0f, sum_b = 0.0f, sum = 0.0f;
            for (int k = 0; k < 4; k++) {
                float scale = norm[(k >> 1) * stride + (k & 1) + x];
                float va = MIN (a[x] * scale, CLIP), vb = MIN (b[x] * scale, CLIP);
                sum_a += va;
                sum_b += vb;
                sum += MIN ((a[x] + b[x]) * scale, CLIP);
                texture[k * plane + x] += 0.2357f * (va + vb);
            }
            out[o * plane + x] = 0.5f * sum_a;
            out[(o + UNSIGNED) * plane + x] = 0.5f * sum_b;
            out[(o + SIGNED) * plane + x] = 0.5f * sum;
        }
    }
}

void
fov_features_hog (FovFeatures *features, const float *rgb, float *out)
{
    int nx = features->cells_x, ny = features->cells_y;
    collect (features, rgb);
    split_planes (features);
    block_norms (features);
    for (int y = 0; y < ny; y++)
        normalise_row (features->planes + y * nx, (gsize) (nx * ny), features->norm + y * (nx + 1),
                       nx + 1, out + y * nx, nx);
}

FOV_CLONES static void
add_cells (const float *restrict row, float *restrict sums, int n)
{
    for (int x = 0; x < n; x++)
        sums[x] += row[FOV_CELL * x] + row[FOV_CELL * x + 1] + row[FOV_CELL * x + 2] +
                   row[FOV_CELL * x + 3];
}

void
fov_features_color (FovFeatures *features, const float *rgb, float *out)
{
    int nx = features->cells_x, ny = features->cells_y, width = nx * FOV_CELL;
    int cells = nx * ny;
    gsize plane = (gsize) cells * FOV_CELL * FOV_CELL;
    const float share = 1.0f / (FOV_CELL * FOV_CELL);
    float *sums = features->magnitude; /* three rows of cells fit into a row of pixels */
    for (int y = 0; y < ny; y++) {
        memset (sums, 0, (gsize) nx * 3 * sizeof *sums);
        for (int c = 0; c < 3; c++)
            for (int k = 0; k < FOV_CELL; k++)
                add_cells (rgb + c * plane + (y * FOV_CELL + k) * width, sums + c * nx, nx);
        for (int x = 0; x < nx; x++) {
            float mean[3] = { sums[x] * share, sums[nx + x] * share, sums[2 * nx + x] * share };
            const guint8 *names = fov_color_names (mean);
            float *at = out + y * nx + x;
            for (int k = 0; k < FOV_COLOR_CHANNELS; k++)
                at[k * cells] = (float) names[k] * (1.0f / 255.0f) - 1.0f / FOV_COLOR_CHANNELS;
            at[FOV_COLOR_CHANNELS * cells] =
                0.299f * mean[0] + 0.587f * mean[1] + 0.114f * mean[2] - 0.5f;
        }
    }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dense convolution: a tile of R output rows by P pixels by one or two blocks
 * of output channels stays in registers while all taps and input channels
 * stream by. Each pixel's input is broadcast against vectors of weights.
 */
#include "host/epilogue.h"

#if FOV_TIER == 2
#define MAX_TILE 14 /* 28 accumulators, two weights, a broadcast: 31 registers of 32 */
#else
#define MAX_TILE 6 /* 12 of 16 */
#endif

typedef void (*TileFunc) (const FovConvArgs *a, const FovConvPart *part, int row, int px);

#define DW_TILE 8

/* One tile; R, P, OB and mostly sx are constants where this is inlined. */
INLINE void
tile (const FovConvArgs *a, const FovConvPart *part, int row, int px, const int R, const int P,
      const int OB, const gsize sx)
{
    const gsize x_row = a->x_row, x_block = a->x_block;
    const float *x = a->x + part->in_block * x_block + row * x_row + px * sx;
    const float *w = part->w;
    V acc[MAX_TILE][2];

    UNROLL
    for (int i = 0; i < R * P; i++) {
        acc[i][0] = vload (part->bias);
        if (OB == 2)
            acc[i][1] = vload (part->bias + VL);
    }
    for (int left = part->channels; left > 0; left -= VL, x += x_block) {
        const int n = MIN (left, VL);
        const float *tap_line = x;
        for (int ky = 0; ky < a->kh; ky++, tap_line += a->tap_row) {
            const float *tap = tap_line;
            for (int kx = 0; kx < a->kw; kx++, tap += a->tap_pixel) {
                for (int k = 0; k < n; k++, w += OB * VL) {
                    const V w0 = vload (w), w1 = OB == 2 ? vload (w + VL) : w0;
                    UNROLL
                    for (int i = 0; i < R; i++)
                        UNROLL
                    for (int j = 0; j < P; j++) {
                        const float s = tap[i * x_row + j * sx + k];
                        acc[i * P + j][0] += w0 * s;
                        if (OB == 2)
                            acc[i * P + j][1] += w1 * s;
                    }
                }
            }
        }
    }
    UNROLL
    for (int i = 0; i < R; i++)
        for (int o = 0; o < OB; o++)
            store_pixels (a, &acc[i * P][o], 2, part->out_block + o, row + i, px, P);
}

#define TILE_FUNCS(name, SX, R, P)                                                                 \
    static void name##_##R##_##P##_1 (const FovConvArgs *a, const FovConvPart *part, int row,      \
                                      int px)                                                      \
    {                                                                                              \
        tile (a, part, row, px, R, P, 1, SX);                                                      \
    }                                                                                              \
    static void name##_##R##_##P##_2 (const FovConvArgs *a, const FovConvPart *part, int row,      \
                                      int px)                                                      \
    {                                                                                              \
        tile (a, part, row, px, R, P, 2, SX);                                                      \
    }
#define TILE_ENTRY(name, SX, R, P) [R / 2][P] = { name##_##R##_##P##_1, name##_##R##_##P##_2 },

/* The tiles there are, F (name, stride, rows, pixels); rows x pixels <= MAX_TILE. */
/* clang-format off */
#define TILES_3(F, name, SX) F (name, SX, 1, 1) F (name, SX, 1, 2) F (name, SX, 1, 3)
#if FOV_TIER == 2
#define TILES_4(F, name, SX) TILES_3 (F, name, SX) F (name, SX, 1, 4)
#define TILES(F, name, SX)                                                                         \
    TILES_4 (F, name, SX)                                                                          \
    F (name, SX, 1, 5)                                                                             \
    F (name, SX, 1, 6)                                                                             \
    F (name, SX, 1, 7)                                                                             \
    F (name, SX, 1, 8)                                                                             \
    F (name, SX, 1, 9)                                                                             \
    F (name, SX, 1, 10)                                                                            \
    F (name, SX, 1, 11)                                                                            \
    F (name, SX, 1, 12)                                                                            \
    F (name, SX, 1, 13) F (name, SX, 1, 14) F (name, SX, 2, 1) F (name, SX, 2, 2)                  \
        F (name, SX, 2, 3) F (name, SX, 2, 4) F (name, SX, 2, 5) F (name, SX, 2, 6)                \
            F (name, SX, 2, 7) F (name, SX, 4, 1) F (name, SX, 4, 2) F (name, SX, 4, 3)
#else
#define TILES_4(F, name, SX) TILES_3 (F, name, SX) F (name, SX, 1, 4)
#define TILES(F, name, SX)                                                                         \
    TILES_4 (F, name, SX)                                                                          \
    F (name, SX, 1, 5)                                                                             \
    F (name, SX, 1, 6) F (name, SX, 2, 1) F (name, SX, 2, 2) F (name, SX, 2, 3) F (name, SX, 4, 1)
#endif
/* clang-format on */

TILES (TILE_FUNCS, dense, VL)
TILES (TILE_FUNCS, strided, 2 * VL)
TILES_4 (TILE_FUNCS, any, a->x_pixel)

typedef TileFunc TileTable[3][MAX_TILE + 1][2];
static const TileTable dense_table = { TILES (TILE_ENTRY, dense, ) };
static const TileTable strided_table = { TILES (TILE_ENTRY, strided, ) };
static const TileTable any_table = { TILES_4 (TILE_ENTRY, any, ) };

/* Splits the rows' width evenly into tiles, several rows a tile where they are short. */
static void
run_part (const FovConvArgs *a, const FovConvPart *part, const TileTable *table, int max_tile,
          int row0, int row1)
{
    for (int row = row0; row < row1;) {
        int shape = 2;
        while (shape > 0 &&
               ((1 << shape) > row1 - row || a->width > MAX_TILE || !(*table)[shape][a->width][0]))
            shape--;
        const int tiles = (a->width + max_tile - 1) / max_tile;
        for (int t = 0; t < tiles; t++) {
            const int px = a->width * t / tiles, end = a->width * (t + 1) / tiles;
            (*table)[shape][end - px][part->blocks - 1](a, part, row, px);
        }
        row += 1 << shape;
    }
}

void
FOV_SUFFIX (fov_conv_run) (const FovConvArgs *args, int part0, int part1, int row0, int row1)
{
    FovConvArgs a = *args;
    const TileTable *table = a.x_pixel == VL       ? &dense_table
                             : a.x_pixel == 2 * VL ? &strided_table
                                                   : &any_table;
    const int max_tile = table == &any_table ? MIN (MAX_TILE, 4) : MAX_TILE;

    fov_conv_simplify (&a);
    for (int part = part0; part < part1; part++)
        run_part (&a, &a.parts[part], table, max_tile, row0, row1);
}

/* ---- depthwise --------------------------------------------------------- */

/* P pixels of one row of a channel block; K, S constant where they are known, 0 where not. */
INLINE void
depthwise_tile (const FovConvArgs *a, int block, int row, int px, const int P, const int K,
                const int S)
{
    const gsize sx = S ? (gsize) S * VL : a->x_pixel, dx = K ? VL : a->tap_pixel;
    const int kh = K ? K : a->kh, kw = K ? K : a->kw;
    const float *x = a->x + block * a->x_block + row * a->x_row + px * sx;
    const float *w = a->w + (gsize) block * a->kh * a->kw * VL;
    const V bias = vload (a->bias + block * VL);
    V acc[DW_TILE];

    UNROLL
    for (int i = 0; i < P; i++)
        acc[i] = bias;
    for (int ky = 0; ky < kh; ky++, x += a->tap_row) {
        UNROLL
        for (int kx = 0; kx < kw; kx++, w += VL) {
            const V wk = vload (w);
            UNROLL
            for (int i = 0; i < P; i++)
                acc[i] += wk * vload (x + i * sx + kx * dx);
        }
    }
    store_pixels (a, acc, 1, block, row, px, P);
}

typedef void (*DepthwiseFunc) (const FovConvArgs *a, int block, int row, int px);
#define DW_FUNC(name, K, S, P)                                                                     \
    static void name##_##P (const FovConvArgs *a, int block, int row, int px)                      \
    {                                                                                              \
        depthwise_tile (a, block, row, px, P, K, S);                                               \
    }
#define DW_ENTRY(name, K, S, P) [P] = name##_##P,
#define DW_TILES(F, name, K, S)                                                                    \
    F (name, K, S, 1)                                                                              \
    F (name, K, S, 2)                                                                              \
    F (name, K, S, 3)                                                                              \
    F (name, K, S, 4) F (name, K, S, 5) F (name, K, S, 6) F (name, K, S, 7) F (name, K, S, 8)

DW_TILES (DW_FUNC, dw3s1, 3, 1)
DW_TILES (DW_FUNC, dw3s2, 3, 2)
DW_TILES (DW_FUNC, dw5s1, 5, 1)
DW_TILES (DW_FUNC, dw5s2, 5, 2)
DW_TILES (DW_FUNC, dwany, 0, 0)
static const DepthwiseFunc dw_tables[][DW_TILE + 1] = { { DW_TILES (DW_ENTRY, dw3s1, , ) },
                                                        { DW_TILES (DW_ENTRY, dw3s2, , ) },
                                                        { DW_TILES (DW_ENTRY, dw5s1, , ) },
                                                        { DW_TILES (DW_ENTRY, dw5s2, , ) },
                                                        { DW_TILES (DW_ENTRY, dwany, , ) } };

void
FOV_SUFFIX (fov_depthwise_run) (const FovConvArgs *args, int block0, int block1, int row0, int row1)
{
    FovConvArgs a = *args;
    const int stride = a.x_pixel == VL ? 1 : a.x_pixel == 2 * VL ? 2 : 0;
    const gboolean square = a.kh == a.kw && a.tap_pixel == VL && stride;
    const int tiles = (a.width + DW_TILE - 1) / DW_TILE;
    const DepthwiseFunc *table = dw_tables[square && a.kh == 3   ? stride - 1
                                           : square && a.kh == 5 ? stride + 1
                                                                 : 4];

    fov_conv_simplify (&a);
    for (int block = block0; block < block1; block++)
        for (int row = row0; row < row1; row++)
            for (int t = 0; t < tiles; t++) {
                const int px = a.width * t / tiles, end = a.width * (t + 1) / tiles;
                table[end - px](&a, block, row, px);
            }
}

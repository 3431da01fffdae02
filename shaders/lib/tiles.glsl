/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TILES_GLSL
#define FOV_TILES_GLSL

/* Tiles whose luma is equalised; n: a side. Needs push (width, height) and lib/augment.glsl. */
struct Tile {
    int x0, x1, y0, y1;
};

/* One that there is not is another. */
Tile tile_at (int tile, int n)
{
    int side = max (n, 1), at = min (tile, side * side - 1), j = at / side, i = at - j * side;
    int w = push.width, h = push.height, x0 = i * w / side, y0 = j * h / side;
    return Tile (x0, min (max ((i + 1) * w / side, x0 + 1), w), y0,
                 min (max ((j + 1) * h / side, y0 + 1), h));
}

int tile_area (Tile t)
{
    return (t.x1 - t.x0) * (t.y1 - t.y0);
}

/* Histograms of one tile. */
int tile_parts (int n)
{
    return HISTOGRAMS / max (n * n, 1);
}

/* A pixel counts as 1 << this: what fits in a bin of 32 bits. */
int tile_bits (Tile t)
{
    return clamp (30 - findMSB (tile_area (t)), 0, 16);
}

#endif

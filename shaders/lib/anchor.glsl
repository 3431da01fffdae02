/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_ANCHOR_GLSL
#define FOV_ANCHOR_GLSL

/* Values of single anchors; needs push (fov_push_detect_rows), lib/bind and lib/heads. */

struct Place {
    int level; /* word offset of the FovLevel */
    int picture, prior, cell;
};

int head_int (int word)
{
    return const_int[push.heads + word];
}

float head_float (int word)
{
    return const1[push.heads + word];
}

Place place_of (int anchor, int picture)
{
    int n = head_int (HEADS_LEVELS), level = HEADS_LEVEL, cells = 1;
    for (int l = 0; l < n; l++) {
        cells = head_int (level + LEVEL_GRID_W) * head_int (level + LEVEL_GRID_H);
        int all = cells * head_int (level + LEVEL_PRIORS);
        if (anchor < all)
            break;
        anchor -= all;
        level += LEVEL_WORDS;
    }
    return Place (level, picture, anchor / cells, anchor % cells);
}

/* Address of component 0 of a field. */
int field_at (Place p, int field)
{
    int f = p.level + field;
    return head_int (f + 1) + p.prior * head_int (f + 3) + p.cell * head_int (f + 4) +
           p.picture * head_int (f + 5);
}

bool field_there (Place p, int field)
{
    return head_int (p.level + field) != 0;
}

#endif

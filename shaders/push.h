/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_PUSH_H
#define FOV_PUSH_H

/*
 * Push constants, for C and GLSL alike: structs of int and float alone, at most
 * 128 bytes. A shader says
 *     layout (push_constant) uniform Push { fov_push_x push; };
 * Offsets into the arena and the constants count in the unit that the comment
 * says: float (4 bytes) or vec4 (16 bytes).
 */

/** test_scale: out[i] = in[i] * factor + constant[i & 3]; float offsets. */
struct fov_push_test_scale {
    int src, dst, constants, n;
    float factor;
};

/** preprocess: word offsets of the frame and of the pictures in the inputs; dst: floats. */
struct fov_push_preprocess {
    int frame, pictures, dst, width, height, bgr;
    float pad;
    float mean0, mean1, mean2, scale0, scale1, scale2;
};

/** detect_scan, one level: a field's first, component, prior, cell, picture strides; floats. */
struct fov_push_detect_scan {
    int score, score_component, score_prior, score_cell, score_picture;
    int object, object_prior, object_cell, object_picture;
    int n_priors, cells, n_classes, background;
    int score_coding, object_coding;
    float score_power, object_power;
    int frame, frame_step;     /* words: of picture 0, from picture to picture */
    int keys, keys_step;       /* where the level's keys go */
};

/** detect_select: the k best of n keys (or, n < 0, of -n for each of the counted), in order. */
struct fov_push_detect_select {
    int keys, n, counted, k;
    int positions, best, count; /* where the chosen ones, their keys and their number go */
    int step;                   /* floats of scratch from picture to picture */
};

/** detect_expand and detect_rows; heads: word offset of the FovHeads in the constants. */
struct fov_push_detect_rows {
    int heads, scratch, step;     /* floats of scratch: picture 0, from picture to picture */
    int anchors, n_anchors, pairs; /* inside it: chosen anchors, their number, keys of pairs */
    int chosen, best, n_chosen;    /* chosen pairs, their keys and number */
    int frame, frame_step, k, rows, count;
};

/** detect_nms; float offsets, steps from picture to picture are k and m rows of 6. */
struct fov_push_detect_nms {
    int rows, n_rows, k, dst, count, m;
    int frame, frame_step, suppress;
};

#endif

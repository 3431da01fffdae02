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
    int frame, frame_step; /* words: of picture 0, from picture to picture */
    int keys, keys_step;   /* where the level's keys go */
};

/** detect_select: the k best of n keys (or, n < 0, of -n for each of the counted), in order. */
struct fov_push_detect_select {
    int keys, n, counted, k;
    int positions, best, count; /* where the chosen ones, their keys and their number go */
    int step;                   /* floats of scratch from picture to picture */
};

/** detect_expand and detect_rows; heads: word offset of the FovHeads in the constants. */
struct fov_push_detect_rows {
    int heads, scratch, step;      /* floats of scratch: picture 0, from picture to picture */
    int anchors, n_anchors, pairs; /* inside it: chosen anchors, their number, keys of pairs */
    int chosen, best, n_chosen;    /* chosen pairs, their keys and number */
    int frame, frame_step, k, rows, count;
};

/** detect_nms; float offsets, steps from picture to picture are k and m rows of 6. */
struct fov_push_detect_nms {
    int rows, n_rows, k, dst, count, m;
    int frame, frame_step, suppress;
};

/**
 * conv_*: offsets in vec4. c4, m4: blocks of 4 input / output channels; keep: used
 * channels of the last block.
 */
struct fov_push_conv {
    int src, dst, weights, bias, residual;
    int c4, h, w;
    int m4, oh, ow;
    int kh, kw, stride_y, stride_x, pad_y, pad_x, dilation_y, dilation_x, keep;
    float a, b;
    int group_in, group_out;          /* conv_group, conv_transpose: channels of a group */
    int out_plane, out_row, out_step; /* conv_flat: where pixels of y lie */
    int rows, strips;                 /* conv_depth: rows of a lane; strips of a row */
};

/** pack: src in floats, dst and n in vec4; oc, ic: channels that there are. */
struct fov_push_pack {
    int src, dst, n;
    int m, blocks, taps, inner; /* m, blocks: where dense */
    int oc, ic, oc_by, ic_by, hi_by, lo_by;
    int group_out, group_by;
};

/** unary: offsets and n in vec4 or floats; c4, plane, keep: see fov_push_conv; plane in pixels. */
struct fov_push_unary {
    int src, dst, n, c4, plane, keep;
    float a, b;
};

/** binary_blocked: in vec4; *_batch: vec4 from one picture to the next. */
struct fov_push_binary_blocked {
    int a, b, dst, a_batch, b_batch;
    int c4, pixels, keep;
};

/** binary: in floats; n: of the result; the last dimension is the innermost. */
struct fov_push_binary {
    int a, b, dst, n;
    int size[6], a_stride[6], b_stride[6];
};

/** cast: in words; n: elements. */
struct fov_push_cast {
    int src, dst, n;
};

/** where: in words; n, strides: elements. */
struct fov_push_where {
    int c, a, b, dst, n;
    int size[6], c_stride[6], a_stride[6], b_stride[6];
};

/** norm: in floats; n: runs; scale and bias have count elements, each for inner elements of x. */
struct fov_push_norm {
    int src, dst, scale, bias, n, run, inner, count;
    float epsilon;
};

/** move: in 4-byte words. */
struct fov_push_move {
    int src, dst, value;
    int size[6], src_stride[6], dst_stride[6];
};

/** reorder: src and dst in floats. */
struct fov_push_reorder {
    int src, dst, c4, channels, pixels;
};

/** channel_map: in vec4; c4: of the output. */
struct fov_push_channel_map {
    int map, dst, c4, pixels;
};

/** pool, pool_strip: offsets in vec4; rows of a lane, strips of a row, planes: of pool_strip. */
struct fov_push_pool {
    int src, dst, h, w, oh, ow, kh, kw, stride_y, stride_x, dilation_y, dilation_x;
    int pad_top, pad_left, pad_bottom, pad_right, include_pad;
    int rows, strips, planes;
};

/** global_pool: offsets in vec4; planes: pictures times blocks. */
struct fov_push_global_pool {
    int src, dst, planes, c4, pixels, keep;
    float scale;
};

/** resize: in vec4; rows, columns: tables of taps. */
struct fov_push_resize {
    int src, dst, rows, columns, h, w, oh, ow, planes;
};

/** reduce, softmax: in floats; n: lines, outer * inner. */
struct fov_push_reduce {
    int src, dst, n, size, inner;
};

/** matmul: in floats (b in vec4 where packed); *_i, *_j, *_k: strides; k: length of the sums. */
struct fov_push_matmul {
    int a, b, c, dst, m, n, k;
    int a_batch, a_i, a_k, b_batch, b_k, b_j, c_i, c_j;
    float alpha, beta;
};

/** gather: in words; size, count: of the axis before and after. */
struct fov_push_gather {
    int src, dst, indices, size, count, inner;
};

#endif

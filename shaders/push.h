/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_PUSH_H
#define FOV_PUSH_H

/*
 * Push constants, for C and GLSL alike: structs of int and float alone, at most
 * 120 bytes. A shader says
 *     layout (push_constant) uniform Push { fov_push_x push; FOV_FAR_ADDRESS };
 * Offsets into the arena and the constants count in the unit that the comment
 * says: float (4 bytes) or vec4 (16 bytes).
 */

/* A struct inside another: GLSL knows it by its name alone. */
#ifdef VULKAN
#define FOV_PUSH_PART(name) name
#else
#define FOV_PUSH_PART(name) struct name
#endif

/** test_scale: out[i] = in[i] * factor + constant[i & 3]; float offsets. */
struct fov_push_test_scale {
    int src, dst, constants, n;
    float factor;
};

/** (v - mean) * scale, blue first where bgr (lib/normalise.glsl). */
struct fov_push_normalise {
    int bgr;
    float mean0, mean1, mean2, scale0, scale1, scale2;
};

/** preprocess: word offsets of the frame and of the pictures in the inputs; dst: floats. */
struct fov_push_preprocess {
    int frame, pictures, dst, width, height;
    float pad;
    FOV_PUSH_PART (fov_push_normalise) normalise;
};

/** augment_shape: layers in uvec4 and pictures in words of the inputs, dst in vec4. */
struct fov_push_augment_shape {
    int layers, pictures, dst, width, height, channels;
    float pad;
};

/**
 * The other augment_*: src in vec4 where blocked, else floats; look, bins: words; aside, changed:
 * scratch pictures, vec4; curves, dst: floats.
 */
struct fov_push_augment {
    int src, look, aside, changed, bins, curves, dst, width, height;
    FOV_PUSH_PART (fov_push_normalise) normalise;
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

/**
 * conv_grad_*: x, dy in vec4, dst in floats; plane, out_plane: pixels of x and dy, of which a chunk
 * at a time; c, m: channels; n: elements of dw.
 */
struct fov_push_conv_grad {
    int x, dy, dst;
    int images, c4, h, w, plane, m4, ow, out_plane, chunk;
    int kh, kw, stride_y, stride_x, pad_y, pad_x, dilation_y, dilation_x;
    int c, m, n;
};

/** unary: offsets and n in vec4 or floats; c4, plane, keep: see fov_push_conv; plane in pixels. */
struct fov_push_unary {
    int src, dst, n, c4, plane, keep;
    float a, b;
};

/** act_grad: as unary, with dy. */
struct fov_push_act_grad {
    int src, dy, dst, n, c4, plane, keep;
    float a, b;
};

/** optimise: in floats; rate: for fov.AdamW the corrections are behind it. */
struct fov_push_optimise {
    int x, g, m, v, x_out, m_out, v_out, rate, n;
    float a, b, epsilon, decay, decay_after, correction1, correction2;
};

/** batch_norm: src, dst in vec4 where blocked; pixels of a picture. */
struct fov_push_batch_norm {
    int src, dst, images, pixels, channels;
    int scale, bias, mean, variance, next_mean, next_variance, mean_out, variance_out;
    float epsilon, momentum;
};

/** batch_norm_grad: dy, src, dst in vec4 where blocked. */
struct fov_push_batch_norm_grad {
    int dy, src, dst, images, pixels, channels;
    int scale, mean, variance, dscale, dbias;
    float epsilon;
};

/** nll, nll_grad: in words; n: labels, of nll_grad elements of dx; total: -1: not asked for. */
struct fov_push_nll {
    int src, dst, labels, weight, total, n, classes, pixels, ignored;
};

/** live: in floats; key, threshold: of fov.Dropout, as bits. */
struct fov_push_live {
    int src, given, switch_at, dst, n, key, threshold;
    float scale;
};

/** assign_*: in words; row, weight: results, -1: left out; step: scratch words of a picture. */
struct fov_push_assign {
    int boxes, scores, places, targets, object, row, weight, scratch, step;
    int anchors, columns, rows, top;
    float radius, alpha, beta, overlap, negatives;
};

/** assign_targets: in words; results are -1 where left out; n: anchors of all, times classes. */
struct fov_push_assign_targets {
    int row, weight, targets, classes, boxes, found, counted;
    int n, n_classes, anchors, rows;
};

/** lstm_pack: src in floats, dst in vec4; n: vec4 of all directions. */
struct fov_push_lstm_pack {
    int src, dst, n, rows, columns;
};

/** lstm: in floats, weights in vec4; y, last_*: results, -1: left out. */
struct fov_push_lstm {
    int weights, bias, h, c, gates, cells, starts, y, last_h, last_c;
    int steps, batch, hidden, directions;
};

/** lstm_grad: in floats, weights in vec4; da, last_*: results. */
struct fov_push_lstm_grad {
    int weights, dy, dh, dc, c, gates, cells, da, last_h, last_c;
    int steps, batch, hidden, directions;
};

/** ctc, ctc_grad: in words; kept: what ctc finds for the gradient; n: scores. */
struct fov_push_ctc {
    int scores, labels, kept, dy, dst, n, steps, classes, blank;
};

/** focal: in floats. */
struct fov_push_focal {
    int dy, x, t, dst, n;
    float alpha, gamma;
};

/** iou_loss: in floats; n: boxes. */
struct fov_push_iou_loss {
    int dy, boxes, targets, weights, dst, n;
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

/** binary_grad: as binary; da, db: results, db -1: left out. */
struct fov_push_binary_grad {
    int dy, a, b, da, db, n;
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

/**
 * pool, pool_*: offsets in vec4; h, w of x, oh, ow of y. rows of a lane, strips of a row, planes:
 * of pool_strip; dy, places: of pool_place and pool_grad.
 */
struct fov_push_pool {
    int src, dst, h, w, oh, ow, kh, kw, stride_y, stride_x, dilation_y, dilation_x;
    int pad_top, pad_left, pad_bottom, pad_right, include_pad;
    int rows, strips, planes;
    int dy, places;
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

/**
 * reduce, softmax: in floats; n: lines, outer * inner. reduce: lines may be parts of `whole` ones,
 * `parts` of each; scale: of means.
 */
struct fov_push_reduce {
    int src, dst, n, size, inner, whole, parts;
    float scale;
};

/** reduce_grad: in floats; lines: what reduce_count found, which has y in whole. */
struct fov_push_reduce_grad {
    int dy, x, y, lines, dst, n;
    int size[6], stride[6];
};

/** norm_grad: in floats; n: runs; normal: where x^ goes, -1: nowhere. */
struct fov_push_norm_grad {
    int u, src, dst, normal, n, run;
    float epsilon;
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

/** gather_grad: in floats; size: of dx's axis, count: indices. */
struct fov_push_gather_grad {
    int src, dst, indices, n, size, count, inner;
};

/** gather_elements: in floats; size: of the indices, x_size: of x. */
struct fov_push_gather_elements {
    int src, updates, dst, indices, n, axis;
    int size[6], x_size[6];
};

/** gather_nd: in floats; size: of x's dimensions that indices name. */
struct fov_push_gather_nd {
    int src, updates, dst, indices, n, rows, inner;
    int size[6];
};

#endif

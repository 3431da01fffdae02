/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_HEADS_GLSL
#define FOV_HEADS_GLSL

/*
 * FovHeads (runtime/ops/boxes.h) as words in the constants; fields' "input" is 0
 * or 1 there and "first" counts floats of the arena.
 */
#define HEADS_LEVELS 0
#define HEADS_CLASSES 1
#define HEADS_BACKGROUND 2
#define HEADS_SCORE_CODING 3
#define HEADS_OBJECT_CODING 4
#define HEADS_SCORE_POWER 5
#define HEADS_OBJECT_POWER 6
#define HEADS_BOX_CODING 7
#define HEADS_SWAP_XY 8
#define HEADS_BINS 9
#define HEADS_ORIGIN 10
#define HEADS_VARIANCE 11
#define HEADS_PRIORS 13 /* float offset in the constants */
#define HEADS_NET_W 14
#define HEADS_NET_H 15
#define HEADS_LEVEL 17
#define LEVEL_WORDS 45
#define LEVEL_SCORE 0
#define LEVEL_OBJECT 6
#define LEVEL_BOX 12
#define LEVEL_LABEL 18
#define LEVEL_GRID_W 24
#define LEVEL_GRID_H 25
#define LEVEL_PRIORS 26
#define LEVEL_STEP 27
#define LEVEL_PRIOR_W 29
#define LEVEL_PRIOR_H 37

#define SCORE_SIGMOID 1
#define SCORE_SOFTMAX 2
#define BOX_CORNERS 0
#define BOX_CENTER 1
#define BOX_GRID_EXP 2
#define BOX_DISTANCE 3
#define BOX_TANH 4
#define BOX_ANCHOR_EXP 5
#define BOX_ANCHOR_SQUARE 6
#define BOX_PRIOR 7
#define MAX_LOG_SIZE 10.0
#define MAX_COORDINATE 1e6

float sigmoid (float x)
{
    return 1.0 / (1.0 + exp (-x));
}

/* Scores are at most 1. */
float powered (float score, float power)
{
    score = score > 1.0 ? 1.0 : score;
    if (power > 0.0 && power != 1.0)
        score = score > 0.0 ? exp (log (score) * power) : 0.0;
    return score;
}

/* What falling scores sort by: a positive score's bits; 0 where it is not kept. */
uint score_key (float score, float threshold)
{
    bool keep = score > 0.0 && score >= threshold && score <= 1.0;
    return keep ? floatBitsToUint (score) : 0u;
}

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_LABEL_GLSL
#define FOV_LABEL_GLSL

/* Labels of losses; needs push (labels, weight, ignored, classes), LABEL_WORDS, WEIGHT. */
int label_at (int i)
{
    return arena_int[push.labels + i * LABEL_WORDS];
}

/* 0: it does not count. What names no class makes the loss no number. */
float label_weight (int label)
{
    if (label == push.ignored)
        return 0.0;
    if (label < 0 || label >= push.classes)
        return uintBitsToFloat (0x7fc00000u);
    if (WEIGHT == 1)
        return fetch_arena (push.weight + label);
    return WEIGHT == 2 ? fetch_const (push.weight + label) : 1.0;
}

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TYPED_GLSL
#define FOV_TYPED_GLSL

/*
 * Elements of the types that kernels know beside float, as a pair of words (low,
 * high): integers and bools as a 64-bit integer, a float as its bits. Types are
 * FovDType of fovea/tensor.h. An operand is planar and starts at a word; bytes
 * lie four to a word, as the host has them.
 */
const int TYPE_F32 = 0, TYPE_I8 = 3, TYPE_U8 = 4, TYPE_I32 = 6, TYPE_I64 = 7, TYPE_BOOL = 8;

bool is_byte (int type)
{
    return type == TYPE_I8 || type == TYPE_U8 || type == TYPE_BOOL;
}

int operand_word (bool constant, int at)
{
    return constant ? const_int[at] : arena_int[at];
}

/* Element i of the operand that starts at word base. */
uvec2 load_element (int type, bool constant, int base, int i)
{
    if (type == TYPE_I64)
        return uvec2 (operand_word (constant, base + 2 * i),
                      operand_word (constant, base + 2 * i + 1));
    if (is_byte (type)) {
        int word = operand_word (constant, base + (i >> 2)), shift = 8 * (i & 3);
        int byte = type == TYPE_I8 ? bitfieldExtract (word, shift, 8) : (word >> shift) & 255;
        if (type == TYPE_BOOL)
            byte = byte != 0 ? 1 : 0;
        return uvec2 (byte, byte >> 31);
    }
    int word = operand_word (constant, base + i);
    return uvec2 (word, type == TYPE_F32 ? 0 : word >> 31);
}

/* What a kernel computes; i: of the result. */
uvec2 element (int i);

/* Writes the n elements of a result, a lane of 64 one word or a 64-bit element. */
void write_elements (int type, int dst, int n)
{
    int i = flat_group () * 64 + int (gl_LocalInvocationID.x);
    if (is_byte (type)) {
        if (4 * i >= n)
            return;
        uint word = 0u;
        for (int k = 0; k < 4; k++)
            word |= (element (min (4 * i + k, n - 1)).x & 255u) << (8 * k);
        arena_int[dst + i] = int (word);
        return;
    }
    if (i >= n)
        return;
    uvec2 v = element (i);
    if (type == TYPE_I64) {
        arena_int[dst + 2 * i] = int (v.x);
        arena_int[dst + 2 * i + 1] = int (v.y);
    } else {
        arena_int[dst + i] = int (v.x);
    }
}

#endif

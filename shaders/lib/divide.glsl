/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_DIVIDE_GLSL
#define FOV_DIVIDE_GLSL

/*
 * a / b for 0 <= a < 2^29, b > 0, without the integer division, which some
 * devices do lane by lane. The first quotient is off by 64 / b at most, since
 * floats have 24 bits; the rest's quotient is then exact but for 1.
 */
int divide (int a, int b)
{
    float inverse = 1.0 / float (b);
    int q = int (float (a) * inverse);
    int rest = a - q * b;
    q += int (float (rest) * inverse);
    rest = a - q * b;
    return rest < 0 ? q - 1 : rest >= b ? q + 1 : q;
}

#endif

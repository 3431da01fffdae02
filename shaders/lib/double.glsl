/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_DOUBLE_GLSL
#define FOV_DOUBLE_GLSL

/*
 * What GLSL lacks of double precision: exp, log and pow to some 1e-16 of their value, and doubles
 * in memory, where they are two words.
 */
const double DOUBLE_LOG2 = 0.6931471805599453lf;

/* 2^k r of |r| <= log (2) / 2, whose series ends below 1e-17. */
double exp_of (double x)
{
    if (x < -708.0lf)
        return 0.0lf;
    if (!(x < 709.0lf))
        return isnan (x) ? x : packDouble2x32 (uvec2 (0u, 0x7ff00000u));
    double k = floor (x * 1.4426950408889634lf + 0.5lf);
    double r = (x - k * 0.69314718036912382lf) - k * 1.9082149292705877e-10lf;
    double sum = 1.6059043836821613e-10lf;
    sum = sum * r + 2.08767569878681e-09lf;
    sum = sum * r + 2.505210838544172e-08lf;
    sum = sum * r + 2.755731922398589e-07lf;
    sum = sum * r + 2.7557319223985893e-06lf;
    sum = sum * r + 2.48015873015873e-05lf;
    sum = sum * r + 0.0001984126984126984lf;
    sum = sum * r + 0.001388888888888889lf;
    sum = sum * r + 0.008333333333333333lf;
    sum = sum * r + 0.041666666666666664lf;
    sum = sum * r + 0.16666666666666666lf;
    sum = sum * r + 0.5lf;
    sum = sum * r * r + r + 1.0lf;
    return sum * packDouble2x32 (uvec2 (0u, uint (int (k) + 1023) << 20));
}

/* 2 atanh (s) of |s| < 0.18, whose series ends below 1e-17. */
double log_series (double s)
{
    double q = s * s, sum = 0.043478260869565216lf;
    sum = sum * q + 0.047619047619047616lf;
    sum = sum * q + 0.05263157894736842lf;
    sum = sum * q + 0.058823529411764705lf;
    sum = sum * q + 0.06666666666666667lf;
    sum = sum * q + 0.07692307692307693lf;
    sum = sum * q + 0.09090909090909091lf;
    sum = sum * q + 0.1111111111111111lf;
    sum = sum * q + 0.14285714285714285lf;
    sum = sum * q + 0.2lf;
    sum = sum * q + 0.3333333333333333lf;
    return 2.0lf * (s + s * q * sum);
}

/* Of x > 0, no denormal: 2^k m of m between the roots of 1/2 and 2. */
double log_of (double x)
{
    uvec2 words = unpackDouble2x32 (x);
    int k = int (words.y >> 20) - 1023;
    double m = packDouble2x32 (uvec2 (words.x, (words.y & 0xfffffu) | 0x3ff00000u));
    if (m > 1.4142135623730951lf) {
        m *= 0.5lf;
        k++;
    }
    return double (k) * DOUBLE_LOG2 + log_series ((m - 1.0lf) / (m + 1.0lf));
}

/* log (1 + x) of 0 <= x <= 1 */
double log_of_1_and (double x)
{
    return x < 0.4lf ? log_series (x / (2.0lf + x)) : log_of (1.0lf + x);
}

/* x^y of x >= 0 */
double power_of (double x, double y)
{
    if (x > 0.0lf)
        return exp_of (y * log_of (x));
    return y == 0.0lf ? 1.0lf : 0.0lf;
}

double load_double (int at)
{
    return packDouble2x32 (uvec2 (arena_int[at], arena_int[at + 1]));
}

void store_double (int at, double v)
{
    uvec2 words = unpackDouble2x32 (v);
    arena_int[at] = int (words.x);
    arena_int[at + 1] = int (words.y);
}

#endif

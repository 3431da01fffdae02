/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "check.h"
#include "vision/assign.h"

#define SIZE 7

static const struct {
    const char *name;
    guint n, m;
    double cost[9];
    double limit;
    int expected[3];
} cases[] = {
    { "one", 1, 1, { 5 }, INFINITY, { 0 } },
    { "diagonal", 2, 2, { 1, 2, 2, 1 }, INFINITY, { 0, 1 } },
    { "greedy would lose", 2, 2, { 1, 2, 1, 9 }, INFINITY, { 1, 0 } },
    { "more rows", 3, 1, { 3, 1, 2 }, INFINITY, { -1, 0, -1 } },
    { "more columns", 1, 3, { 3, 1, 2 }, INFINITY, { 1 } },
    { "negative costs", 2, 2, { -5, -6, -1, -6 }, INFINITY, { 0, 1 } },
    { "forbidden cell", 2, 2, { 1, NAN, 1, 9 }, INFINITY, { 0, 1 } },
    { "a row with nothing", 2, 2, { INFINITY, INFINITY, 1, 9 }, INFINITY, { -1, 0 } },
    { "all forbidden", 1, 2, { NAN, INFINITY }, INFINITY, { -1 } },
    { "under the limit", 1, 1, { 0.4 }, 0.5, { 0 } },
    { "at the limit none", 1, 1, { 0.5 }, 0.5, { -1 } },
    { "one pair instead of two", 2, 2, { 0.1, 0.45, 0.45, 2 }, 0.5, { 0, -1 } }, /* 0.1 + 0.5 < 0.9
                                                                                  */
    { "two pairs instead of one", 2, 2, { 0.1, 0.2, 0.2, 2 }, 0.5, { 1, 0 } },
    { "a row is put out", 2, 1, { 0.4, 0.1 }, 0.5, { -1, 0 } },
    { "no columns", 2, 0, { 0 }, 0.5, { -1, -1 } },
};

static void
test_cases (void **state)
{
    g_autoptr (FovAssign) work = fov_assign_new ();
    int got[3];

    for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
        print_message ("# %s\n", cases[i].name);
        fov_assign (work, cases[i].cost, cases[i].n, cases[i].m, cases[i].limit, got);
        for (guint r = 0; r < cases[i].n; r++)
            assert_int_equal (got[r], cases[i].expected[r]);
    }
    fov_assign (work, NULL, 0, 4, 1.0, got);
    fov_assign_free (NULL);
}

/* The least of all assignments, each pair left out at the price of limit. */
static double
brute (const double *cost, guint n, guint m, double limit, guint row, guint used)
{
    if (row == n)
        return 0;
    double best = limit + brute (cost, n, m, limit, row + 1, used);
    for (guint c = 0; c < m; c++)
        if (!(used >> c & 1) && isfinite (cost[row * m + c]))
            best =
                fmin (best, cost[row * m + c] + brute (cost, n, m, limit, row + 1, used | 1u << c));
    return best;
}

static double
price (const double *cost, guint n, guint m, double limit, const int *got)
{
    double sum = 0;
    guint used = 0;

    for (guint r = 0; r < n; r++) {
        if (got[r] < 0) {
            sum += limit;
            continue;
        }
        assert_in_range (got[r], 0, m - 1);
        assert_false (used >> got[r] & 1);
        used |= 1u << got[r];
        assert_true (isfinite (cost[r * m + (guint) got[r]]));
        sum += cost[r * m + (guint) got[r]];
    }
    return sum;
}

/* Coarse costs, so that ties are common. */
static double
draw (GRand *rand, gboolean coarse)
{
    if (g_rand_int_range (rand, 0, 6) == 0)
        return g_rand_boolean (rand) ? NAN : INFINITY;
    return coarse ? g_rand_int_range (rand, -4, 5) : g_rand_double_range (rand, -3, 5);
}

static void
test_against_brute_force (void **state)
{
    g_autoptr (GRand) rand = g_rand_new_with_seed (3);
    g_autoptr (FovAssign) work = fov_assign_new ();
    double cost[SIZE * SIZE];
    int got[SIZE];

    for (int trial = 0; trial < 6000; trial++) {
        guint n = (guint) g_rand_int_range (rand, 1, SIZE),
              m = (guint) g_rand_int_range (rand, 1, SIZE);
        double limit = trial % 3 ? g_rand_double_range (rand, -4, 6) : INFINITY;
        double out = limit == INFINITY ? 1000 : limit;
        for (guint i = 0; i < n * m; i++)
            cost[i] = draw (rand, trial & 1);
        fov_assign (work, cost, n, m, limit, got);
        assert_true (fabs (price (cost, n, m, out, got) - brute (cost, n, m, out, 0, 0)) < 1e-9);
    }
}

/* Rows and columns in another order give the same pairs where costs differ. */
static void
test_order (void **state)
{
    enum { N = 60 };
    g_autoptr (GRand) rand = g_rand_new_with_seed (5);
    g_autoptr (FovAssign) work = fov_assign_new ();
    static double cost[N * N], turned[N * N];
    int got[N], again[N];

    for (guint i = 0; i < N * N; i++)
        cost[i] = g_rand_double (rand);
    for (guint r = 0; r < N; r++)
        for (guint c = 0; c < N; c++)
            turned[(N - 1 - r) * N + (c + 7) % N] = cost[r * N + c];
    fov_assign (work, cost, N, N, 0.2, got);
    fov_assign (work, turned, N, N, 0.2, again);
    for (guint r = 0; r < N; r++)
        assert_int_equal (got[r] < 0 ? -1 : (got[r] + 7) % N, again[N - 1 - r]);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_cases),
        cmocka_unit_test (test_against_brute_force),
        cmocka_unit_test (test_order),
    };
    return RUN ("assign", tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the command says at the end of a run that goes on for weeks. */
#include "../../tools/print.h"

#include "check.h"

/* Of 1, 2, 3, ... all count for the mean and only the last for quantiles; memory is theirs alone.
 */
static void
test_samples (void **state)
{
    g_autoptr (Samples) samples = samples_new ();
    const int n = 3 * SAMPLES_KEPT;

    assert_float_equal (samples_mean (samples), 0, 0);
    assert_float_equal (samples_quantile (samples, 0.5), 0, 0);
    for (int i = 1; i <= n; i++)
        samples_add (samples, i);
    assert_int_equal (samples->last->len, SAMPLES_KEPT);
    assert_float_equal (samples_mean (samples), (n + 1) / 2.0, 1e-6);
    assert_float_equal (samples_quantile (samples, 0), n - SAMPLES_KEPT + 1, 0);
    assert_float_equal (samples_quantile (samples, 1), n, 0);
}

int
main (void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test (test_samples) };
    return RUN ("print", tests);
}

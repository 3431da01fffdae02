/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TESTS_CHECK_H
#define FOVEA_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fovea/error.h>

/* Runs a cmocka program's tests under the name that the reports show. */
#define RUN(name, tests) cmocka_run_group_tests_name (name, tests, NULL, NULL)

/* Fails unless error is Fovea's, of this code, and its message holds text; then clears it. */
static inline void
assert_fov_error (GError **error, FovErrorCode code, const char *text)
{
    assert_non_null (*error);
    if (!g_error_matches (*error, FOV_ERROR, (int) code) || !strstr ((*error)->message, text))
        fail_msg ("error is \"%s\" (code %d), expected code %d with \"%s\"", (*error)->message,
                  (*error)->code, (int) code, text);
    g_clear_error (error);
}

static inline void
assert_fov_ok (gboolean ok, GError *error)
{
    if (!ok || error)
        fail_msg ("unexpected error: %s", error ? error->message : "(none set)");
}

#endif

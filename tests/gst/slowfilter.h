/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_SLOW_FILTER_H
#define FOVEA_SLOW_FILTER_H

#include "gstfoveafilter.h"

/** A filter whose model takes as long as the test says and finds one object per frame. */
#define SLOW_TYPE_FILTER (slow_filter_get_type ())
G_DECLARE_FINAL_TYPE (SlowFilter, slow_filter, SLOW, FILTER, GstFoveaFilter)

struct _SlowFilter {
    GstFoveaFilter parent;
    /* set before frames come */
    guint delay_ms;
    int fail_submit, fail_collect; /* number of the picture that fails; -1: none */
    gboolean recovers;
    guint every; /* looks at every n-th frame */
    /* counted */
    int n_jobs, n_running, most_running, n_seen, n_started, n_stopped;
};

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clock.h"

/* 73 years: far from overflow when two such are added. */
#define LIMIT (G_MAXINT64 / 4)
#define JUMP G_GINT64_CONSTANT (1000000000)

gint64
fov_clock_next (FovClock *clock, gint64 time)
{
    gboolean known = time > -LIMIT && time < LIMIT;

    if (!clock->started) {
        clock->started = TRUE;
        clock->base = known ? time : 0;
        clock->last = 0;
        return 0;
    }
    if (!known || time - clock->base >= LIMIT) {
        clock->last += clock->step;
        return clock->last;
    }
    time -= clock->base;
    if (time < clock->last - JUMP) {
        clock->base -= clock->last + clock->step - time;
        time = clock->last + clock->step;
    } else if (time <= clock->last) {
        time = clock->last + 1000;
    }
    clock->last = time;
    return time;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/order.h"

#include <string.h>

static void
swap (guint8 *a, guint8 *b, gsize size)
{
    guint8 keep[64];

    for (gsize at = 0, n; at < size; at += n) {
        n = MIN (size - at, sizeof keep);
        memcpy (keep, a + at, n);
        memcpy (a + at, b + at, n);
        memcpy (b + at, keep, n);
    }
}

/* Lets the element at i sink in the heap of the first n, whose largest is at 0. */
static void
sink (guint8 *data, guint i, guint n, gsize size, GCompareFunc compare)
{
    for (guint child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && compare (data + child * size, data + (child + 1) * size) < 0)
            child++;
        if (compare (data + i * size, data + child * size) >= 0)
            return;
        swap (data + i * size, data + child * size, size);
    }
}

void
fov_order (gpointer data, guint n, gsize size, GCompareFunc compare)
{
    for (guint i = n / 2; i-- > 0;)
        sink (data, i, n, size, compare);
    for (guint end = n; end-- > 1;) {
        swap (data, (guint8 *) data + end * size, size);
        sink (data, 0, end, size, compare);
    }
}

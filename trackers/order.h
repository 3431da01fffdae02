/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_ORDER_H
#define FOV_TRACKERS_ORDER_H

#include <glib.h>

/**
 * Sorts n elements of that size in place (heapsort), without memory of its own:
 * qsort and GLib's sorts take some for each call. What compares equal may change
 * its order.
 */
void fov_order (gpointer data, guint n, gsize size, GCompareFunc compare);

#endif

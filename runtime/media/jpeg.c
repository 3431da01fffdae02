/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include "jpeg.h"

/* ITU-T T.81, B.1.1.2 and table B.1. */
enum { FILL = 0xff, RESTART_0 = 0xd0, START = 0xd8, END = 0xd9, FIRST = 0xc0 };

/* Of the parameters behind a marker: what they say themselves, which counts these two bytes. */
static gsize
length_of (guint8 code, const guint8 *at, gsize left)
{
    if (code < FIRST || (code >= RESTART_0 && code <= START) || left < 2)
        return 0;
    return MAX ((gsize) at[0] << 8 | at[1], 2);
}

gboolean
fov_jpeg_ends (const guint8 *bytes, gsize n)
{
    const guint8 *end = bytes + n, *at = bytes;

    while (at < end && (at = memchr (at, FILL, (gsize) (end - at))) && end - at > 1) {
        const guint8 code = at[1];
        gsize length;
        if (code == END)
            return TRUE;
        at += code == FILL ? 1 : 2;
        length = code == FILL ? 0 : length_of (code, at, (gsize) (end - at));
        if (length > (gsize) (end - at))
            return FALSE;
        at += length;
    }
    return FALSE;
}

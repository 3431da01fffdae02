/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>
#include <string.h>
#include "picture.h"

/* Where a pixel goes, each -1, 0 or 1: x' = xx x + xy y, y' = yx x + yy y, up to a shift. */
typedef struct {
    int xx, xy, yx, yy;
} Turn;

static int
sign_of (int32_t v)
{
    return v > 1 << 15 ? 1 : v < -(1 << 15) ? -1 : 0;
}

/* FALSE where there is nothing to do: no matrix, none of the eight ways, or the identity. */
static gboolean
find_turn (const AVFrame *frame, Turn *turn)
{
    const AVFrameSideData *side = av_frame_get_side_data (frame, AV_FRAME_DATA_DISPLAYMATRIX);
    int32_t m[9];

    if (!side || side->size < sizeof m)
        return FALSE;
    memcpy (m, side->data, sizeof m);
    *turn = (Turn){ sign_of (m[0]), sign_of (m[3]), sign_of (m[1]), sign_of (m[4]) };
    if (ABS (turn->xx * turn->yy - turn->xy * turn->yx) != 1 ||
        (turn->xx && (turn->xy || turn->yx)))
        return FALSE;
    return turn->xx != 1 || turn->yy != 1;
}

/* Row by row of dst; from a pixel to the next, and from a row to the next, src is walked in steps.
 */
static void
copy_turned (const AVFrame *src, AVFrame *dst, Turn turn, int bytes)
{
    const ptrdiff_t row = src->linesize[0];
    const ptrdiff_t across = turn.xx * bytes + turn.xy * row;
    const ptrdiff_t down = turn.yx * bytes + turn.yy * row;
    const guint8 *from = src->data[0];

    from += turn.xx + turn.yx < 0 ? (ptrdiff_t) (src->width - 1) * bytes : 0;
    from += turn.xy + turn.yy < 0 ? (ptrdiff_t) (src->height - 1) * row : 0;
    for (int y = 0; y < dst->height; y++, from += down) {
        const guint8 *s = from;
        guint8 *d = dst->data[0] + (ptrdiff_t) y * dst->linesize[0];
        for (int x = 0; x < dst->width; x++, s += across, d += bytes)
            memcpy (d, s, (gsize) bytes);
    }
}

gboolean
fov_picture_turn_upright (AVFrame *frame, GError **error)
{
    g_autoptr (AVFrame) plain = NULL, turned = NULL;
    FovScaler scaler = { 0 };
    gboolean gray, ok;
    Turn turn;

    if (!find_turn (frame, &turn))
        return TRUE;
    gray = frame->format == AV_PIX_FMT_GRAY8;
    plain = fov_picture_new (gray ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24, frame->width,
                             frame->height, error);
    turned = plain ? fov_picture_new (plain->format, turn.xy ? frame->height : frame->width,
                                      turn.xy ? frame->width : frame->height, error)
                   : NULL;
    if (!turned)
        return FALSE;
    plain->colorspace = turned->colorspace = frame->colorspace;
    plain->color_range = turned->color_range = gray ? frame->color_range : AVCOL_RANGE_JPEG;
    ok = fov_scaler_run (&scaler, frame, plain, error);
    fov_scaler_clear (&scaler);
    if (!ok)
        return FALSE;
    copy_turned (plain, turned, turn, gray ? 1 : 3);
    av_frame_unref (frame);
    av_frame_move_ref (frame, turned);
    return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/onnx.h"

/* protobuf-c recurses per nested message and allocates per part: both are
 * bounded here, before it is let loose on the bytes. */
#define MAX_DEPTH 48
#define MAX_PARTS 4000000

typedef struct {
    const guint8 *at, *end;
} Cursor;

typedef struct {
    const guint8 *start;
    guint64 n_parts;
    GError **error;
} Check;

static gboolean
fail (Check *check, const Cursor *cursor, const char *what)
{
    g_set_error (check->error, FOV_ERROR, FOV_ERROR_FORMAT,
                 "not a whole ONNX model: %s at byte %" G_GSIZE_FORMAT, what,
                 (gsize) (cursor->at - check->start));
    return FALSE;
}

static gboolean
read_varint (Cursor *cursor, guint64 *value)
{
    *value = 0;
    for (guint shift = 0; shift < 70 && cursor->at < cursor->end; shift += 7) {
        guint8 byte = *cursor->at++;
        if (shift < 64)
            *value |= (guint64) (byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return TRUE;
    }
    return FALSE;
}

static gboolean
skip (Check *check, Cursor *cursor, guint64 n)
{
    if (n > (guint64) (cursor->end - cursor->at))
        return fail (check, cursor, "a field reaches beyond its end");
    cursor->at += n;
    return TRUE;
}

static gboolean
check_message (Check *check, const ProtobufCMessageDescriptor *type, Cursor cursor, int depth)
{
    if (depth > MAX_DEPTH)
        return fail (check, &cursor, "messages nested too deeply");
    while (cursor.at < cursor.end) {
        const ProtobufCFieldDescriptor *field;
        guint64 tag, n;

        if (!read_varint (&cursor, &tag) || tag >> 3 == 0 || tag > G_MAXUINT32)
            return fail (check, &cursor, "a damaged field tag");
        if (++check->n_parts > MAX_PARTS)
            return fail (check, &cursor, "more than 4000000 parts");
        switch (tag & 7) {
        case 0:
            if (!read_varint (&cursor, &n))
                return fail (check, &cursor, "a damaged number");
            continue;
        case 1:
        case 5:
            if (!skip (check, &cursor, (tag & 7) == 1 ? 8 : 4))
                return FALSE;
            continue;
        case 2:
            break;
        default:
            return fail (check, &cursor, "an unknown kind of field");
        }
        if (!read_varint (&cursor, &n))
            return fail (check, &cursor, "a damaged length");
        field = protobuf_c_message_descriptor_get_field (type, (unsigned) (tag >> 3));
        if (field && field->type == PROTOBUF_C_TYPE_MESSAGE &&
            n <= (guint64) (cursor.end - cursor.at) &&
            !check_message (check, field->descriptor, (Cursor){ cursor.at, cursor.at + n },
                            depth + 1))
            return FALSE;
        if (!skip (check, &cursor, n))
            return FALSE;
    }
    return TRUE;
}

gboolean
fov_onnx_check_wire (const guint8 *data, gsize size, GError **error)
{
    Check check = { data, 0, error };
    Cursor cursor = { data, data + size };

    return check_message (&check, &onnx__model_proto__descriptor, cursor, 0);
}

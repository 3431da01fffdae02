/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "train/checkpoint.h"

/*
 * An input is 'r' and the bytes of a file, or 's', a header, a zero byte and the values: those
 * get the length and the digest that fit, so that what stands behind the digest is read at all.
 */

#define KEY "\"sha256\":\""
enum { DIGEST_LENGTH = 64, N_STATES = 4, MOST_VALUES = 6 };

static GBytes *
sign (const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr (data, 0, size) : NULL;
    const size_t n_header = zero ? (size_t) (zero - data) : size;
    g_autofree char *header = fuzz_string (data, n_header);
    g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
    const guint64 length = GUINT64_TO_LE ((guint64) n_header);
    GByteArray *file = g_byte_array_new ();
    char *at = strstr (header, KEY);

    at = at && strlen (at) >= strlen (KEY) + DIGEST_LENGTH ? at + strlen (KEY) : NULL;
    if (at)
        memset (at, '0', DIGEST_LENGTH);
    g_checksum_update (sum, (const guchar *) header, (gssize) n_header);
    if (zero)
        g_checksum_update (sum, zero + 1, (gssize) (size - n_header - 1));
    if (at)
        memcpy (at, g_checksum_get_string (sum), DIGEST_LENGTH);
    g_byte_array_append (file, (const guint8 *) &length, 8);
    g_byte_array_append (file, (const guint8 *) header, (guint) n_header);
    if (zero)
        g_byte_array_append (file, zero + 1, (guint) (size - n_header - 1));
    return g_byte_array_free_to_bytes (file);
}

/* What a trainer would ask for. */
static GArray *
make_states (float values[N_STATES][MOST_VALUES])
{
    const FovTrainerState list[N_STATES] = {
        { "conv.weight", { FOV_F32, { 2, { 2, 3 } }, values[0] } },
        { "conv.bias", { FOV_F32, { 1, { 2 } }, values[1] } },
        { "step", { FOV_I64, { 0 }, values[2] } },
        { "none", { FOV_F32, { 1, { 0 } }, values[3] } },
    };
    GArray *states = g_array_new (FALSE, FALSE, sizeof *list);

    memset (values, 0x7b, sizeof (float[N_STATES][MOST_VALUES]));
    return g_array_append_vals (states, list, N_STATES);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    float values[N_STATES][MOST_VALUES], before[N_STATES][MOST_VALUES];
    g_autoptr (GArray) states = make_states (values);
    g_autoptr (GHashTable) notes = NULL;
    g_autoptr (GBytes) file = NULL;
    GError *error = NULL;
    gboolean ok;
    gsize n = 0;

    if (!size)
        return 0;
    file = data[0] == 'r' ? g_bytes_new (data + 1, size - 1) : sign (data + 1, size - 1);
    memcpy (before, values, sizeof values);
    data = g_bytes_get_data (file, &n);
    ok = fov_checkpoint_read (fuzz_file (data, n), states, &notes, &error);
    if (ok == (error != NULL) || ok != (notes != NULL))
        abort ();
    if (!ok &&
        (memcmp (before, values, sizeof values) || !g_utf8_validate (error->message, -1, NULL)))
        abort ();
    g_clear_error (&error);
    return 0;
}

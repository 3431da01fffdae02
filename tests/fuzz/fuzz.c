/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "fuzz.h"

const char *
fuzz_file (const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];

    if (fd < 0) {
        fd = memfd_create ("fuzz", MFD_CLOEXEC);
        if (fd < 0)
            abort ();
        g_snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (ftruncate (fd, 0) != 0)
        abort ();
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite (fd, data + done, size - done, (off_t) done);

        if (n <= 0)
            abort ();
        done += (size_t) n;
    }
    return path;
}

char *
fuzz_string (const uint8_t *data, size_t size)
{
    char *string = g_malloc (size + 1);

    if (size > 0)
        memcpy (string, data, size);
    string[size] = 0;
    return string;
}

#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# exports.sh NM LIBRARY: the shared library shows fov_ symbols and nothing else.
symbols=$("$1" -D --defined-only --format=posix "$2" | cut -d ' ' -f 1 | sed 's/@.*//') || exit 1
if ! echo "$symbols" | grep -q '^fov_image_check$'; then
    echo "$2: fov_image_check is not exported"
    exit 1
fi
if echo "$symbols" | grep -v '^fov_'; then
    echo "$2: the symbols above are exported, expected fov_ only"
    exit 1
fi

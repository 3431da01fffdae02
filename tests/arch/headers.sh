#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# headers.sh INCLUDE_DIR COMPILER...: every public header compiles on its own.
include=$1
shift
n=0
failed=0
for header in "$include"/fovea/*.h; do
    n=$((n + 1))
    name=fovea/$(basename "$header")
    # Twice, so that a missing include guard shows.
    if printf '#include <%s>\n#include <%s>\n' "$name" "$name" |
        "$@" -std=gnu17 -Wall -Wextra -Werror -fsyntax-only -I"$include" -x c -; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        failed=1
    fi
done
echo "1..$n"
[ "$n" -gt 0 ] && exit $failed

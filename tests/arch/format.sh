#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# format.sh CLANG_FORMAT SOURCE_ROOT: every C file looks as .clang-format says; names those that do not.
set -u
cd "$2" || exit 1
bad=0
for file in $(find runtime trackers plugins pipelines tools samples tests -name '*.[ch]' | sort); do
    "$1" --dry-run -Werror "$file" >/dev/null 2>&1 || { echo "not formatted: $file"; bad=1; }
done
exit $bad

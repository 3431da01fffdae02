#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# fetch-vtest.sh DIR: the street scene vtest.avi out of Debian's opencv-doc (the package is
# downloaded and that one file taken out; nothing is installed).
set -eu
dir=$1
[ ! -f "$dir/vtest.avi" ] || exit 0
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
cd "$(dirname "$0")"
# shellcheck source=samples/packages.sh
. ./packages.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
echo "Fetching the video from Debian's opencv-doc ..."
cd "$work"
fetch () { apt-get download -q opencv-doc >/dev/null 2>&1; }
# Where no package was missing the lists may be none, or old.
fetch || { as_root apt-get update -q >/dev/null && fetch; } || {
    echo "opencv-doc could not be downloaded from Debian's archive" >&2
    exit 1
}
dpkg-deb --fsys-tarfile opencv-doc_*.deb |
    tar x ./usr/share/doc/opencv-doc/examples/data/vtest.avi
mv usr/share/doc/opencv-doc/examples/data/vtest.avi "$dir/vtest.avi.part"
mv "$dir/vtest.avi.part" "$dir/vtest.avi"

#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Finds objects in an RTSP stream, shows them and writes them to a file, one JSON record a line.
#   pipelines/detect-rtsp.sh URL MODEL OUTPUT [property=value ...]
# SINK is where pictures go (default autovideosink).
set -eu
[ $# -ge 3 ] || { echo "usage: $0 URL MODEL OUTPUT [property=value ...]" >&2; exit 2; }
url=$1 model=$2 output=$3
shift 3
# shellcheck disable=SC2086
exec gst-launch-1.0 -e rtspsrc location="$url" latency=100 ! decodebin ! videoconvert ! queue ! \
    foveadetect model="$model" max-latency=300 "$@" ! \
    foveametaconvert source="$url" ! foveapublish file-path="$output" ! \
    foveaoverlay ! videoconvert ! ${SINK:-autovideosink}

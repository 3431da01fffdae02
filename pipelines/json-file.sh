#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Writes what is found in a video file, one JSON record a line, as fast as the model runs.
#   pipelines/json-file.sh VIDEO MODEL OUTPUT [property=value ...]
# OUTPUT may be "stdout" (with the program's own messages turned off).
set -eu
[ $# -ge 3 ] || { echo "usage: $0 VIDEO MODEL OUTPUT [property=value ...]" >&2; exit 2; }
video=$1 model=$2 output=$3
shift 3
exec gst-launch-1.0 -q -e filesrc location="$video" ! decodebin ! videoconvert ! queue ! \
    foveadetect model="$model" "$@" ! \
    foveametaconvert source="$video" ! foveapublish file-path="$output" ! fakesink sync=false

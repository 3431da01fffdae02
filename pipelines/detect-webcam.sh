#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Finds objects in a camera's picture and shows them, late by 200 ms at most.
#   pipelines/detect-webcam.sh MODEL [property=value ...]
# CAMERA is the device (default /dev/video0), SINK is where pictures go.
set -eu
[ $# -ge 1 ] || { echo "usage: $0 MODEL [property=value ...]" >&2; exit 2; }
model=$1
shift
# shellcheck disable=SC2086
exec gst-launch-1.0 -e v4l2src device="${CAMERA:-/dev/video0}" ! videoconvert ! \
    foveadetect model="$model" max-latency=200 "$@" ! \
    foveaoverlay ! videoconvert ! queue ! ${SINK:-autovideosink}

#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Finds objects in a video file and shows them.
#   pipelines/detect-file.sh VIDEO MODEL [property=value ...]
# SINK is where pictures go (default autovideosink). Every frame is looked at: the file runs
# as fast as the model does, at most in its own time ("fakesink sync=false": without a clock).
set -eu
[ $# -ge 2 ] || { echo "usage: $0 VIDEO MODEL [property=value ...]" >&2; exit 2; }
video=$1 model=$2
shift 2
# shellcheck disable=SC2086
exec gst-launch-1.0 -e filesrc location="$video" ! decodebin ! videoconvert ! queue ! \
    foveadetect model="$model" qos=false "$@" ! foveaoverlay ! videoconvert ! ${SINK:-autovideosink}

#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Follows objects through a video file and shows them with their identities and trails.
#   pipelines/track-file.sh VIDEO MODEL [property=value ...]
# The detector looks at every third frame, the tracker fills the gaps. The properties are
# foveatrack's. SINK is where pictures go (default autovideosink).
set -eu
[ $# -ge 2 ] || { echo "usage: $0 VIDEO MODEL [property=value ...]" >&2; exit 2; }
video=$1 model=$2
shift 2
# shellcheck disable=SC2086
exec gst-launch-1.0 -e filesrc location="$video" ! decodebin ! videoconvert ! queue ! \
    foveadetect model="$model" threshold=0.1 inference-interval=3 ! foveatrack "$@" ! \
    foveaoverlay ! videoconvert ! ${SINK:-autovideosink}

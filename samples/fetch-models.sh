#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
set -eu

# name, licence of the weights, what it is, SHA-256, where the sum is from, address
# seen: taken from a file that Fovea's tests run. told: as other projects pin it; the file at the
# address was never at hand when this was written. (The yolox_nano.onnx that Fovea is measured with is
# another export of the same network.)
models () {
    cat <<TEXT
yolox_nano.onnx Apache-2.0 YOLOX-Nano,80-COCO-classes,416x416 c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d told https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/yolox_nano.onnx
yolox_tiny.onnx Apache-2.0 YOLOX-Tiny,80-COCO-classes,416x416 427cc366d34e27ff7a03e2899b5e3671425c262ea2291f88bb942bc1cc70b0f7 told https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/yolox_tiny.onnx
yolox_s.onnx Apache-2.0 YOLOX-S,80-COCO-classes,640x640 c5c2d13e59ae883e6af3b45daea64af4833a4951c92d116ec270d9ddbe998063 told https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/yolox_s.onnx
fastestdet.onnx BSD-3-Clause FastestDet,80-COCO-classes,352x352 31cb14c017fce347cb4c846ec62fdf00d76bb3beecdf4be21e7116ac67feb880 seen https://raw.githubusercontent.com/dog-qiuqiu/FastestDet/50473cd155cb088aa4a99e64ff6a4b3c24fa07e1/example/onnx-runtime/FastestDet.onnx
ultraface.onnx MIT UltraFace-RFB,faces,320x240 34cd7e60aeff28744c657de7a3dc64e872d506741de66987f3426f2b79f88017 seen https://raw.githubusercontent.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB/dffdddda9794a50607cba8f318507a28c1c27cab/models/onnx/version-RFB-320.onnx
TEXT
}

usage () {
    cat <<TEXT
Usage: sh samples/fetch-models.sh DIR [NAME...]

Fetches detectors from their projects' own addresses into DIR (all, or the named
ones) and checks each against its SHA-256. What is there already stays. Sums
marked * are those that other projects pin: Fovea's tests run no such file.

TEXT
    models | while read -r name licence what _ origin _; do
        [ "$origin" = told ] && name="$name *"
        printf '  %-17s %s; %s\n' "$name" "$(echo "$what" | tr ',-' ', ' | sed 's/,/, /g')" "$licence"
    done
}

case ${1-} in
-h | --help) usage; exit 0 ;;
"" | -*) usage >&2; exit 2 ;;
esac
dir=$1
shift
for wanted in "$@"; do
    models | grep -q "^$wanted " || { echo "fetch-models: there is no '$wanted'" >&2; usage >&2; exit 2; }
done

matches () { # FILE SHA256
    [ "$(sha256sum "$1" | cut -d ' ' -f 1)" = "$2" ]
}

download () { # ADDRESS FILE
    if command -v curl >/dev/null; then
        curl --fail --silent --show-error --location --retry 3 --output "$2" "$1"
    else
        wget -q -O "$2" "$1"
    fi
}

mkdir -p "$dir"
part=$dir/.fetch-models.part
trap 'rm -f "$part"' EXIT
models | while read -r name _ _ sum origin address; do
    case " $* " in "  " | *" $name "*) ;; *) continue ;; esac
    if [ -f "$dir/$name" ] && matches "$dir/$name" "$sum"; then
        echo "$dir/$name is there"
        continue
    fi
    download "$address" "$part" || { echo "fetch-models: cannot fetch $address" >&2; exit 1; }
    if ! matches "$part" "$sum"; then
        echo "fetch-models: $address is not the file it was: expected SHA-256 $sum" >&2
        exit 1
    fi
    mv "$part" "$dir/$name"
    case $origin in
    seen) echo "$dir/$name: the file that Fovea's tests run (SHA-256 matches)" ;;
    *) echo "$dir/$name: SHA-256 matches what other projects pin; not a file that Fovea's tests run" ;;
    esac
done

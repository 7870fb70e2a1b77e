#!/bin/sh
# Build both images without a daemon or a registry, on a base of Debian's own packages. Needs root, buildah and
# debootstrap (apt install buildah debootstrap). Further arguments go to `buildah bud`, --env PIP_CERT=... say.
#
#   TAG=0.1.0 SUITE=bookworm deploy/build-images.sh     (MIRROR=... where debootstrap's own is not to be used)
set -eu
TAG=${TAG:-dev}
SUITE=${SUITE:-bookworm}
MIRROR=${MIRROR:-}
BASE=localhost/andon-base:$SUITE
cd "$(dirname "$0")/.."

in_store() { buildah --storage-driver vfs "$@"; }

if ! in_store inspect --type image "$BASE" >/dev/null 2>&1; then
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT
    debootstrap --variant=minbase --include=ca-certificates,python3-minimal,python3-venv "$SUITE" "$root" ${MIRROR:+"$MIRROR"}
    chmod 755 "$root"
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/doc "$root"/usr/share/man
    container=$(in_store from scratch)
    in_store add "$container" "$root" /
    in_store commit --rm "$container" "$BASE"
fi

for target in api worker; do
    in_store bud --isolation chroot --layers --build-arg "PYTHON_IMAGE=$BASE" --target "$target" \
        --tag "localhost/andon-$target:$TAG" --file deploy/Dockerfile "$@" .
done
in_store images

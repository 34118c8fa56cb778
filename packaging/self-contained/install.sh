#!/bin/sh
# Installs dstore with its own Node on Linux, for one user, without root: `sh install.sh --help`.
# Everything is in functions that the last line calls, so a script that arrives cut does nothing.
set -eu
umask 022

# The folder on the web that holds this release. The build of a release writes it here.
RELEASE_URL=''

usage() {
  cat <<'END'
usage: sh install.sh [--from DIR|FILE|URL] [--prefix DIR]
       sh install.sh --uninstall [--prefix DIR]

Installs dstore with its own Node: Linux, x64 or arm64, glibc. It needs no root and no Node.
It verifies the SHA-256 of the package, tries the program, and only then replaces an earlier
version.

  --from     where the package and SHA256SUMS are: a folder, the package itself, or the URL of
             a folder (default: the folder of this script, else the release that it came with)
  --prefix   DIR/bin/dstore is the command, DIR/lib/dstore the rest (default: ~/.local)
  --uninstall  removes what this script installed, and says what it leaves

DSTORE_FROM and DSTORE_PREFIX set the same. Exit codes: 0 done, 1 failed, 2 wrong usage.
END
}

say() { printf '%s\n' "$*" >&2; }

# A path as a shell takes it back.
quoted() {
  case $1 in
    *[!A-Za-z0-9_./+-]*) printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")" ;;
    *) printf %s "$1" ;;
  esac
}

# A message, and a hint; what was installed before stays as it was (R007-171).
fail() {
  say "install.sh: $1"
  [ $# -lt 2 ] || say "hint: $2"
  exit 1
}

wrong() {
  say "install.sh: $1"
  say 'hint: see `sh install.sh --help`'
  exit 2
}

need() {
  for tool in "$@"; do
    command -v "$tool" >/dev/null 2>&1 || fail "this needs $tool, which is not installed"
  done
}

# Sets `platform`, or refuses this machine in one line.
find_platform() {
  system=$(uname -s)
  [ "$system" = Linux ] || fail "this package is for Linux; this system is $system" \
    'install the npm package instead, with Node 20.19 or newer'
  machine=$(uname -m)
  case $machine in
    x86_64 | amd64) platform=linux-x64 loader=/lib64/ld-linux-x86-64.so.2 ;;
    aarch64 | arm64) platform=linux-arm64 loader=/lib/ld-linux-aarch64.so.1 ;;
    *) fail "this package is for x64 and arm64; this machine is $machine" ;;
  esac
  case $(ldd --version 2>&1 || :) in
    *musl*) fail 'Node needs glibc; this system has musl (as Alpine has)' \
      'use the container image, or a system with glibc' ;;
  esac
  [ -e "$loader" ] || fail "Node needs glibc; this system has no $loader" \
    'use the container image, or a system with glibc'
}

# Sets `prefix`, `lib` and `bin`: absolute, without links where the folders exist.
find_prefix() {
  prefix=${prefix:-${DSTORE_PREFIX:-}}
  if [ -z "$prefix" ]; then
    [ -n "${HOME:-}" ] || wrong 'HOME is not set: give --prefix DIR'
    prefix=$HOME/.local
  fi
  case $prefix in
    /*) ;;
    *) prefix=$(pwd)/$prefix ;;
  esac
  case $prefix in *'
'*) wrong 'the prefix contains a line break' ;; esac
  [ ! -d "$prefix" ] || prefix=$(cd -P "$prefix" && pwd -P)
  lib=${prefix%/}/lib/dstore
  bin=${prefix%/}/bin
}

# Makes a folder and those above it, and lists the new ones in `made`, the first one first.
make_folder() {
  [ ! -d "$1" ] || return 0
  make_folder "$(dirname "$1")"
  mkdir "$1" || fail "cannot make the folder $1"
  made="$made$1
"
}

# Removes the folders of a list that are empty, the last one first.
remove_folders() {
  printf %s "$1" | sed '1!G;h;$!d' | while IFS= read -r folder; do
    rmdir "$folder" 2>/dev/null || :
  done
}

# One installation at a time: the lock is a link that names the process.
lock() {
  tries=0
  until ln -s "$$" "$lib/.lock" 2>/dev/null; do
    tries=$((tries + 1))
    holder=$(readlink "$lib/.lock" 2>/dev/null || :)
    if [ -z "$holder" ]; then
      [ "$tries" -lt 100 ] || fail "cannot write to $lib"
    elif [ -d "/proc/$holder" ]; then
      fail "process $holder installs or removes dstore in $prefix" "if it does not, remove $lib/.lock"
    else
      rm -f "$lib/.lock"
    fi
  done
  locked=1
  # What a run that was killed left in the middle.
  rm -rf "$lib"/.part.* "$bin/.dstore.part"
}

# Runs at every end. Without `finished`, nothing that this run made stays.
clean() {
  [ -z "$locked" ] || rm -rf "$lib"/.part.* "$bin/.dstore.part"
  [ -z "$locked" ] || rm -f "$lib/.lock"
  if [ -z "$finished" ] && [ -n "$made" ]; then
    [ -z "$is_new" ] || rm -f "$lib/.made"
    remove_folders "$made"
  fi
}

# Is the command one that this script installed? Its link says so.
is_ours() {
  case $(readlink "$bin/dstore" 2>/dev/null || :) in
    "$lib"/*/bin/dstore) return 0 ;;
    *) return 1 ;;
  esac
}

# The processes that run the Node of a folder.
users_of() {
  ls -l /proc/[0-9]*/exe 2>/dev/null |
    LINK=" -> $1/lib/node" awk '
      (at = index($0, ENVIRON["LINK"])) { split(substr($0, 1, at), part, "/"); print part[3] }
    ' | tr '\n' ' '
}

# Copies a file of the release into the staging folder.
fetch() {
  quiet=-sS
  case $1 in *.tar.gz) [ ! -t 2 ] || quiet=--progress-bar ;; esac
  case $from in
    *://*)
      if command -v curl >/dev/null 2>&1; then
        curl -fL $quiet --retry 3 -o "$stage/$1" "$from/$1" || fail "cannot download $from/$1"
      else
        wget -q -O "$stage/$1" "$from/$1" || fail "cannot download $from/$1"
      fi
      ;;
    *) cp "$from/$1" "$stage/$1" || fail "cannot read $from/$1" ;;
  esac
}

# Sets `from`, and `package` if a file was named.
find_release() {
  package=
  from=${from:-${DSTORE_FROM:-}}
  if [ -z "$from" ]; then
    case $0 in
      install.sh | */install.sh) [ ! -f "$(dirname "$0")/SHA256SUMS" ] || from=$(dirname "$0") ;;
    esac
    from=${from:-$RELEASE_URL}
  fi
  case $from in
    '') wrong 'say where the package is: --from DIR or --from URL' ;;
    http://* | https://*)
      from=${from%/}
      command -v curl >/dev/null 2>&1 || command -v wget >/dev/null 2>&1 ||
        fail 'this needs curl or wget, and neither is installed'
      ;;
    *://*) wrong "not a URL that this can download: $from" ;;
    *)
      if [ -f "$from" ]; then
        package=${from##*/}
        from=$(dirname "$from")
        case $package in
          dstore-*-"$platform".tar.gz) ;;
          *) fail "$package is no package of dstore for $platform" ;;
        esac
      fi
      [ -f "$from/SHA256SUMS" ] || fail "there is no SHA256SUMS in $from" \
        'it lies beside the package in every release'
      ;;
  esac
}

# Sets `package` and `version` from the list of checksums, fetches the package, and verifies it.
fetch_package() {
  fetch SHA256SUMS
  list=$(sed -n "s/^\([0-9a-f]\{64\}\)  \(dstore-[0-9][0-9A-Za-z.+-]*-$platform\.tar\.gz\)\$/\1 \2/p" \
    "$stage/SHA256SUMS")
  [ -z "$package" ] || list=$(printf '%s\n' "$list" | NAME=$package awk '$2 == ENVIRON["NAME"]')
  [ -n "$list" ] || fail "SHA256SUMS in $from lists no ${package:-package for $platform}"
  case $list in *'
'*) fail "SHA256SUMS in $from lists more than one package for $platform" \
    'name one with --from FILE' ;; esac
  expected=${list%% *}
  package=${list#* }
  version=${package#dstore-}
  version=${version%-"$platform".tar.gz}
  case $from in *://*) say "downloading $package" ;; esac
  fetch "$package"
  found=$(sha256sum <"$stage/$package")
  [ "${found%% *}" = "$expected" ] || fail "$package is damaged: its SHA-256 is not the one in SHA256SUMS" \
    'download it again; nothing was installed'
}

# Unpacks into the staging folder, and tries the program there.
unpack() {
  tar -xzof "$stage/$package" -C "$stage" || fail "cannot unpack $package" 'is the disk full?'
  tree=$stage/${package%.tar.gz}
  answer=$("$tree/bin/dstore" --version </dev/null) || fail "dstore $version does not run on this system"
  [ "$answer" = "dstore $version" ] || fail "$package says that it is $answer"
  rm -f "$stage/$package"
  : >"$tree/.installed"
}

# Puts the new version in place: the renamed link is the moment of the change (R007-172).
switch() {
  name=$version
  count=1
  while [ -e "$lib/$name" ]; do
    count=$((count + 1))
    name=$version.build$count
  done
  mv -T "$tree" "$lib/$name"
  ln -s "$lib/$name/bin/dstore" "$bin/.dstore.part"
  mv -fT "$bin/.dstore.part" "$bin/dstore"
  finished=1
}

# Removes a version: first out of the way, so that half of one is never taken for a whole.
remove_version() {
  mv -T "$1" "$lib/.part.old"
  rm -rf "$lib/.part.old"
}

# Removes other versions, except those that still run.
remove_others() {
  for other in "$lib"/*; do
    [ -f "$other/.installed" ] && [ "$other" != "$lib/$name" ] || continue
    users=$(users_of "$other")
    if [ -n "$users" ]; then
      say "still running: dstore ${other##*/} (process ${users% }); \`dstore stop\` ends it, and the next command starts $version"
      say "  its files stay until the next installation"
    else
      remove_version "$other"
    fi
  done
}

size_of() { du -sk "$1" | awk '{ printf "%d MB", ($1 * 1024 + 999999) / 1000000 }'; }

install() {
  find_platform
  need tar gzip sha256sum awk sed readlink mktemp du
  find_release
  find_prefix
  if [ -e "$bin/dstore" ] || [ -L "$bin/dstore" ]; then
    is_ours || fail "$bin/dstore exists, and this script did not install it" \
      'remove it, or choose another folder with --prefix'
  fi
  [ -d "$lib" ] || is_new=1
  make_folder "$lib"
  find_prefix
  lock
  make_folder "$bin"
  # Written now: a run that is killed must not forget which folders it made.
  [ -z "$made" ] || printf %s "$made" >>"$lib/.made"
  stage=$(mktemp -d "$lib/.part.XXXXXX") || fail "cannot write to $lib"
  chmod 755 "$stage"
  fetch_package
  unpack
  switch
  say "installed dstore $version: $bin/dstore ($(size_of "$lib/$name") in $lib/$name)"
  remove_others
  case ":${PATH:-}:" in
    *":$bin:"*)
      first=$(command -v dstore || :)
      [ "$first" = "$bin/dstore" ] || say "note: another dstore comes first in PATH: $first"
      ;;
    *) say "note: $bin is not in PATH; add this to your shell's start-up file: export PATH=$(quoted "$bin"):\$PATH" ;;
  esac
}

uninstall() {
  find_prefix
  need awk sed readlink du
  removed=
  [ ! -d "$lib" ] || lock
  for version in "$lib"/*; do
    [ -f "$version/.installed" ] || continue
    users=$(users_of "$version")
    [ -z "$users" ] || fail "dstore ${version##*/} is running (process ${users% })" \
      'stop it first: `dstore stop`; nothing was removed'
  done
  if is_ours; then
    rm -f "$bin/dstore"
    removed=1
  elif [ -e "$bin/dstore" ] || [ -L "$bin/dstore" ]; then
    say "left: $bin/dstore, which this script did not install"
  fi
  for version in "$lib"/*; do
    [ -f "$version/.installed" ] || continue
    remove_version "$version"
    removed=1
  done
  if [ -n "$locked" ]; then
    list=
    [ ! -f "$lib/.made" ] || list=$(cat "$lib/.made")
    rm -f "$lib/.made" "$lib/.lock"
    locked=
    remove_folders "$list"
    [ ! -d "$lib" ] || rmdir "$lib" 2>/dev/null || say "left: $lib, which holds files that this script did not install"
  fi
  finished=1
  if [ -n "$removed" ]; then say "removed dstore from $prefix"; else say "no dstore is installed in $prefix"; fi
  case ${XDG_DATA_HOME:-} in
    /*) data=$XDG_DATA_HOME/dstore ;;
    *) data=${HOME:-}/.local/share/dstore ;;
  esac
  data=${DSTORE_DIR:-$data}
  if [ -d "$data" ]; then
    say "left: $data ($(size_of "$data")), the values, names and identity of the node"
    say "  to remove them as well: rm -r $(quoted "$data")"
  fi
}

main() {
  from= prefix= action=install
  made= is_new= locked= finished=
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h)
        usage
        exit 0
        ;;
      --uninstall) action=uninstall ;;
      --from | --prefix)
        [ -n "${2:-}" ] || wrong "$1 needs a value"
        case $1 in --from) from=$2 ;; *) prefix=$2 ;; esac
        shift
        ;;
      --from=?*) from=${1#*=} ;;
      --prefix=?*) prefix=${1#*=} ;;
      *) wrong "unknown argument: $1" ;;
    esac
    shift
  done
  trap clean EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  "$action"
}

main "$@"

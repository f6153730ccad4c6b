#!/bin/sh
# Installs doctor from a release: downloads the archive for this machine, checks its SHA-256 sum, and puts
# the program into a directory and on the PATH of the job. Nothing is installed if a step fails.
set -eu

# tools/release-files fills these in. In the repository, Cargo.toml has them.
repository=""
version=""

usage() {
  cat <<'EOF'
Usage: install.sh [--version VERSION] [--dir DIRECTORY] [--from URL]

  --version VERSION  the release to install; default: the release that this script belongs to
  --dir DIRECTORY    where to put the program; default: in a job on GitHub Actions or Azure Pipelines a
                     directory of the job, which is added to PATH; else ~/.local/bin
  --from URL         a mirror: the https address of the folder with the release's files

The download honours https_proxy and no_proxy. It needs curl or wget, tar, and sha256sum or shasum.
EOF
}

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# The value of a key of Cargo.toml, beside this script. A script from a pipe has no place of its own:
# there, the Cargo.toml in the current directory would be another project's.
manifest() {
  [ "${0##*/}" = install.sh ] || return 0
  sed -n "s/^$1 = \"\(.*\)\"\$/\1/p" "$(dirname "$0")/Cargo.toml" 2>/dev/null | head -n 1
}

# The Rust name of this machine's platform, which the archives have.
platform() {
  system="$(uname -s)" machine="$(uname -m)"
  case "$machine" in
    x86_64 | amd64) machine=x86_64 ;;
    aarch64 | arm64) machine=aarch64 ;;
    *) machine="" ;;
  esac
  case "$system" in
    Linux) system=unknown-linux-musl ;;
    Darwin) system=apple-darwin ;;
    MINGW* | MSYS* | CYGWIN*) fail "On Windows, use install.ps1." ;;
    *) system="" ;;
  esac
  [ -n "$system" ] && [ -n "$machine" ] ||
    fail "There is no program for $(uname -s) on $(uname -m). With Rust and a C compiler: cargo install pulumi-oidc-doctor --locked"
  printf '%s-%s' "$machine" "$system"
}

# Downloads a file of the release into the temporary directory. Only https: the sum comes from the same
# server as the program.
download() {
  address="$from/$1"
  if has curl; then
    curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location --retry 2 --connect-timeout 20 \
      --output "$temporary/$1" "$address" 2>"$temporary/error" && return
    # After the first line come explanations.
    error="$(head -n 1 "$temporary/error")"
  elif has wget; then
    wget -T 20 -O "$temporary/$1" "$address" 2>"$temporary/error" && return
    # Before the last line comes progress.
    error="$(sed '/^$/d' "$temporary/error" | tail -n 1)"
  else
    fail "curl or wget is needed to download the program."
  fi
  fail "cannot download $address: $error
Does the release have this file? Can this machine reach the server, through https_proxy if it needs a proxy?"
}

sum_of() {
  if has sha256sum; then
    sha256sum "$1"
  else
    shasum -a 256 "$1"
  fi | cut -d ' ' -f 1
}

# Puts the program where it belongs in one step, so that no job sees half a file.
place() {
  cp "$1" "$directory/.$2.$$" && chmod 755 "$directory/.$2.$$" && mv -f "$directory/.$2.$$" "$directory/$2"
}

main() {
  directory="" from=""
  while [ $# -gt 0 ]; do
    case "$1" in
      --version | --dir | --from) [ $# -gt 1 ] || fail "$1 needs a value." 2 ;;
      --help | -h) usage && exit ;;
      *) usage >&2 && fail "unknown argument: $1" 2 ;;
    esac
    case "$1" in
      --version) version="${2#v}" ;;
      --dir) directory="$2" ;;
      --from) from="${2%/}" ;;
    esac
    shift 2
  done

  has sha256sum || has shasum || fail "sha256sum or shasum is needed to check the download."
  target="$(platform)"
  version="${version:-$(manifest version)}"
  case "$version" in
    "") fail "--version is needed: this copy of the script belongs to no release." 2 ;;
    *[!0-9A-Za-z.+-]*) fail "--version is not a version: $version" 2 ;;
  esac
  if [ -z "$from" ]; then
    repository="${repository:-$(manifest repository)}"
    [ -n "$repository" ] || fail "--from is needed: this copy of the script belongs to no release." 2
    from="$repository/releases/download/v$version"
  fi
  case "$from" in
    https://*) ;;
    *) fail "--from must be an https address: $from" 2 ;;
  esac

  # A directory of the job is on no other job's PATH.
  job="${RUNNER_TEMP:-${AGENT_TEMPDIRECTORY:-}}"
  if [ -z "$directory" ]; then
    directory="${job:-${HOME:?}/.local}${job:+/pulumi-oidc-doctor}/bin"
  fi

  temporary="$(mktemp -d)"
  trap 'rm -rf "$temporary"' EXIT
  trap 'exit 130' INT TERM
  archive="pulumi-oidc-doctor-$target"
  download SHA256SUMS
  download "$archive.tar.gz"
  wanted="$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$archive\.tar\.gz\$/\1/p" "$temporary/SHA256SUMS")"
  [ -n "$wanted" ] || fail "$from/SHA256SUMS has no sum for $archive.tar.gz."
  actual="$(sum_of "$temporary/$archive.tar.gz")"
  [ "$actual" = "$wanted" ] || fail "the download is damaged or was tampered with: $archive.tar.gz
has the SHA-256 sum $actual, but
SHA256SUMS has      $wanted. Nothing was installed."
  tar -xzf "$temporary/$archive.tar.gz" -C "$temporary" || fail "cannot unpack $archive.tar.gz."
  said="$("$temporary/$archive/doctor" --version 2>&1)" ||
    fail "the program does not run on this machine: $said"

  mkdir -p "$directory" || fail "cannot create $directory."
  directory="$(cd "$directory" && pwd)"
  for program in doctor pulumi-oidc-doctor; do
    place "$temporary/$archive/$program" "$program" || fail "cannot write to $directory."
  done
  printf 'Installed %s in %s\n' "$said" "$directory"

  if [ -n "${GITHUB_PATH:-}" ]; then
    printf '%s\n' "$directory" >>"$GITHUB_PATH"
  elif [ -n "${TF_BUILD:-}" ]; then
    printf '##vso[task.prependpath]%s\n' "$directory"
  else
    case ":$PATH:" in
      *":$directory:"*) ;;
      *) printf 'This directory is not on PATH yet.\n' ;;
    esac
  fi
}

# In a function, so that a script that arrives cut off does nothing.
main "$@"

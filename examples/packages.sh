# Installs what is missing of the named Debian packages; sourced by the two
# commands of the README. Without root and with packages missing it names them
# and fails.
need_packages() {
  missing=
  for package in "$@"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    echo "these packages are missing, and only root can install them:$missing" >&2
    echo "run: apt-get install$missing" >&2
    return 1
  fi
  echo "installing:$missing" >&2
  # One try with the package lists that are there, one with fresh ones.
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >&2 ||
    { apt-get update -q >&2 &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >&2; }
}

# To build and link the library.
library_packages="gcc libc6-dev meson ninja-build pkg-config python3 libsqlite3-dev libsodium-dev libjwt-dev libjansson-dev libmbedtls-dev"

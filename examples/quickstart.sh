#!/bin/sh
# From a fresh Debian 12 to a purchase: installs what is missing, builds,
# imports the catalogue, runs the timeline. A second run works too.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$top/build}
store=$build/quickstart.shop

# What Debian's packages bring comes first: Debian's meson belongs to its python3.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
export PATH

. "$top/examples/packages.sh"
need_packages $library_packages libcsv-dev

[ -f "$build/build.ninja" ] || meson setup "$build" "$top" -Dtests=false >"$top/setup.log" 2>&1 ||
  { cat "$top/setup.log"; exit 1; }
rm -f "$top/setup.log"
ninja -C "$build" examples/timeline examples/import_catalogue >"$build/quickstart.log" 2>&1 ||
  { cat "$build/quickstart.log"; exit 1; }

"$build/examples/import_catalogue" "$store" "$top/examples/catalogue.csv" EUR
"$build/examples/timeline" "$store"

#!/bin/sh
# Every test there is, on a Debian 12: installs what is missing (as root),
# builds plainly and with sanitizers, runs all tests in each build, and the
# timeline under valgrind. The last line says "N passed, N failed".
# Usage: run.sh [FOLDER FOR THE BUILDS]
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
builds=${1:-$top/build-tests}

# What Debian's packages bring comes first, whatever else PATH holds: Debian's
# meson belongs to Debian's python3.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
export PATH
export PYTHONDONTWRITEBYTECODE=1

. "$top/examples/packages.sh"
need_packages $library_packages libcsv-dev check g++ valgrind python3-jwt python3-cryptography openssl ca-certificates argon2
# What the mail servers need that are tried; they themselves are unpacked into the build, for their packages conflict.
need_packages libnss-wrapper libidn12 libgnutls-dane0 libdb5.3 libnsl2 libpcre2-8-0 libicu72 libsasl2-2
# What money and dates are compared with.
need_packages python3-babel
# What the export of a user is held against.
need_packages python3-jsonschema

passed=0
failed=0

# add PASSED FAILED
add() {
  passed=$((passed + $1))
  failed=$((failed + $2))
}

# build NAME OPTION...: one build of everything, in a folder of its own.
build() {
  name=$1
  shift
  mkdir -p "$builds"
  echo "== $name: building"
  { [ -f "$builds/$name/build.ninja" ] || meson setup "$builds/$name" "$top" "$@"; } \
    >"$builds/$name.log" 2>&1 && ninja -C "$builds/$name" -j2 >>"$builds/$name.log" 2>&1 || {
    cat "$builds/$name.log"
    echo "== $name: the build failed"
    add 0 1
    return 1
  }
}

# run NAME ARGUMENT...: the tests of a build that the arguments choose, less the
# one in $left_out, and the count of them.
run() {
  name=$1
  shift
  log=$builds/$name/meson-logs/testlog.json
  rm -f "$log"
  begun=$(date +%s)
  meson test -C "$builds/$name" --no-rebuild --list "$@" | sed 's|.* / ||' | grep -vxF "$left_out" |
    tr '\n' '\0' | $wrapper xargs -0 -r \
    meson test -C "$builds/$name" --no-rebuild --num-processes 2 --print-errorlogs || true
  counts=$(python3 "$top/tests/count.py" "$log") || counts="0 1"
  add $counts
  echo "== $name: $counts (passed, failed) in $(($(date +%s) - begun)) s"
}

# check NAME COMMAND...: one test that is a command.
check() {
  name=$1
  shift
  if "$@" >"$builds/check.log" 2>&1; then
    add 1 0
    echo "== $name: passed"
  else
    cat "$builds/check.log"
    add 0 1
    echo "== $name: failed"
  fi
}

# The libraries as they are shipped: what they export, call and install.
wrapper= left_out=
build plain -Dwerror=true && run plain

# It replaces malloc in the whole process, as a sanitizer does itself.
left_out='secret memory'

# Memory and undefined behaviour; every finding ends the test, leaks too.
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:abort_on_error=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
# tests/house looks at names, of which a sanitized library holds others too.
build asan -Db_sanitize=address,undefined -Db_lundef=false && run asan --no-suite house
unset ASAN_OPTIONS UBSAN_OPTIONS

# Races. Python cannot be run by a program with this sanitizer, and the examples
# have one thread.
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
# It does not know every layout of addresses that a kernel may choose.
setarch -R true 2>/dev/null && wrapper="setarch -R"
build tsan -Db_sanitize=thread -Db_lundef=false -Dexamples=false &&
  run tsan --no-suite house --no-suite python
unset TSAN_OPTIONS

# What the sanitizers do not see: memory that was never written, and leaks in
# the libraries of others that our calls cause.
rm -f "$builds"/valgrind.shop*
careful="valgrind -q --error-exitcode=1 --leak-check=full"
careful="$careful --errors-for-leak-kinds=definite,indirect,possible"
check "valgrind import" $careful "$builds/plain/examples/import_catalogue" \
  "$builds/valgrind.shop" "$top/examples/catalogue.csv" EUR
check "valgrind timeline" $careful "$builds/plain/examples/timeline" "$builds/valgrind.shop"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]

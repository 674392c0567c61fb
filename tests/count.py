"""Counts the single tests of one `meson test`: count.py TESTLOG_JSON

Writes "PASSED FAILED" on stdout, and on stderr what failed. A program that
says nothing of its parts (Check and unittest do) is one test. What was skipped
has failed: every test here can run everywhere.
"""
import json
import re
import sys

CHECK = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.M)
UNITTEST = re.compile(r"^Ran (\d+) tests? in .*\n\n(OK|FAILED)(?: \((.*)\))?$", re.M)


def parts(text):
    """(passed, failed) of the single tests that an output tells of, or None."""
    found = [(int(total), int(failures) + int(errors))
             for total, failures, errors in CHECK.findall(text)]
    for total, _, details in UNITTEST.findall(text):
        # failures=1, errors=2, skipped=3, expected failures=1
        found.append((int(total), sum(map(int, re.findall(r"=(\d+)", details)))))
    if not found:
        return None
    total, failed = map(sum, zip(*found))
    return max(total - failed, 0), failed


def count(test):
    """(passed, failed) of one test program, as meson wrote it down."""
    found = parts(test.get("stdout", "") + "\n" + test.get("stderr", ""))
    if test["result"] == "OK" and found is None:
        return 1, 0
    passed, failed = found or (0, 0)
    if test["result"] != "OK" or passed == 0:
        # It may have died after the last part that it told of.
        failed = max(failed, 1)
    if failed:
        print(f"{test['name']}: {test['result']}, {failed} failed or skipped", file=sys.stderr)
    return passed, failed


def main():
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        results = [count(json.loads(line)) for line in log if line.strip()]
    passed, failed = (sum(column) for column in zip(*results)) if results else (0, 1)
    print(passed, failed)


if __name__ == "__main__":
    main()

"""Counts the instructions that libshop's own functions execute in each call, by
callgrind, and compares them with a table kept for this compiler and build.

Only libshop's code counts: guard links the shared library, and what callgrind
finds in that object is summed, each function without those it calls. SQLite,
libsodium, libjwt and the C library are other objects. Exit status: 0 as the
table says, 1 one has grown by more than 5 %, 77 no valgrind or no table."""

import argparse
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

GROWTH = 0.05
NAMED = re.compile(r"\((\d+)\)(?: (.*))?")


def dump_of(path):
    """One dump: the call's name, and {object: {function: instructions}}."""
    names = {"ob": {}, "fn": {}}
    costs = collections.defaultdict(lambda: collections.defaultdict(int))
    title, where, function, skip = None, None, None, False

    def resolve(kind, text):
        number, name = NAMED.match(text).groups()
        if name is not None:
            names[kind][number] = name
        return names[kind][number]

    with open(path) as lines:
        for line in lines:
            line = line.rstrip("\n")
            if line.startswith("desc: Trigger: Client Request: "):
                title = line.split(": ", 3)[3]
            elif line.startswith("ob="):
                where = resolve("ob", line[3:])
            elif line.startswith("fn="):
                function = resolve("fn", line[3:])
            elif line.startswith("cob="):
                resolve("ob", line[4:])
            elif line.startswith("cfn="):
                resolve("fn", line[4:])
            elif line.startswith("calls="):
                skip = True  # the next line is what the callee took, counted there
            elif line[:1] in "0123456789+-*" and line:
                if not skip:
                    costs[where][function] += int(line.split()[1])
                skip = False
    return title, costs


def run_guard(guard):
    """{call: {object: {function: instructions}}}"""
    folder = tempfile.mkdtemp(prefix="shop-guard-")
    try:
        subprocess.run(
            ["valgrind", "--quiet", "--tool=callgrind", "--callgrind-out-file=" + folder + "/out",
             guard, folder + "/guard.shop"], check=True)
        dumps = [dump_of(os.path.join(folder, name)) for name in os.listdir(folder)
                 if re.fullmatch(r"out\.\d+", name)]
    finally:
        shutil.rmtree(folder)
    return {title: costs for title, costs in dumps if title not in (None, "-")}


def own(costs):
    """What libshop's object took."""
    return next((functions for name, functions in costs.items()
                 if os.path.basename(name).startswith("libshop.so")), {})


def profile(measured, wanted):
    """Where the instructions of calls go: by object, and within libshop."""
    for call, costs in measured.items():
        if wanted and call not in wanted:
            continue
        print("\n%s: %d instructions" % (call, sum(sum(f.values()) for f in costs.values())))
        for name, functions in sorted(costs.items(), key=lambda item: -sum(item[1].values()))[:7]:
            print("  %9d  %s" % (sum(functions.values()), os.path.basename(name)))
        for name, cost in sorted(own(costs).items(), key=lambda item: -item[1])[:14]:
            print("     %9d  %s" % (cost, name))


def compare(counts, table):
    failed = False
    for call in sorted(set(counts) | set(table)):
        before, now = table.get(call), counts.get(call)
        if before is None or now is None:
            print("%-22s is %s the table" % (call, "not in" if before is None else "only in"))
            failed = True
            continue
        grown = now > before * (1 + GROWTH)
        failed = failed or grown
        print("%-22s %8d %8d  %+6.1f %%%s" % (call, before, now, 100.0 * (now - before) / before,
                                            "  GROWN" if grown else ""))
    return failed


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("guard")
    arguments.add_argument("table", help="instructions-COMPILER-BUILD.json")
    arguments.add_argument("--command", default="ninja instructions",
                           help="what to name as the command that writes the table")
    arguments.add_argument("--write", action="store_true", help="write the table anew")
    arguments.add_argument("--profile", nargs="*", metavar="CALL",
                           help="print where the instructions go")
    asked = arguments.parse_args()

    if shutil.which("valgrind") is None:
        print("valgrind is not installed: instructions are not counted")
        return 77
    if not asked.write and asked.profile is None and not os.path.exists(asked.table):
        print("There is no table for this compiler and build: %s\nMake it with: %s"
              % (os.path.basename(asked.table), asked.command))
        return 77
    measured = run_guard(asked.guard)
    counts = {call: sum(own(costs).values()) for call, costs in measured.items()}
    if asked.profile is not None:
        profile(measured, asked.profile)
        return 0
    if asked.write:
        with open(asked.table, "w") as out:
            json.dump(counts, out, indent=1, sort_keys=True)
            out.write("\n")
        print("wrote %s" % asked.table)
        return 0
    with open(asked.table) as stored:
        failed = compare(counts, json.load(stored))
    if failed:
        print("\nA call of libshop has become more than %d %% dearer (or was added or taken away)."
              "\nWhere that is meant, write the table anew in the same commit: %s"
              % (100 * GROWTH, asked.command))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

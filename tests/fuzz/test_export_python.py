"""The exports of the fuzz corpus, read by Python's reader of JSON.

test_export_python.py REPLAY_EXPORT CORPUS"""
import json
import os
import subprocess
import sys


def no_duplicates(pairs):
    assert len(pairs) == len(dict(pairs)), pairs
    return dict(pairs)


def not_json(text):
    raise AssertionError(text)


done = subprocess.run(sys.argv[1:3], check=True, stdout=subprocess.PIPE,
                      env={**os.environ, "PRINT_EXPORTS": "1"}).stdout
lines = [line for line in done.split(b"\n") if line.startswith(b"{")]
for line in lines:
    export = json.loads(line.decode("utf-8"), object_pairs_hook=no_duplicates,
                        parse_constant=not_json, parse_float=not_json)
    assert export["format"] == "libshop-export/1"
    # No half of a surrogate pair: every text is one.
    json.dumps(export, ensure_ascii=False).encode("utf-8")
print(len(lines), "exports")
assert len(lines) > 100

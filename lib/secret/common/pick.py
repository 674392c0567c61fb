"""Makes passwords.txt of a list of common passwords: pick.py LIST.gz OUT.txt

LIST is common-passwords.txt.gz of Django 5.2 (django/contrib/auth), the commonest first. Of its first
10,000 lines those stay that a shop would accept by their length; ASCII letters in lower case, sorted
as bytes, each once.
"""
import gzip
import pathlib
import sys

COMMONEST = 10_000
MIN_BYTES, MAX_BYTES = 8, 1024  # SHOP__PASSWORD_MIN_BYTES, SHOP__PASSWORD_MAX_BYTES

lines = gzip.decompress(pathlib.Path(sys.argv[1]).read_bytes()).splitlines()[:COMMONEST]
picked = {line.lower() for line in lines if MIN_BYTES <= len(line) <= MAX_BYTES}
pathlib.Path(sys.argv[2]).write_bytes(b"".join(word + b"\n" for word in sorted(picked)))

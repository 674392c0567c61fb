"""Turns a sorted list of words into one C array: embed.py OUT.c LIST.txt

Each word is a byte that tells how many bytes it shares with the word before, plus one, and then the
rest. No word holds a byte below 32, so the next such byte is where the next word begins. The second
array says where the words begin that start with each byte from 0 to 127, with a greater one, and the end.
"""
import os
import pathlib
import sys

SHARED_MAX = 30

out, source = sys.argv[1:]
words = pathlib.Path(source).read_bytes().splitlines()
if words != sorted(set(words)) or any(byte < 32 for word in words for byte in word):
    sys.exit(f"{source}: not sorted, twice the same, or a control character")
table, before, starts = bytearray(), b"", []
for word in words:
    while len(starts) <= min(word[0], 128):
        starts.append(len(table))
    shared = min(len(os.path.commonprefix([before, word])), SHARED_MAX)
    table += bytes([shared + 1]) + word[shared:]
    before = word
starts += [len(table)] * (130 - len(starts))
data = ",".join(map(str, table))
pathlib.Path(out).write_text(
    '/* Made from common/passwords.txt. */\n#include "secret_password.h"\n\n'
    f"const uint8_t shop__common_passwords[] = {{{data}}};\n\n"
    f"const uint16_t shop__common_starts[] = {{{','.join(map(str, starts))}}};\n", encoding="utf-8")

"""Turns numbered .sql files into one C file: embed.py OUT.c FILE.sql..."""
import pathlib
import sys


def statement_bytes(path):
    lines = (line.split("--")[0].rstrip() for line in path.read_text("utf-8").splitlines())
    return "\n".join(line for line in lines if line).encode() + b"\0"


out, files = sys.argv[1], sorted(map(pathlib.Path, sys.argv[2:]), key=lambda p: p.name)
parts = ['/* Made from the numbered .sql files of lib/rows/schema. */\n#include "rows.h"\n']
for number, path in enumerate(files, 1):
    if int(path.name[:4]) != number:
        sys.exit(f"{path.name}: expected number {number:04d}")
    data = ",".join(str(byte) for byte in statement_bytes(path))
    parts.append(f"static const char sql_{number}[] = {{{data}}};")
parts.append("\nstatic const struct shop__migration migrations[] = {")
parts += [f'  {{"{path.stem}", sql_{number}}},' for number, path in enumerate(files, 1)]
parts.append("};\n")
parts.append("const struct shop__migration *shop__schema_migrations(int32_t *count) {")
parts.append("  *count = (int32_t)(sizeof migrations / sizeof migrations[0]);")
parts.append("  return migrations;\n}\n")
pathlib.Path(out).write_text("\n".join(parts), encoding="utf-8")

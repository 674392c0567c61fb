"""Turns the built-in templates into one C file: embed.py OUT.c FILE...

Each FILE is KIND.subject, KIND.txt or KIND.html.
"""
import pathlib
import sys

PARTS = ["subject", "txt", "html"]
HEAD = '/* Made from the files of lib/mail/templates/en. */\n#include "mail_templates.h"\n#include "shop/mail.h"\n'

out, files = sys.argv[1], [pathlib.Path(name) for name in sys.argv[2:]]
kinds = sorted({path.stem for path in files})
texts = {(path.stem, path.suffix[1:]): path.read_bytes() for path in files}
code = [HEAD]
for kind in kinds:
    for part in PARTS:
        data = ",".join(str(byte) for byte in texts[kind, part] + b"\0")
        code.append(f"static const char {kind}_{part}[] = {{{data}}};")
code.append("const char *const shop__mail_builtin[SHOP__MAIL_KINDS][SHOP__MAIL_PARTS] = {")
for kind in kinds:
    code.append(f"  [SHOP_MAIL_{kind.upper()}] = {{{', '.join(f'{kind}_{part}' for part in PARTS)}}},")
code.append("};\n")
pathlib.Path(out).write_text("\n".join(code), encoding="utf-8")

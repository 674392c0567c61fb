"""What the tests of the house share: reading C the way they need it."""
import pathlib
import re
import subprocess
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = TOP / "include"
LIB = TOP / "lib"

# Which doors a room may open, beside the public headers: only those below it.
BELOW = {
    "base": [],
    "db": ["base"],
    "secret": ["base"],
    "mail": ["base"],
    "rows": ["db", "base"],
    "flow": ["rows", "mail", "secret", "db", "base"],
    "smtp": ["base"],
}

# The public header of a library of its own, and the room that it is made of.
COMPANIONS = {"smtp.h": "smtp"}

COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|("(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')', re.S)
STRING = re.compile(r'"((?:\\.|[^"\\\n])*)"')


def without_comments(text):
    """The text with comments blanked; lines keep their numbers, strings stay."""

    def blank(match):
        return match.group(1) or re.sub(r"[^\n]", " ", match.group(0))

    return COMMENT.sub(blank, text)


def without_strings(text):
    return STRING.sub('""', without_comments(text))


def public_headers():
    return [INCLUDE / "shop.h"] + sorted((INCLUDE / "shop").glob("*.h"))


def sources():
    """(room, path) of every C file and header of the library."""
    for room in sorted(path for path in LIB.iterdir() if path.is_dir()):
        for path in sorted(room.rglob("*.[ch]")):
            yield room.name, path


class Declaration:
    """One SHOP_API function, as it stands in a header."""

    PATTERN = re.compile(r"\bSHOP_API\s+([^;]*?)\b(\w+)\s*\(([^;]*)\)\s*;", re.S)

    def __init__(self, path, text, match):
        self.path = path
        self.line = text.count("\n", 0, match.start()) + 1
        self.returns = " ".join(match.group(1).split())
        self.name = match.group(2)
        self.parameters = split_parameters(match.group(3))
        self.comment = comment_before(text, match.start())

    def __str__(self):
        return f"{self.path.relative_to(TOP)}:{self.line}: {self.name}"


def comment_before(text, position):
    """The comment that ends right before a position, or ''."""
    before = text[:position].rstrip()
    return before[before.rindex("/*"):] if before.endswith("*/") else ""


def split_parameters(text):
    """'int a, void (*f)(int, int)' -> ['int a', 'void (*f)(int, int)']"""
    parts, depth = [""], 0
    for character in " ".join(text.split()):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def declarations(companion=None):
    """Those of all headers, or of one companion's ("smtp.h"), or of libshop's own ("")."""
    found = []
    for path in public_headers():
        if companion is not None and companion != (path.name if path.name in COMPANIONS else ""):
            continue
        text = path.read_text("utf-8")
        bare = without_comments(text)
        # Positions in both are the same, so a match of one locates the other.
        assert len(bare) == len(text)
        found += [Declaration(path, text, match) for match in Declaration.PATTERN.finditer(bare)]
    return found


def run(*command, **more):
    """Runs a command; its output, or an AssertionError that holds all of it."""
    command = [str(part) for part in command]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}")
    return done.stdout


def compile_text(compiler, suffix, text, *flags, output=None):
    """Compiles a text, by default only to see whether it can be."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / ("alone" + suffix)
        source.write_text(text, encoding="utf-8")
        end = ["-c", "-o", output] if output else ["-fsyntax-only"]
        return run(*compiler, *flags, *end, source)

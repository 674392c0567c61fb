"""Makes a static library of one object, in which only the public names are
left to be seen: prelink.py OUT.a OBJCOPY AR ROOM.a... -- COMPILER...

The rooms are linked into one object, and every name of theirs that is hidden
in the shared library becomes local. So a host that has names like ours, or two
libraries with a copy of the same room, link together; and what only serves to
join our own objects (names, section headers, relocations) is not shipped.

Where the compiler makes one piece of all rooms (LTO), texts lose the mark by
which a linker may merge equal ones: for its sake the assembler names each text
and points at the name, 30 bytes each; without it, it counts from the section's
start. GCC has -fno-merge-constants for that and forgets it in LTO. Who asks for
debug information does not mind: half of it is in objects that only the
compiler's own link brings along."""
import pathlib
import re
import subprocess
import sys
import tempfile

out, objcopy, ar = sys.argv[1:4]
rooms, compiler = sys.argv[4:sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1:]
MERGED = re.compile(r"^\t\.section\t\.rodata\.(str|cst)[0-9.]+(,.*)?$", re.MULTILINE)
with tempfile.TemporaryDirectory() as folder:
    whole = pathlib.Path(folder, pathlib.Path(out).stem + ".o")
    # -save-temps tells of itself on stderr; what else is told there is kept for a failure.
    done = subprocess.run([*compiler, "-save-temps=obj", "-r", "-nostdlib", "-o", whole,
                           "-Wl,--whole-archive", *rooms, "-Wl,--no-whole-archive"],
                          stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    pieces = list(pathlib.Path(folder).glob("*.ltrans.s"))
    text = pieces[0].read_text(encoding="latin-1") if len(pieces) == 1 else ".debug_info"
    if ".debug_info" not in text:
        pieces[0].write_text(MERGED.sub("\t.section\t.rodata", text), encoding="latin-1")
        subprocess.run([*compiler, "-fno-lto", "-c", "-o", whole, pieces[0]], check=True)
    subprocess.run([objcopy, "--localize-hidden", "--remove-section=.comment", whole], check=True)
    pathlib.Path(out).unlink(missing_ok=True)
    subprocess.run([ar, "rcsD", out, whole], check=True)

"""Makes a static library of one object, in which only the public names are
left to be seen: prelink.py OUT.a OBJCOPY AR ROOM.a... -- COMPILER...

The rooms are linked into one object, and every name of theirs that is hidden
in the shared library becomes local. So a host that has names like ours, or two
libraries with a copy of the same room, link together; and what only serves to
join our own objects (names, section headers, relocations) is not shipped."""
import pathlib
import subprocess
import sys
import tempfile

out, objcopy, ar = sys.argv[1:4]
rooms, compiler = sys.argv[4:sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1:]
with tempfile.TemporaryDirectory() as folder:
    whole = pathlib.Path(folder, pathlib.Path(out).stem + ".o")
    subprocess.run([*compiler, "-r", "-nostdlib", "-o", whole, "-Wl,--whole-archive", *rooms,
                    "-Wl,--no-whole-archive"], check=True)
    subprocess.run([objcopy, "--localize-hidden", "--remove-section=.comment", whole], check=True)
    pathlib.Path(out).unlink(missing_ok=True)
    subprocess.run([ar, "rcsD", out, whole], check=True)

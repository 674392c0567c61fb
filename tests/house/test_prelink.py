"""lib/prelink.py makes one object that links, with debug information or without,
where the compiler makes one piece of all rooms and where it does not.

    test_prelink.py CC
"""
import pathlib
import shlex
import sys
import tempfile
import unittest

import house

ROOMS = {
    "first": """#include <string.h>
                const char *second_text(int which);
                const double *second_numbers(void);
                __attribute__((visibility("default"), externally_visible)) int library_test(void);
                int library_test(void) {
                  return strcmp(second_text(1), "a text \\x01\\377 of the rooms") == 0 &&
                         strcmp(second_text(0), "rooms") == 0 && second_numbers()[1] == 2.5;
                }""",
    "second": """static const double numbers[] = {1.5, 2.5};
                 const double *second_numbers(void);
                 const char *second_text(int which);
                 const double *second_numbers(void) { return numbers; }
                 const char *second_text(int which) {
                   return which ? "a text \\x01\\377 of the rooms" : "rooms";
                 }""",
}
HOST = """int library_test(void);
          const char *second_text(int which);
          const char *second_text(int which) { return which ? "the host's" : ""; }
          int main(void) { return !library_test(); }"""
WHOLE = ["-fPIC", "-flto", "-flto-partition=one", "-fwhole-program", "-flinker-output=dyn"]


class Prelink(unittest.TestCase):
    def make(self, folder, room_flags, link_flags):
        archives = []
        for name, text in ROOMS.items():
            (folder / f"{name}.c").write_text(text)
            archives.append(folder / f"{name}.a")
            house.run(*CC, *room_flags, "-fPIC", "-fvisibility=hidden", "-c", folder / f"{name}.c",
                      "-o", folder / f"{name}.o")
            house.run("gcc-ar" if "-flto=auto" in room_flags else "ar", "rcs", archives[-1],
                      folder / f"{name}.o")
        (folder / "host.c").write_text(HOST)
        house.run(sys.executable, house.LIB / "prelink.py", folder / "lib x.a", "objcopy", "ar",
                  *archives, "--", *CC, *link_flags)
        house.run(*CC, folder / "host.c", folder / "lib x.a", "-o", folder / "host")
        house.run(folder / "host")
        house.run(*CC, "-shared", "-Wl,--whole-archive", folder / "lib x.a",
                  "-Wl,--no-whole-archive", "-o", folder / "lib.so")

    def test_every_way(self):
        is_gcc = "Free Software Foundation" in house.run(*CC, "--version")
        ways = [([], []),
                (["-flto=auto"], ["-flinker-output=nolto-rel"]),  # CFLAGS of a distribution
                (["-flto", "-ffat-lto-objects"], WHOLE)]
        for rooms, link in ways if is_gcc else ways[:1]:
            for debug in [[], ["-g"]]:
                with self.subTest(rooms=rooms, debug=debug), \
                        tempfile.TemporaryDirectory(prefix="a space ") as folder:
                    self.make(pathlib.Path(folder), ["-Os", *debug, *rooms], ["-Os", *link])


if __name__ == "__main__":
    CC = shlex.split(sys.argv.pop())
    unittest.main()

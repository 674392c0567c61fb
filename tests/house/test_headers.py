"""Every header compiles alone, twice in one file, as C and as C++.

test_headers.py CC CXX
"""
import pathlib
import shlex
import sys
import tempfile
import unittest

import house

PEDANTIC = ["-pedantic", "-Wall", "-Wextra", "-Werror"]


def twice(name):
    return f'#include "{name}"\n#include "{name}"\nextern int house_not_empty;\n'


class Headers(unittest.TestCase):
    def each_public_header(self, compiler, suffix, standard):
        headers = house.public_headers()
        self.assertGreater(len(headers), 10)
        for path in headers:
            name = path.relative_to(house.INCLUDE)
            with self.subTest(header=str(name)):
                house.compile_text(compiler, suffix, twice(name), standard, *PEDANTIC,
                                   "-I", house.INCLUDE)

    def test_c11(self):
        self.each_public_header(CC, ".c", "-std=c11")

    def test_cxx17(self):
        self.each_public_header(CXX, ".cc", "-std=c++17")

    def test_cxx11(self):
        self.each_public_header(CXX, ".cc", "-std=c++11")

    def test_shop_h_brings_all(self):
        """Who includes shop.h misses nothing of libshop, and gets nothing of another library."""
        text = house.without_comments((house.INCLUDE / "shop.h").read_text("utf-8"))
        for path in house.public_headers()[1:]:
            self.assertEqual(f'#include "shop/{path.name}"' in text,
                             path.name not in house.COMPANIONS, path)

    def test_cxx_sees_c_functions(self):
        """Every function has C linkage in C++: its symbol is its plain name."""
        names = sorted(declaration.name for declaration in house.declarations())
        table = ",\n".join(f"(void (*)())&{name}" for name in names)
        includes = "".join(f"#include <shop/{name}>\n" for name in house.COMPANIONS)
        text = f"#include <shop.h>\n{includes}extern void (*all[])();\nvoid (*all[])() = {{\n{table}\n}};\n"
        with tempfile.TemporaryDirectory() as folder:
            output = pathlib.Path(folder) / "all.o"
            house.compile_text(CXX, ".cc", text, "-std=c++11", "-I", house.INCLUDE, output=output)
            undefined = {line.split()[-1] for line in house.run("nm", "-u", output).splitlines()}
        self.assertEqual(sorted(undefined - {"_GLOBAL_OFFSET_TABLE_"}), names)

    def test_doors_compile_with_what_is_below(self):
        """A door needs nothing but itself and the doors below it."""
        for room, below in house.BELOW.items():
            with self.subTest(room=room):
                flags = ["-D_POSIX_C_SOURCE=200809L", "-I", house.INCLUDE, "-I", house.LIB / room]
                for other in below:
                    flags += ["-I", house.LIB / other]
                house.compile_text(CC, ".c", twice(f"{room}.h"), "-std=c11", *PEDANTIC, *flags)


if __name__ == "__main__":
    CC, CXX = shlex.split(sys.argv[1]), shlex.split(sys.argv[2])
    unittest.main(argv=sys.argv[:1])

"""The library as a stranger gets it: installed into an empty prefix, and a
small host built against it in each of the ways that are documented.

test_install.py MESON NINJA PKG_CONFIG CC CXX
"""
import os
import pathlib
import re
import shlex
import shutil
import sys
import tempfile
import unittest

import house

CONSUMER = house.TOP / "tests" / "house" / "consumer.c"
MAILER = house.TOP / "tests" / "house" / "consumer_smtp.c"
STRICT = ["-std=c11", "-pedantic", "-Wall", "-Wextra", "-Werror"]
OTHERS = ["-lsqlite3", "-lsodium", "-ljwt", "-ljansson", "-lmbedcrypto", "-pthread"]
SIZE_MAX = 400 * 1024  # bytes
INSTALLED = """project('host', 'c', default_options: ['c_std=c11', 'werror=true'])
executable('consumer', 'consumer.c', dependencies: dependency('libshop', static: %s))
executable('mailer', 'consumer_smtp.c', dependencies: dependency('libshop-smtp', static: %s))
"""
SUBPROJECT = """project('host', 'c', default_options: ['c_std=c11', 'werror=true'])
libshop = subproject('libshop', default_options: ['tests=false', 'examples=false'])
executable('consumer', 'consumer.c', dependencies: libshop.get_variable('shop_dep'))
executable('mailer', 'consumer_smtp.c', dependencies: libshop.get_variable('shop_smtp_dep'))
"""


def environment(**more):
    """Nothing of an outer build gets into these."""
    names = ("PATH", "HOME", "TMPDIR", "LANG", "CC", "CXX", "PKG_CONFIG_PATH")
    return {name: os.environ[name] for name in names if name in os.environ} | more


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="libshop-install-")
        cls.addClassCleanup(holder.cleanup)
        cls.folder = pathlib.Path(holder.name)
        cls.prefix = cls.folder / "prefix"
        build = cls.folder / "build"
        house.run(*MESON, "setup", build, house.TOP, f"--prefix={cls.prefix}", "--libdir=lib",
                  "--buildtype=release", "-Dtests=false", "-Dexamples=false", "-Dwerror=true",
                  env=environment())
        house.run(*NINJA, "-C", build, "-j2", env=environment())
        house.run(*MESON, "install", "-C", build, "--no-rebuild", env=environment())

    def pkg_config(self, *arguments, prefix=None):
        path = (prefix or self.prefix) / "lib" / "pkgconfig"
        more = environment(PKG_CONFIG_PATH=str(path))
        return house.run(*PKG_CONFIG, *arguments, env=more).split()

    def build_and_run(self, name, compiler, *flags, library_path=None, host=CONSUMER):
        """Builds the host and runs it; the libraries it was linked to."""
        program = self.folder / name
        house.run(*compiler, host, "-o", program, *flags, env=environment())
        store = self.folder / f"{name}.shop"
        more = {"LD_LIBRARY_PATH": str(library_path)} if library_path else {}
        self.assertRegex(house.run(program, store, env=environment(**more)),
                         r"^libshop \d+\.\d+\.\d+: SHOP_OK")
        return re.findall(r"\(NEEDED\).*\[(.*)\]", house.run("readelf", "-d", program))

    def test_what_is_installed(self):
        found = sorted(str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*")
                       if not path.is_dir())
        headers = [f"include/{path.relative_to(house.INCLUDE)}" for path in house.public_headers()]
        version = self.pkg_config("--modversion", "libshop")[0]
        libraries = [f"lib/{name}.{end}" for name in ("libshop", "libshop-smtp")
                     for end in ("a", "so", "so.0", f"so.{version}")]
        pc = [f"lib/pkgconfig/{name}.pc" for name in ("libshop", "libshop-static", "libshop-smtp",
                                                      "libshop-smtp-static")]
        self.assertEqual(found, sorted(headers + libraries + pc))
        for header in headers:
            self.assertEqual((self.prefix / header).read_bytes(),
                             (house.TOP / header).read_bytes(), header)

    def test_size(self):
        """What is shipped stays small: a release, without what only a debugger reads."""
        stripped = self.folder / "stripped.a"
        house.run("strip", "--strip-unneeded", "-o", stripped, self.prefix / "lib" / "libshop.a")
        self.assertLess(stripped.stat().st_size, SIZE_MAX)

    def test_shared(self):
        flags = self.pkg_config("--cflags", "--libs", "libshop")
        needed = self.build_and_run("shared", CC + STRICT, *flags,
                                    library_path=self.prefix / "lib")
        self.assertIn("libshop.so.0", needed)
        # What libshop itself needs is no business of its host's.
        self.assertEqual([name for name in needed if not re.match(r"lib(shop|c)\.so", name)], [])

    def test_shared_from_cxx(self):
        flags = self.pkg_config("--cflags", "--libs", "libshop")
        compiler = CXX + ["-std=c++17", "-pedantic", "-Wall", "-Wextra", "-Werror", "-x", "c++"]
        self.build_and_run("shared_cxx", compiler, *flags, library_path=self.prefix / "lib")

    def test_static(self):
        """libshop.a is taken although libshop.so is there too."""
        flags = self.pkg_config("--cflags", "--libs", "libshop-static")
        needed = self.build_and_run("static", CC + STRICT, *flags)
        self.assertNotIn("libshop.so.0", needed)
        self.assertIn("libjwt.so.0", needed)

    def test_static_alone(self):
        """pkg-config --static names all that is needed where only libshop.a is."""
        prefix = self.folder / "static_prefix"
        shutil.copytree(self.prefix, prefix, ignore=shutil.ignore_patterns("*.so*"), symlinks=True)
        pc = prefix / "lib" / "pkgconfig" / "libshop.pc"
        pc.write_text(pc.read_text("utf-8").replace(str(self.prefix), str(prefix)), "utf-8")
        flags = self.pkg_config("--static", "--cflags", "--libs", "libshop", prefix=prefix)
        self.assertNotIn("libshop.so.0", self.build_and_run("static_alone", CC + STRICT, *flags))

    def test_nothing_else_is_asked_for(self):
        """Only libraries whose packages a builder of libshop has anyway: not the
        private ones of others."""
        for name, flags in (("libshop", ["--static"]), ("libshop-static", [])):
            libs = self.pkg_config(*flags, "--libs", name)
            self.assertEqual([lib for lib in libs if lib[:2] in ("-l", "-p")][1:],
                             OTHERS + ["-lm"], name)

    def test_smtp_shared(self):
        """The companion library brings libshop with it."""
        flags = self.pkg_config("--cflags", "--libs", "libshop-smtp")
        needed = self.build_and_run("smtp_shared", CC + STRICT, *flags,
                                    library_path=self.prefix / "lib", host=MAILER)
        self.assertIn("libshop-smtp.so.0", needed)
        self.assertEqual([name for name in needed if not re.match(r"lib(shop|shop-smtp|c)\.so", name)],
                         [])

    def test_smtp_static(self):
        flags = self.pkg_config("--cflags", "--libs", "libshop-smtp-static")
        needed = self.build_and_run("smtp_static", CC + STRICT, *flags, host=MAILER)
        self.assertEqual([name for name in needed if name.startswith("libshop")], [])
        self.assertIn("libmbedtls.so.14", needed)

    def test_smtp_static_alone(self):
        prefix = self.folder / "smtp_prefix"
        shutil.copytree(self.prefix, prefix, ignore=shutil.ignore_patterns("*.so*"), symlinks=True)
        for name in ("libshop", "libshop-smtp"):
            pc = prefix / "lib" / "pkgconfig" / f"{name}.pc"
            pc.write_text(pc.read_text("utf-8").replace(str(self.prefix), str(prefix)), "utf-8")
        flags = self.pkg_config("--static", "--cflags", "--libs", "libshop-smtp", prefix=prefix)
        needed = self.build_and_run("smtp_static_alone", CC + STRICT, *flags, host=MAILER)
        self.assertEqual([name for name in needed if name.startswith("libshop")], [])

    def test_static_flag_with_both(self):
        """And links where both are: to the shared one, as linkers do."""
        flags = self.pkg_config("--static", "--cflags", "--libs", "libshop")
        self.build_and_run("both", CC + STRICT, *flags, library_path=self.prefix / "lib")

    def test_plain_cc(self):
        """No build system and no pkg-config: one line."""
        needed = self.build_and_run("plain", CC + STRICT, "-I", self.prefix / "include",
                                    self.prefix / "lib" / "libshop.a", *OTHERS)
        self.assertNotIn("libshop.so.0", needed)

    def test_meson_dependency(self):
        """Meson finds the installed library by its name, as either kind."""
        for kind in ("true", "false"):
            self.meson_host(f"static_{kind}", INSTALLED % (kind, kind),
                            PKG_CONFIG_PATH=str(self.prefix / "lib" / "pkgconfig"))

    def test_meson_subproject(self):
        """Meson builds the library as a part of the host."""
        self.meson_host("subproject", SUBPROJECT)

    def meson_host(self, name, text, **more):
        host = self.folder / name
        (host / "subprojects").mkdir(parents=True)
        (host / "subprojects" / "libshop").symlink_to(house.TOP)
        (host / "meson.build").write_text(text, encoding="utf-8")
        shutil.copy(CONSUMER, host / "consumer.c")
        shutil.copy(MAILER, host / "consumer_smtp.c")
        house.run(*MESON, "setup", host / "build", host, env=environment(**more))
        house.run(*NINJA, "-C", host / "build", "-j2", "consumer", "mailer", env=environment())
        for program in ("consumer", "mailer"):
            output = house.run(host / "build" / program, host / f"{program}.shop", env=environment())
            self.assertIn("SHOP_OK", output)


if __name__ == "__main__":
    MESON, NINJA, PKG_CONFIG, CC, CXX = (shlex.split(argument) for argument in sys.argv[1:6])
    unittest.main(argv=sys.argv[:1])

"""The architecture: includes point down only, and each foreign library has its
one place."""
import pathlib
import re
import unittest

import house

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)

# A foreign header, and where in lib/ it may be included: the files, by pattern,
# and how many of them there may be.
FOREIGN = {
    r"jwt\.h": (r"secret/\w+\.c", 1),
    r"mbedtls/.*|psa/.*": (r"(secret|smtp)/\w+\.c", 2),
    r"jansson\.h": (r"secret/\w+\.[ch]", 9),
    r"sodium(\.h|/.*)": (r"secret/\w+\.[ch]", 99),
    r"sqlite3(ext)?\.h": (r"db/engine_sqlite\w*\.h", 1),
}

# What begins a statement of SQL, and what is inside one.
STATEMENT = re.compile(
    r"^\s*(?:SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|CREATE|ALTER|DROP|PRAGMA|BEGIN|COMMIT"
    r"|ROLLBACK|SAVEPOINT|RELEASE|VACUUM|ATTACH|DETACH|ANALYZE|REINDEX)\b"
    r"|\b(?:FROM|WHERE|VALUES|RETURNING|ORDER BY|GROUP BY|ON CONFLICT)\b"
    r"|(?i:\bselect\b.*\bfrom\b|\binsert\s+into\b|\bdelete\s+from\b|\bupdate\b.*\bset\b.*=)")


def includes(path):
    # Comments go, strings stay: an include is one.
    text = house.without_comments(path.read_text("utf-8"))
    return [(match.group(1), match.group(2)) for match in INCLUDE.finditer(text)]


class Rooms(unittest.TestCase):
    @staticmethod
    def own_headers():
        return {path.name for _, path in house.sources() if path.suffix == ".h"}

    def test_rooms_are_known(self):
        """A new folder in lib/ has to be given its place here."""
        rooms = {path.name for path in house.LIB.iterdir() if path.is_dir()}
        self.assertEqual(rooms, set(house.BELOW))
        for room in rooms:
            self.assertTrue((house.LIB / room / f"{room}.h").is_file(), f"{room} has no door")

    def test_includes_point_down(self):
        """Own files, doors below, public headers: nothing else in quotes, and no
        path around it."""
        seen, doors = 0, self.own_headers()
        for room, path in house.sources():
            allowed = {f"{other}.h" for other in house.BELOW[room]}
            for quote, name in includes(path):
                seen += 1
                public = (house.INCLUDE / name).is_file()
                if quote == "<":
                    self.assertFalse(public or name in doors, f"{path}: <{name}> in angle brackets")
                elif not public and ("/" in name or not (path.parent / name).is_file()):
                    self.assertIn(name, allowed, f"{path} includes {name}")
        self.assertGreater(seen, 100)

    def test_include_paths_point_down(self):
        """And an include that points up would not even compile."""
        for room, below in house.BELOW.items():
            text = (house.LIB / room / "meson.build").read_text("utf-8")
            given = set(re.findall(r"\b(\w+)_inc\b", text))
            self.assertLessEqual(given, {"public", room, *below}, room)

    def test_header_names_are_unique(self):
        """So that no include can find another room's file by accident."""
        names = [path.name for _, path in house.sources() if path.suffix == ".h"]
        self.assertEqual(len(names), len(set(names)))
        public = {path.name for path in house.public_headers()}
        # mail.h and smtp.h are doors and public headers; the public ones are "shop/mail.h"...
        self.assertEqual(public & set(names) - {"mail.h", "smtp.h"}, set())

    def test_foreign_headers(self):
        for header, (places, most) in FOREIGN.items():
            found = set()
            for _, path in house.sources():
                if any(re.fullmatch(header, name) for _, name in includes(path)):
                    found.add(str(path.relative_to(house.LIB)))
            for name in found:
                self.assertRegex(name, f"^{places}$", f"{header} is included by {name}")
            self.assertTrue(1 <= len(found) <= most, f"{header}: {sorted(found)}")

    def test_only_the_seam_knows_sqlite(self):
        for room, path in house.sources():
            if room != "db":
                text = house.without_comments(path.read_text("utf-8")).lower()
                self.assertNotIn("sqlite", text, path)
        for path in (house.LIB / "db").glob("*.[ch]"):
            if not path.name.startswith("engine_sqlite"):
                text = house.without_comments(path.read_text("utf-8"))
                self.assertNotIn("sqlite3", text, path)

    def test_only_its_file_names_mbedtls(self):
        """One in each of the two rooms that use it."""
        users = [(room, path.name) for room, path in house.sources()
                 if "mbedtls_" in house.without_strings(path.read_text("utf-8"))]
        self.assertEqual([room for room, _ in users], ["secret", "smtp"], users)

    def test_a_companion_is_no_part_of_libshop(self):
        """Its room is not linked into it, and no room below knows its header."""
        for room, path in house.sources():
            for _, name in includes(path):
                if pathlib.PurePath(name).name in house.COMPANIONS:
                    self.assertEqual(room, house.COMPANIONS[pathlib.PurePath(name).name], path)
        linked = re.search(r"^rooms = \[(.*?)\]", (house.TOP / "meson.build").read_text("utf-8"),
                           re.M | re.S).group(1)
        for room in house.BELOW:
            self.assertEqual(f"{room}_lib" in linked, room not in house.COMPANIONS.values(), room)

    def test_sql_is_in_rows(self):
        """Outside lib/rows and the seam no string is a statement or part of one."""
        for room, path in house.sources():
            if room in ("rows", "db"):
                continue
            for text in house.STRING.findall(house.without_comments(path.read_text("utf-8"))):
                text = text.replace("MAIL FROM:", "")  # a command of SMTP
                self.assertIsNone(STATEMENT.search(text), f"{path}: {text!r}")

    def test_the_sql_pattern_finds_sql(self):
        """The test above would see what is in lib/rows."""
        found = 0
        for path in (house.LIB / "rows").glob("*.c"):
            strings = house.STRING.findall(house.without_comments(path.read_text("utf-8")))
            found += sum(1 for text in strings if STATEMENT.search(text))
        self.assertGreater(found, 50)

    def test_the_contract_is_all_a_host_needs(self):
        """Examples, contract tests and their harness see public headers only."""
        doors = self.own_headers()
        for folder in ("examples", "tests/harness", "tests/contract"):
            for path in sorted((house.TOP / folder).glob("*.[ch]")):
                for quote, name in includes(path):
                    if quote == '"' and ("/" in name or not (path.parent / name).is_file()):
                        self.assertNotIn(pathlib.PurePath(name).name, doors,
                                         f"{path} includes {name}")

    def test_public_headers_know_no_room(self):
        for path in house.public_headers():
            for quote, name in includes(path):
                if quote == '"':
                    self.assertRegex(name, r"^shop/\w+\.h$", path)
                else:
                    self.assertIn(name, ("stdbool.h", "stddef.h", "stdint.h"), path)


if __name__ == "__main__":
    unittest.main()

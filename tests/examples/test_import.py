"""Drives examples/import_catalogue with good and bad files, and looks into the store by SQLite's own means.

Usage: test_import.py IMPORT_CATALOGUE CATALOGUE.csv [unittest's arguments]
"""

import collections
import csv
import io
import os
import pty
import random
import re
import resource
import select
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else os.environ["SHOP_IMPORT"]
CATALOGUE = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else os.environ["SHOP_CATALOGUE"]

HEADER = "Handle,Title,Option1 Value,Variant SKU,Variant Price,Variant Inventory Qty\n"
SUMMARY = re.compile(
    r"imported (\d+) products, refused (\d+) rows, skipped (\d+) rows \(images only\)"
    r"(?:, left out (\d+) \(draft, archived or not published\))?")

Product = collections.namedtuple("Product", "sku name description price_minor currency available state")
Report = collections.namedtuple("Report", "imported refused skipped left_out lines notes")


def read_store(path):
    """The products of a store, by SKU."""
    store = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        rows = store.execute("SELECT sku, name, description, price_minor, currency, available, state"
                             " FROM products ORDER BY id").fetchall()
    finally:
        store.close()
    return {row[0]: Product(*row) for row in rows}


def read_report(text):
    """The counts, the refused lines with their reasons, and the notes of a report."""
    *lines, last = text.splitlines()
    counts = SUMMARY.fullmatch(last)
    assert counts, f"no summary: {last!r}"
    refused, notes = {}, {}
    for line in lines:
        match = re.fullmatch(r"(note, )?line (\d+): (.+)", line)
        assert match, f"neither a refused line nor a note: {line!r}"
        assert int(match[2]) not in (notes if match[1] else refused), f"twice: {line!r}"
        (notes if match[1] else refused)[int(match[2])] = match[3]
    return Report(*(int(count or 0) for count in counts.groups()), refused, notes)


class ImportCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="import-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.store = os.path.join(self.folder, "shop.db")
        self.file = os.path.join(self.folder, "catalogue.csv")

    def run_program(self, *arguments, **more):
        done = subprocess.run([PROGRAM, *arguments], stdout=more.pop("stdout", subprocess.PIPE),
                              stderr=subprocess.PIPE, timeout=120, **more)
        self.assertIn(done.returncode, (0, 1, 2), done.stderr)
        for mark in (b"Sanitizer", b"runtime error"):
            self.assertNotIn(mark, done.stderr)
        return done

    def write(self, content):
        with open(self.file, "wb") as out:
            out.write(content if isinstance(content, bytes) else content.encode())

    def load(self, content, currency="EUR"):
        """Imports a file that can be read; gives the report and what is in the store now."""
        self.write(content)
        done = self.run_program(self.store, self.file, currency)
        self.assertEqual((done.returncode, done.stderr), (0, b""), content[:200])
        report = read_report(done.stdout.decode())
        self.assertEqual(report.refused, len(report.lines))
        return report, read_store(self.store)

    def load_new(self, content, currency="EUR"):
        """As load, into a new store: every product in it is one that the report has counted."""
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(self.store + suffix):
                os.unlink(self.store + suffix)
        report, products = self.load(content, currency)
        self.assertEqual(report.imported, len(products))
        return report, products

    def reason(self, row, currency="EUR", header=HEADER):
        """Why one row is refused. Good rows before and after it are always taken."""
        before, after = "before,Before,,GOOD-1,1,1\n", "after,After,,GOOD-2,1,1\n"
        if header != HEADER:
            before = after = ""
        if not isinstance(row, bytes):
            row = row.encode()
        report, products = self.load_new((header + before).encode() + row + b"\n" + after.encode(), currency)
        line = 3 if before else 2
        self.assertEqual(list(report.lines), [line], report)
        self.assertEqual(list(products), ["GOOD-1", "GOOD-2"] if before else [])
        return report.lines[line]

    def refuse_file(self, content, *words):
        """The file as a whole is refused: nothing on stdout, a reason on stderr, and no store."""
        self.write(content)
        done = self.run_program(self.store, self.file, "EUR")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        for word in words:
            self.assertIn(word, done.stderr.decode())
        self.assertFalse(os.path.exists(self.store))


class Catalogue(ImportCase):
    """The catalogue that comes with the example."""

    def setUp(self):
        super().setUp()
        with open(CATALOGUE, "rb") as source:
            self.content = source.read()

    def test_all_of_it_is_imported(self):
        report, products = self.load(self.content)
        self.assertGreaterEqual(len(products), 60)
        self.assertEqual((report.imported, report.refused), (len(products), 0))
        self.assertGreater(report.skipped, 0)
        self.assertGreater(report.left_out, 0)
        for sku, price_minor, available in (("TEA-001", 999, 100), ("MUG-001", 1450, 40),
                                            ("POT-001", 3900, 3), ("GIFT-DIGITAL", 2500, None)):
            product = products[sku]
            self.assertEqual((product.price_minor, product.available), (price_minor, available), sku)
        for product in products.values():
            self.assertEqual((product.currency, product.state), ("EUR", 1))

    def test_it_has_what_an_export_has(self):
        """Variants, missing SKUs, pictures, embedded lines and commas: else it would show nothing."""
        rows = list(csv.DictReader(io.StringIO(self.content.decode(), newline="")))
        self.assertTrue(any(not row["Title"] and row["Variant Price"] for row in rows))
        self.assertTrue(any(not row["Variant SKU"] and row["Variant Price"] for row in rows))
        self.assertTrue(any(not row["Variant Price"] and row["Image Src"] for row in rows))
        self.assertTrue(any("\n" in row["Body (HTML)"] and "," in row["Body (HTML)"] for row in rows))
        self.assertTrue(any('"' in row["Body (HTML)"] for row in rows))
        self.assertTrue(any(not row["Title"].isascii() for row in rows))

    def test_it_agrees_with_another_reader(self):
        """Each price that Python's csv module reads is in the store under its SKU."""
        _, products = self.load(self.content)
        status = {}
        for row in csv.DictReader(io.StringIO(self.content.decode(), newline="")):
            if row["Title"]:
                status[row["Handle"]] = row["Status"] == "active" and row["Published"] == "true"
            if row["Variant SKU"] and status[row["Handle"]]:
                product = products.pop(row["Variant SKU"])
                self.assertEqual(f"{product.price_minor / 100:.2f}", row["Variant Price"])
            elif row["Variant SKU"]:
                self.assertNotIn(row["Variant SKU"], products)
        for sku in products:  # what is left got its SKU from its handle and options
            self.assertRegex(sku, r"^[A-Z0-9]+(-[A-Z0-9]+)*$")

    def test_importing_twice_changes_nothing(self):
        first, before = self.load(self.content)
        second, after = self.load(self.content)
        self.assertEqual((first, before), (second, after))

    def test_importing_a_newer_file_updates(self):
        _, before = self.load(self.content)
        self.assertEqual(self.content.count(b",9.99,"), 1)
        _, after = self.load(self.content.replace(b",9.99,", b",10.49,"))
        self.assertEqual(after.pop("TEA-001"), before.pop("TEA-001")._replace(price_minor=1049))
        self.assertEqual(after, before)

    def test_standard_input(self):
        done = self.run_program(self.store, "-", "EUR", input=self.content)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(read_report(done.stdout.decode()).imported, len(read_store(self.store)))


class Format(ImportCase):
    """How the file may be written."""

    def test_quotes_commas_and_lines_in_a_field(self):
        report, products = self.load(
            "Handle,Title,Body (HTML),Variant SKU,Variant Price\n"
            'a,"Tea, ""green""","<p>one,\n\ntwo ""x""\n</p>",A,1.00\n'
            "b,Bad,,B,abc\n"
            'c, Plain , "spaces around quotes" ,C,2.00\n')
        self.assertEqual(products["A"].name, 'Tea, "green"')
        self.assertEqual(products["A"].description, '<p>one,\n\ntwo "x"\n</p>')
        self.assertEqual(products["C"].description, "spaces around quotes")
        self.assertEqual(products["C"].name, "Plain")
        self.assertEqual(report.lines, {6: 'price "abc" is not an amount of EUR'})

    def test_every_line_end_counts_the_same_lines(self):
        text = HEADER + '\na,"Tea\nGarden",,A,1,1\n\nb,Tea,,B,2,2\nc,Tea,,C,-,3\nd,Tea,,D,4,4'
        for start in (b"", b"\xef\xbb\xbf"):
            for end in (b"\n", b"\r\n", b"\r"):
                for last in (b"", end, end + end):
                    content = start + text.encode().replace(b"\n", end) + last
                    report, products = self.load_new(content)
                    self.assertEqual(list(products), ["B", "D"], content)
                    self.assertEqual(list(report.lines), [3, 7], content)

    def test_columns_are_found_by_name(self):
        for names in (("Handle", "Title", "Option1 Value", "Option2 Value", "Variant SKU", "Variant Price",
                       "Variant Inventory Tracker", "Variant Inventory Qty", "Variant Inventory Policy", "Status",
                       "Published", "Body (HTML)"),
                      ("URL handle", "Title", "Option1 value", "Option2 value", "SKU", "Price",
                       "Inventory tracker", "Inventory quantity", "Continue selling when out of stock", "Status",
                       "Published on online store", "Description"),
                      ("HANDLE", "title", "option1 VALUE", "Option2 Value", " sku ", '"price"',
                       "inventory TRACKER", "Inventory Quantity", "Variant Inventory POLICY", "STATUS",
                       "published", "body (html)")):
            row = dict(zip(names, ("a", "Tea", "Green", "Big", "A", "1.50", "shopify", "7", "deny", "active",
                                   "TRUE", "Text")))
            row |= {"Price / International": "99", "Compare-at price": "77", "Variant Image": "x.jpg", "": "y"}
            for seed in range(5):
                columns = random.Random(seed).sample(list(row), len(row))
                content = ",".join(columns) + "\n" + ",".join(row[column] for column in columns) + "\n"
                _, products = self.load_new(content)
                self.assertEqual(list(products.values()),
                                 [Product("A", "Tea (Green / Big)", "Text", 150, "EUR", 7, 1)], content)

    def test_title_and_price_are_enough(self):
        _, products = self.load("Title,Price\nGreen Tea,1\n")
        self.assertEqual(list(products.values()), [Product("GREEN-TEA", "Green Tea", None, 100, "EUR", None, 1)])

    def test_a_header_without_rows_is_a_catalogue(self):
        report, products = self.load(HEADER)
        self.assertEqual((report.imported, report.refused, report.skipped, products), (0, 0, 0, {}))

    def test_a_file_that_is_no_catalogue_leaves_no_store(self):
        self.refuse_file(b"", "empty")
        self.refuse_file(b"\xef\xbb\xbf", "empty")
        self.refuse_file(b"\n \r\n\t\n", "empty")
        self.refuse_file("a,Tea,,A,1,1\nb,Tea,,B,1,1\n", "Title")
        self.refuse_file(HEADER.replace(",", ";"), "Title")
        self.refuse_file(HEADER.replace("Variant Price", "Preis"), "Variant Price")
        self.refuse_file('"Handle,Title,Price\na,Tea,1\n', "line 1", "quotes")
        self.refuse_file(HEADER.encode("utf-16"), "line 1")
        self.refuse_file(",".join(["Title", "Price"] + ["x"] * 999), "1000 columns")
        self.refuse_file(b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 40)


class Variants(ImportCase):
    """Rows that belong together."""

    def test_variants_take_over_what_they_leave_empty(self):
        _, products = self.load(
            "Handle,Title,Body (HTML),Option1 Value,Option2 Value,Option3 Value,Variant SKU,Variant Price\n"
            "tea,Tea,Text,Green,100 g,,A,1\n"
            "tea,,,Green,200 g,Tin,B,2\n"
            "tea,Tea,,Black,,,C,3\n"
            "mug,Mug,,Default Title,,,D,4\n")
        self.assertEqual([(product.name, product.description, product.price_minor)
                          for product in products.values()],
                         [("Tea (Green / 100 g)", "Text", 100), ("Tea (Green / 200 g / Tin)", "Text", 200),
                          ("Tea (Black)", "Text", 300), ("Mug", None, 400)])

    def test_a_bad_first_row_does_not_take_its_variants_along(self):
        report, products = self.load(HEADER + "tea,Tea,S,A,abc,1\ntea,,M,B,2,2\ntea,,L,C,3,3\n")
        self.assertEqual([product.name for product in products.values()], ["Tea (M)", "Tea (L)"])
        self.assertEqual(list(report.lines), [2])

    def test_a_variant_never_joins_the_wrong_product(self):
        """The first row of the mug cannot be read: its variants have no name, least of all "Tea"."""
        report, products = self.load(
            HEADER + "tea,Tea,S,A,1,1\nmug,Mug,S,B,2\nmug,,M,C,3,3\n,,M,D,3,3\ntea,,L,E,5,5\n")
        self.assertEqual([product.name for product in products.values()], ["Tea (S)", "Tea (L)"])
        self.assertEqual(list(report.lines), [3, 4, 5])
        self.assertIn('"mug"', report.lines[4])

    def test_rows_with_pictures_alone_are_no_products(self):
        report, products = self.load(
            "Handle,Title,Variant SKU,Variant Price,Image Src\n"
            "tea,Tea,A,1,1.jpg\ntea,,,,2.jpg\ntea,Tea,,,3.jpg\nmug,,,,4.jpg\n,,,,\nmug,Mug,B,2,5.jpg\n"
            "pot,Pot,,,6.jpg\n")
        self.assertEqual(list(products), ["A", "B"])
        self.assertEqual(report.skipped, 4)
        self.assertEqual(report.lines, {8: "the price is missing"})

    def test_what_is_not_for_sale_is_left_out_with_its_variants(self):
        header = "Handle,Title,Status,Published,Variant SKU,Variant Price\n"
        report, products = self.load(
            header + "a,A,draft,true,A1,1\na,,,,A2,1\nb,B,Archived,,B1,1\nc,C,,FALSE,C1,1\nc,,,,C2,1\n"
            "d,D,ACTIVE,TRUE,D1,1\nd,,,,D2,1\ne,E,,,E1,1\nf,F,unlisted,,F1,1\ng,G,activ,,G1,1\ng,,,,G2,1\n")
        self.assertEqual(list(products), ["D1", "D2", "E1", "F1"])
        self.assertEqual(report.left_out, 5)
        self.assertEqual(report.lines, dict.fromkeys((11, 12), '"activ" is no status of a product'))


class Skus(ImportCase):
    """The identity of a product."""

    def skus(self, rows):
        return list(self.load_new(HEADER + rows)[1])

    def test_a_missing_sku_is_made_from_handle_and_options(self):
        self.assertEqual(self.skus("green-tea,Tea,100 g,,1,1\ngreen-tea,,-- 1/2 kg! --,,1,1\nmug,Mug,Default Title,,1,1\n"
                                   ",Title Alone,,,1,1\n"),
                         ["GREEN-TEA-100-G", "GREEN-TEA-1-2-KG", "MUG", "TITLE-ALONE"])

    def test_made_skus_are_apart_and_valid(self):
        """Letters that an SKU cannot hold, and texts longer than it, still make a difference."""
        rows = "".join(f"tea,Tea,{option},,1,1\n" for option in
                       ("红", "绿", "Größe", "Grösse", "!", "x" * 70 + "1", "x" * 70 + "2", "y" * 59, "y" * 60, "y" * 61))
        rows += "茶,Tea,,,1,1\n紅茶,Tea,,,1,1\n!!!,Tea,,,1,1\n" + "h" * 63 + ",Tea,,,1,1\n" + "h" * 64 + ",Tea,,,1,1\n"
        skus = self.skus(rows)
        self.assertEqual(len(skus), 15)
        for sku in skus:
            self.assertRegex(sku, r"^[A-Z0-9]+(-[A-Z0-9]+)*$")
            self.assertLessEqual(len(sku), 64)
        self.assertIn("TEA-" + "Y" * 59, skus)

    def test_made_skus_do_not_depend_on_the_order(self):
        rows = [f"h{i},Tea,Größe {i},,1,1\n" for i in range(20)]
        forward = self.skus("".join(rows))
        self.assertEqual(sorted(forward), sorted(self.skus("".join(reversed(rows)))))
        self.assertEqual(forward[7], self.skus(rows[7])[0])

    def test_the_second_row_of_an_sku_is_refused(self):
        report, products = self.load(
            HEADER + 'a,"First\n",,A,1,1\na-b,Made,,,2,2\nb,Second,,A,3,3\n"a b",Made too,,,4,4\nc,a,,a,5,5\n')
        self.assertEqual({sku: product.price_minor for sku, product in products.items()},
                         {"A": 100, "A-B": 200, "a": 500})
        self.assertEqual(report.lines, {5: 'SKU "A" is that of line 2 already',
                                        6: 'SKU "A-B" is that of line 4 already'})

    def test_a_refused_row_does_not_hold_its_sku(self):
        report, products = self.load(HEADER + "a,One,,A,x,1\nb,Two,,A,2,1\n")
        self.assertEqual((list(report.lines), products["A"].name), ([2], "Two"))


class Values(ImportCase):
    """Prices and quantities: taken exactly, or refused."""

    def price(self, text, currency):
        _, products = self.load_new(HEADER + f'a,Tea,,A,"{text}",1\n', currency)
        return products["A"].price_minor

    def test_prices(self):
        for text, currency, minor in (("9.99", "EUR", 999), ("0", "EUR", 0), ("0.00", "EUR", 0), ("12", "EUR", 1200),
                                      ("9.9", "EUR", 990), ("9.990000", "EUR", 999), (" 9.99 ", "EUR", 999),
                                      ("007.50", "EUR", 750), ("90071992547409.91", "EUR", 2**53 - 1),
                                      ("1200", "JPY", 1200), ("1200.00", "JPY", 1200),
                                      ("1.5", "KWD", 1500), ("1.234", "KWD", 1234), ("1.2340", "KWD", 1234)):
            self.assertEqual(self.price(text, currency), minor, (text, currency))

    def test_prices_that_are_none(self):
        for text, currency in (("abc", "EUR"), ("9,99", "EUR"), ("1,000.00", "EUR"), ("9.999", "EUR"), ("-1", "EUR"),
                               ("+1", "EUR"), ("1e3", "EUR"), ("0x10", "EUR"), ("9.", "EUR"), (".5", "EUR"),
                               ("9.99.9", "EUR"), ("9.99 EUR", "EUR"), ("nan", "EUR"), ("1 000", "EUR"),
                               ("1.2345", "KWD")):
            self.assertEqual(self.reason(f'a,Tea,,A,"{text}",1', currency),
                             f'price "{text}" is not an amount of {currency}')
        self.assertEqual(self.reason("a,Tea,,A,1200.50,1", "JPY"), 'price "1200.50" is not an amount of JPY')
        self.assertEqual(self.reason("a,Tea,,A,,1"), "the price is missing")
        self.reason("a,Tea,,A,90071992547409.92,1")
        self.reason("a,Tea,,A,99999999999999999999999999,1")
        self.reason("a,Tea,,A,92233720368547758.08,1")
        self.reason("a,Tea,,A,\u0663,1")

    def test_stock(self):
        header = "Title,Variant SKU,Variant Price,Variant Inventory Tracker,Variant Inventory Policy,Variant Inventory Qty\n"
        for tracker, policy, quantity, available in (
                ("shopify", "deny", "5", 5), ("shopify", "", "5", 5), ("shopify", "DENY", "0", 0),
                ("shopify", "deny", "", None), ("", "deny", "5", None), ("shopify", "continue", "5", None),
                ("shopify", "CONTINUE", "-5", None), ("other", "false", "1000000000000", 10**12),
                ("shopify", "true", "0", None)):
            report, products = self.load_new(header + f"Tea,A,1,{tracker},{policy},{quantity}\n")
            self.assertEqual((products["A"].available, report.notes), (available, {}))
        report, products = self.load_new(header + "Tea,A,1,shopify,deny,-3\n")
        self.assertEqual((products["A"].available, report.notes), (0, {2: "the quantity is -3, taken as 0"}))
        self.assertIn('"perhaps"', self.reason("Tea,A,1,shopify,perhaps,1", header=header))

    def test_quantities_that_are_none(self):
        for text in ("x", "1.5", "+1", "1e3", "--1", "-", "0x10", "5 pieces", "1000000000001",
                     "99999999999999999999", "-99999999999999999999", "\u0663"):
            self.assertIn("is not a number of pieces", self.reason(f"a,Tea,,A,1,{text}"))


class BadRows(ImportCase):
    """A bad row is refused with its line, and nothing else changes."""

    def test_wrong_number_of_columns(self):
        for row in ("a,Tea,,A,1", "a,Tea,,A,1,1,", "a", ",", "a,Tea,,A,1,1,1,1"):
            self.assertEqual(self.reason(row),
                             f"the row has {row.count(',') + 1} columns, the header has 6")
        self.assertIn("1000 columns", self.reason("," * 1000))

    def test_texts_that_the_shop_refuses(self):
        for row in (b"a,T\xe9a,,A,1,1", b"a,Tea\xc0\x80,,A,1,1", b"a,Tea \xed\xa0\x80,,A,1,1", b"a,Te\x1ba,,A,1,1",
                    b"a,Tea,\xff,A,1,1", b"a,Tea,,\xff\xfe,1,1", b"a," + b"x" * 256 + b",,A,1,1",
                    b"a,Tea,,S" + b"K" * 64 + b",1,1", b"a," + b"x" * 2000 + b",y,A,1,1", b'a,"\xc2\xa0",,A,1,1'):
            self.reason(row)

    def test_zero_bytes_do_not_cut_a_value(self):
        for row in (b"a,Tea,,A\0B,1,1", b"a,Tea,,A,1\0.50,1", b"a,Tea,,A,1,1\0", b"\0,Tea,,A,1,1"):
            self.assertEqual(self.reason(row), "the row holds a zero byte")

    def test_rows_that_are_too_long(self):
        header = "Title,Variant SKU,Variant Price,Body (HTML)\n"
        for body, reason in ((b"x" * 65536, "65535"), (b"x" * (1 << 20), "1 MiB"),
                             (b'"' + b"Evil,GOOD-1,0,\n" * 100000 + b'"', "1 MiB")):
            content = header.encode() + b"Good,GOOD-1,1,\nTea,A,1," + body + b"\nGood,GOOD-2,2,"
            report, products = self.load_new(content + b"x" * 65535 + b"\n")
            self.assertEqual({sku: product.price_minor for sku, product in products.items()},
                             {"GOOD-1": 100, "GOOD-2": 200})
            self.assertEqual(list(report.lines), [3])
            self.assertIn(reason, report.lines[3])

    def test_quotes_that_do_not_match(self):
        for row in ('a,"Tea,,A,1,1', 'a,Te"a,,A,1,1', 'a,"Tea"s,,A,1,1', 'a,Tea,,A,1,"1', '"', '"""', 'a,Tea",,A,1,1'):
            self.assertEqual(self.reason(row), "the quotes of the row do not match")

    def test_an_open_quote_does_not_swallow_the_rest(self):
        quoted = "".join(f'h{i},"Tea, {i}",,S{i},1,1\n' for i in range(300))
        plain = "".join(f"h{i},Tea {i},,S{i},1,1\n" for i in range(300))
        for rows in (quoted, plain):
            for bad in ('bad,"Bad,,BAD,1,1\n', 'bad,Bad,,BAD,1,"1\n', '"\n'):
                report, products = self.load_new(HEADER + "a,First,,A,1,1\n" + bad + rows + "z,Last,,Z,,1\n")
                self.assertEqual(list(products), ["A"] + [f"S{i}" for i in range(300)])
                self.assertEqual(report.lines, {3: "the quotes of the row do not match",
                                                304: "the price is missing"})

    def test_a_file_that_breaks_off(self):
        """However much of the last row is missing: refused, unless nothing is missing."""
        whole = 'tea,"Tea, green",,A,12.50,100'
        for length in range(1, len(whole) + 1):
            report, products = self.load_new(HEADER + "good,Good,,G,1,1\n" + whole[:length])
            if length <= whole.rindex(","):
                self.assertEqual((list(products), list(report.lines)), (["G"], [3]), whole[:length])
            else:  # the number of pieces may be cut short, which nobody can see
                self.assertEqual(list(products), ["G", "A"])

    def test_a_report_cannot_command_a_terminal(self):
        for value in (b"\x1b[2J\x1b]0;x\x07", b"\xc2\x9b2J", b"\r\n\r\nimported 9 products", b"x" * 5000, b"%s%n%d"):
            self.write(HEADER.encode() + b'a,Tea,,A,"' + value + b'",1\n')
            done = self.run_program(self.store, self.file, "EUR")
            self.assertRegex(done.stdout, rb"\A[ -~]{1,120}\n[ -~]+\n\Z")


class Failures(ImportCase):
    """When there is nothing to read or nowhere to write."""

    def fail(self, status, *arguments, **more):
        done = self.run_program(*arguments, **more)
        self.assertEqual(done.returncode, status)
        self.assertNotEqual(done.stderr, b"")
        return done

    def test_usage(self):
        self.write(HEADER)
        self.fail(2)
        self.fail(2, self.store, self.file)
        self.fail(2, self.store, self.file, "EUR", "more")
        for currency in ("", "eur", "EU", "EURO", "XXX", "QQQ", "XAU"):
            self.fail(2, self.store, self.file, currency)
        self.assertFalse(os.path.exists(self.store))

    def test_a_file_that_cannot_be_read(self):
        self.fail(1, self.store, os.path.join(self.folder, "missing.csv"), "EUR")
        folder = self.fail(1, self.store, self.folder, "EUR")
        self.assertIn(b"directory", folder.stderr)
        self.assertFalse(os.path.exists(self.store))

    def test_a_store_that_cannot_be_opened(self):
        self.write(HEADER + "a,Tea,,A,1,1\n")
        self.assertEqual(self.fail(1, self.folder, self.file, "EUR").stdout, b"")
        self.assertEqual(self.fail(1, os.path.join(self.folder, "no", "shop.db"), self.file, "EUR").stdout, b"")
        self.assertEqual(self.fail(1, self.file, self.file, "EUR").stdout, b"")
        with open(self.file) as file:
            self.assertEqual(file.read(), HEADER + "a,Tea,,A,1,1\n")

    def test_a_report_that_cannot_be_written(self):
        self.write(HEADER)
        with open("/dev/full", "wb") as full:
            self.fail(1, self.store, self.file, "EUR", stdout=full)

    def test_a_store_that_fails_on_the_way(self):
        """What was reported as imported is there; the repetition brings the rest."""
        self.load(HEADER)
        text = "x" * 60000
        content = HEADER.replace("Handle", "Handle,Body (HTML)") + "".join(
            f"h{i},{text},Tea,,S{i},1,1\n" for i in range(60))
        self.write(content)
        limit = os.path.getsize(self.store) + 1000000

        def limit_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        # Python ignores SIGXFSZ, and so does the child: writing too much is an error, not its end.
        done = self.fail(1, self.store, self.file, "EUR", preexec_fn=limit_files, restore_signals=False)
        report, products = read_report(done.stdout.decode()), read_store(self.store)
        self.assertTrue(0 < report.imported < 60, report)
        self.assertEqual((report.refused, list(products)), (0, [f"S{i}" for i in range(report.imported)]))
        report, products = self.load(content)
        self.assertEqual((report.imported, len(products)), (60, 60))


class Progress(ImportCase):
    def test_progress_is_shown_on_a_terminal_alone(self):
        with open(CATALOGUE, "rb") as source:
            self.write(source.read())
        ours, theirs = pty.openpty()
        program = subprocess.Popen([PROGRAM, self.store, self.file, "EUR"], stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        report = program.communicate(timeout=120)[0]
        shown = b""
        while select.select([ours], [], [], 0)[0]:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the terminal's other end was closed, and all was read
                break
        os.close(ours)
        self.assertEqual(program.returncode, 0)
        self.assertRegex(shown.replace(b"\r", b"\n"), rb"\nline \d+, \d+ %")
        self.assertTrue(shown.endswith(b"\r"))  # and it is gone in the end
        self.assertNotIn(b"%", report)


class Mutations(ImportCase):
    """Files damaged at random, always in the same way."""

    PIECES = (b'"', b'""', b",", b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xe2\x80", b"\x1b[", b"-", b"9", b"'", b";",
              b"\xef\xbb\xbf", b"x" * 300, b',"', b'",', b"Default Title", b"draft")

    def setUp(self):
        super().setUp()
        with open(CATALOGUE, "rb") as source:
            self.content = source.read()
        self.good = self.load(self.content)[1]

    def damage(self, dice, content):
        at = dice.randrange(len(content) + 1)
        cut = dice.choice((0, 0, 1, 2, dice.randrange(60)))
        piece = dice.choice((b"", dice.choice(self.PIECES), dice.randbytes(dice.randrange(1, 9))))
        return content[:at] + piece + content[at + cut:]

    def check(self, content):
        """The program ends well, and what is in the store is whole: returns it."""
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(self.store + suffix):
                os.unlink(self.store + suffix)
        self.write(content)
        done = self.run_program(self.store, self.file, "EUR")
        if done.returncode == 1:  # the header was hit
            self.assertFalse(os.path.exists(self.store), done.stderr)
            return None
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        report, products = read_report(done.stdout.decode()), read_store(self.store)
        self.assertEqual(report.imported, len(products))
        lines = len(re.findall(rb"\r\n|\r|\n", content)) + 1
        self.assertTrue(all(1 < line <= lines for line in report.lines))
        for product in products.values():
            self.assertTrue(0 < len(product.sku.encode()) <= 64 and 0 < len(product.name.encode()) <= 255)
            self.assertTrue(product.price_minor >= 0 and product.currency == "EUR" and product.state == 1)
        return products

    def records(self):
        """The rows of the catalogue as bytes, each with its handle."""
        lines = self.content.splitlines(keepends=True)
        reader = csv.reader(io.StringIO(self.content.decode(), newline=""))
        at = 0
        for fields in reader:
            yield fields[0], b"".join(lines[at:reader.line_num])
            at = reader.line_num

    def test_a_damaged_row_costs_its_own_product_alone(self):
        records = list(self.records())
        self.assertEqual(b"".join(record for _, record in records), self.content)
        owner, handles = {}, {handle for handle, _ in records[1:]}
        for handle in handles:
            only = b"".join(record for other, record in records if other in ("Handle", handle))
            owner |= dict.fromkeys(self.load_new(only)[1], handle)
        self.assertEqual(set(owner), set(self.good))
        dice = random.Random(20261122)
        for _ in range(300):
            hit = dice.randrange(1, len(records))
            handle, record = records[hit]
            for _ in range(dice.randrange(1, 4)):
                record = self.damage(dice, record[:-1]) + b"\n"
            content = b"".join(old for _, old in records[:hit]) + record + b"".join(old for _, old in records[hit + 1:])
            products = self.check(content)
            for sku, product in self.good.items():
                if owner[sku] != handle:
                    self.assertEqual(products.get(sku), product, record)

    def test_a_file_full_of_damage_does_no_harm(self):
        dice = random.Random(20261123)
        for _ in range(300):
            content = self.content
            for _ in range(dice.choice((1, 2, 5, 30))):
                content = self.damage(dice, content)
            if dice.randrange(4) == 0:
                content = content[:dice.randrange(len(content))]
            self.check(content)

    def test_noise_does_no_harm(self):
        dice = random.Random(20261124)
        alphabet = [b'"', b",", b"\n", b"\r", b" ", b"a", b"1", b"A", b"\xc3\xbc", b"\xff", b"\0"]
        for _ in range(200):
            noise = b"".join(dice.choices(alphabet, k=dice.randrange(400)))
            self.check(dice.choice((b"", HEADER.encode())) + noise)


if __name__ == "__main__":
    unittest.main()

"""How SQLite finds the rows of every statement in lib/rows, on a database that
was never analyzed: none walks through a table that grows, but those named here.

    test_plans.py CC
"""
import re
import shlex
import sqlite3
import subprocess
import sys
import unittest

import house

ROWS = house.LIB / "rows"
SCHEMA = sorted((ROWS / "schema" / "sqlite").glob("*.sql"))

# Tables of few rows, or of as many as a setting says.
SMALL = {"shop", "signing_keys", "peppers", "guesses"}

# Indices over what is open, waits, or is for a person: few rows among all.
FEW = {"carts_held", "operations_open", "outbox_due", "outbox_since", "outbox_dead",
       "payments_attention"}

# Statements that walk all the same, and why they may.
WALKS = {
    "audit_rows.PRODUCTS_EACH": "the audit reads everything",
    "audit_rows.RESERVATIONS_EACH": "the audit",
    "audit_rows.HELD_PIECES_EACH": "the audit",
    "audit_rows.ORDERS_EACH": "the audit",
    "audit_rows.LOST_CARTS_EACH": "the audit",
    "audit_rows.SHARED_REFERENCES_EACH": "the audit",
    "audit_rows.GUEST_ORDERS_EACH": "the audit",
    "outbox.COUNT_SENT": "shop_mail_stats counts what was sent and is kept still",
    "tokens.LAST_EXPIRY": "the first entry of an index",
    "registrations.OLDEST_SLOT": "the first entry of an index",
    "registrations.LAST_SLOT": "the last entry of the table",
    "peppers.USER_WITH_PEPPER": "a pepper that was not given, when the shop is opened",
}

# What must be found by just this index, and comes out of it in order.
BY = {
    "outbox.OUTBOX_NEXT_DUE": "outbox_due",
    "outbox.OUTBOX_FIRST_DUE": "outbox_due",
    "outbox.OUTBOX_NEXT_AHEAD": "outbox_since",
    "outbox.OUTBOX_LATEST_SINCE": "outbox_since",
    "outbox.OUTBOX_EACH_DEAD": "outbox_dead",
    "outbox.FORGET_SENT": "outbox_sent",
    "outbox.DELETE_SENT": "outbox_sent",
    "outbox.FORGET_DEAD": "outbox_dead",
    "outbox.DELETE_DEAD": "outbox_dead",
    "payments.OPERATION_NEXT_DUE": "operations_open",
    "carts.CART_LIVING": "carts_living",
    "guests.GUEST_NEXT_LEFT": "users_guests",
    "carts.CART_HOLD_OVER": "carts_held",
    "prune.EXPIRE_CARTS": "carts_open",
    "orders.ORDERS_NOT_PLACED": "orders_open",
    "erase.ERASING_NEXT": "users_erasing",
    "erase.CLOSED_NEXT": "users_closed",
    "export.MAILS": "outbox_user",
    "reports.REPORTS_UNMATCHED": "reports_unmatched",
}

STATEMENT = re.compile(r'static const char (\w+)\[\]\s*=\s*((?:"(?:[^"\\]|\\.)*"\s*)+);')
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
STEP = re.compile(r"(SCAN|SEARCH) (\w+)(?: USING (?:COVERING )?INDEX (\w+))?(?:.*?\((.*)\))?")


class AnyValue(dict):
    """Whatever is bound: the plan does not depend on it."""

    def __missing__(self, name):
        return None


def statements(compiler):
    """Each statement as the compiler sees it, macros and all: "file.NAME" -> SQL."""
    found = {}
    includes = [f"-I{house.LIB / room}" for room in ("rows", "db", "base")]
    for path in sorted(ROWS.glob("*.c")):
        text = subprocess.run([*compiler, "-E", "-P", *includes, f"-I{house.INCLUDE}", str(path)],
                              check=True, capture_output=True, text=True).stdout
        for match in STATEMENT.finditer(text):
            found[f"{path.stem}.{match[1]}"] = "".join(LITERAL.findall(match[2]))
    return found


class Plans(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sql = statements(shlex.split(sys.argv[1]) if len(sys.argv) > 1 else ["cc"])
        cls.db = sqlite3.connect(":memory:")
        for path in SCHEMA:
            cls.db.executescript(path.read_text("utf-8"))

    @classmethod
    def tearDownClass(cls):
        cls.db.close()

    def plan(self, sql):
        """The steps as (SCAN or SEARCH, table or alias, index or None, terms or None)."""
        rows = self.db.execute("EXPLAIN QUERY PLAN " + sql, AnyValue()).fetchall()
        return rows, [STEP.match(row[3]).groups() for row in rows if STEP.match(row[3])]

    def tables(self, sql):
        """Aliases and names of tables, each to its table."""
        names = {}
        for table, alias in re.findall(
                r"\b(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)(?:\s+(?:AS\s+)?(?!(?:WHERE|SET|ON|JOIN|LEFT"
                r"|ORDER|LIMIT|UNION|VALUES|SELECT)\b)(\w+))?", sql):
            names[table] = table
            names[alias or table] = table
        return names

    def test_every_statement_is_known(self):
        """The statements are found, all of them: each text that begins like one."""
        self.assertGreater(len(self.sql), 150)
        for path in sorted(ROWS.glob("*.c")):
            text = house.without_comments(path.read_text("utf-8"))
            begun = len(re.findall(r'static const char \w+\[\]', text))
            named = [name for name in self.sql if name.startswith(f"{path.stem}.")]
            self.assertEqual(len(named), begun, path.name)
        for name in [*WALKS, *BY]:
            self.assertIn(name, self.sql, "named here, and not there any more")

    def test_none_walks_through_what_grows(self):
        walked = set()
        for name, sql in self.sql.items():
            tables = self.tables(sql)
            for kind, alias, index, _ in self.plan(sql)[1]:
                table = tables.get(alias, alias)
                if kind == "SEARCH" or table in SMALL or index in FEW:
                    continue
                walked.add(name)
                self.assertIn(name, WALKS, f"{name} walks through {table}")
        self.assertEqual(walked, set(WALKS), "named here, and finds its rows")

    def test_none_searches_for_nothing(self):
        """`x IS NULL` by an index of x finds every row without one: all mail of accounts."""
        for name, sql in self.sql.items():
            nulls = set(re.findall(r"\b(?:\w+\.)?(\w+) IS NULL", sql))
            for kind, alias, index, terms in self.plan(sql)[1]:
                first = re.match(r"(\w+)=\?", terms or "")
                self.assertFalse(kind == "SEARCH" and first and first[1] in nulls,
                                 f"{name} searches {alias} for {terms} IS NULL")

    def test_each_has_its_index(self):
        for name, sql in self.sql.items():
            if name not in BY:
                continue
            rows, steps = self.plan(sql)
            self.assertIn(BY[name], [index for _, _, index, _ in steps], f"{name}: {rows}")
            self.assertFalse([row for row in rows if "ORDER BY" in row[3]],
                             f"{name} sorts: {rows}")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)

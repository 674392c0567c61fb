"""The export of a user read by another implementation of JSON (RFC 8259), and held
against docs/export.schema.json, which knows every member: one that is not described
fails, and so does one that is described and never told.

test_export_python.py PRINT_EXPORT SCHEMA. Exit status 77: jsonschema is not installed."""
import email
import email.policy
import json
import subprocess
import sys
import unittest

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)


def no_duplicates(pairs):
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), names
    return dict(pairs)


def not_json(text):
    raise AssertionError(text)  # NaN and the like, which Python takes


def told(value, path=""):
    """Every member that stands somewhere, as a path, where its value is not null or empty."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if inner not in (None, [], ""):
                yield f"{path}.{name}"
            yield from told(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from told(inner, path)


def described(schema, root, path=""):
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    for inner in schema.get("oneOf", []):
        yield from described(inner, root, path)
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}.{name}"
        yield from described(inner, root, f"{path}.{name}")
    if "items" in schema:
        yield from described(schema["items"], root, path)


class Export(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bytes = subprocess.run([sys.argv[1]], check=True, stdout=subprocess.PIPE).stdout
        cls.export = json.loads(cls.bytes.decode("utf-8"), object_pairs_hook=no_duplicates,
                                parse_constant=not_json, parse_float=not_json)
        with open(sys.argv[2], encoding="utf-8") as file:
            cls.schema = json.load(file)

    def test_is_as_described(self):
        jsonschema.Draft202012Validator.check_schema(self.schema)
        jsonschema.Draft202012Validator(self.schema).validate(self.export)

    def test_every_object_is_closed(self):
        """So that test_is_as_described finds a member that nobody has described."""
        def look(schema):
            if isinstance(schema, dict):
                if schema.get("type") == "object":
                    self.assertIs(schema["additionalProperties"], False)
                    self.assertEqual(set(schema["required"]), set(schema["properties"]))
                for inner in schema.values():
                    look(inner)
            elif isinstance(schema, list):
                for inner in schema:
                    look(inner)
        look(self.schema)

    def test_everything_described_is_told(self):
        """Of a person of whom there is something in every table."""
        # What only another life can have: the account's end, a session that was revoked.
        rare = {".account.guest_at_ms", ".account.verified_at_ms", ".account.disabled_at_ms",
                ".account.closed_at_ms", ".account.erasing_at_ms", ".account.erased_at_ms",
                ".sessions.last_used_at_ms", ".sessions.revoked_at_ms", ".codes.used_at_ms",
                ".orders.payment.attention", ".orders.reports.key", ".orders.reports.currency", ".mails.operation_id",
                ".mails.reason", ".events.before", ".events.after", ".events.detail"}
        # Hers is for an address that is not hers yet: its mail could tell whose it is.
        rare |= {path for path in described(self.schema, self.schema)
                 if path.startswith(".registrations.mails")}
        missing = set(described(self.schema, self.schema)) - set(told(self.export))
        self.assertLessEqual(missing, rare)

    def test_texts_arrive(self):
        account, order = self.export["account"], self.export["orders"][0]
        self.assertEqual(account["email"], "Ada.Lovelace@Example.org")
        self.assertEqual(account["note"], "Byron's daughter \u2615")
        self.assertEqual(order["shipping_address"],
                         'Ada "Countess"\n12 Analytical Street\nLondon \\ England')
        self.assertEqual(order["total_minor"],
                         sum(line["total_minor"] for line in order["lines"]) +
                         sum(one["amount_minor"] for one in order["adjustments"]))

    def test_mails_are_whole(self):
        """A mail that is told can be read; one with a code is not told."""
        seen = 0
        for mail in self.export["mails"] + [mail for order in self.export["orders"]
                                            for mail in order["mails"]]:
            if mail["kind"] in ("verify_address", "password_reset", "unlock"):
                self.assertIsNone(mail["message"])
            elif mail["message"] is not None:
                message = email.message_from_string(mail["message"], policy=email.policy.default)
                self.assertEqual(message["To"], mail["recipient"])
                self.assertFalse(message.defects)
                seen += 1
        self.assertGreater(seen, 1)

    def test_nothing_of_the_neighbour(self):
        self.assertNotIn(b"neighbour", self.bytes)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

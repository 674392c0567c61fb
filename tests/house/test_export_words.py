"""The words of an export stand for the values of enums: a value that is new has a word in
lib/flow/export.c, and a word in docs/export.schema.json."""
import json
import re
import unittest

import house

# The list of words, the enum, and how its members begin.
LISTS = {
    "actors": ("shop_actor", "SHOP_ACTOR_"),
    "adjustment_kinds": ("shop_adjustment_kind", "SHOP_ADJUSTMENT_"),
    "cart_states": ("shop_cart_state", "SHOP_CART_"),
    "code_kinds": ("shop_link", "SHOP_LINK_"),
    "mail_states": ("shop_mail_state", "SHOP_MAIL_"),
    "operation_kinds": ("shop_operation_kind", "SHOP_OPERATION_"),
    "operation_states": ("shop_operation_state", "SHOP_OPERATION_"),
    "order_states": ("shop_order_status", "SHOP_ORDER_"),
    "outcomes": ("shop_gateway_outcome", "SHOP_OUTCOME_"),
    "payment_states": ("shop_payment_status", "SHOP_PAYMENT_"),
    "piece_states": ("shop__reservation_state", "SHOP__RESERVATION_"),
    "refresh_states": ("shop__refresh_state", "SHOP__REFRESH_"),
}
# What the export calls otherwise than the enum does.
RENAMED = {"code_kinds": {"verify": "verify_address", "reset": "password_reset",
                          "email": "new_address"}}


def members(enum):
    """Member -> value, of an enum in a header."""
    for path in [*house.public_headers(), *house.LIB.rglob("*.h")]:
        text = house.without_comments(path.read_text("utf-8"))
        body = re.search(r"\benum %s \{(.*?)\}" % enum, text, re.S)
        if body:
            return {name: int(value)
                    for name, value in re.findall(r"(\w+)\s*=\s*(\d+)", body.group(1))}
    raise KeyError(enum)


class Words(unittest.TestCase):
    def setUp(self):
        self.source = (house.LIB / "flow/export.c").read_text("utf-8")

    def words(self, name):
        body = re.search(r"\b%s\[\] = \{(.*?)\}" % name, self.source, re.S).group(1)
        return [one.strip().strip('"') for one in body.split(",")]

    def test_every_list_is_known(self):
        self.assertEqual(set(re.findall(r"const char \*const (\w+)\[\] =", self.source)),
                         set(LISTS))

    def test_every_value_has_its_word(self):
        for name, (enum, prefix) in LISTS.items():
            found = self.words(name)
            values = {value: member for member, value in members(enum).items() if value > 0}
            self.assertEqual(sorted(values), list(range(1, len(found))), f"{name}, {enum}")
            for value, member in values.items():
                word = member.removeprefix(prefix).lower()
                self.assertEqual(found[value], RENAMED.get(name, {}).get(word, word), member)

    def test_every_word_is_described(self):
        described = set()

        def look(schema):
            if isinstance(schema, dict):
                described.add(tuple(schema.get("enum", ())))
                for inner in schema.values():
                    look(inner)
            elif isinstance(schema, list):
                for inner in schema:
                    look(inner)
        look(json.loads((house.TOP / "docs/export.schema.json").read_text("utf-8")))
        kinds = [member.removeprefix("SHOP_MAIL_").lower()
                 for member in members("shop_mail_kind")]
        for words in [self.words(name)[1:] for name in LISTS] + [kinds]:
            self.assertIn((*words, "other"), described)


if __name__ == "__main__":
    unittest.main()

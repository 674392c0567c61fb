"""The shape of the contract: what a binding in any language can call."""
import re
import unittest

import house

# What may be passed by value. Everything else goes by pointer.
VALUES = {"int32_t", "int64_t", "size_t", "bool", "shop_gateway_fn", "shop_mail_fn", "shop_smtp_io_fn",
          "shop_password_fn", "shop_progress_fn"}
POINTED = re.compile(r"(?:const )?(?:char|void|int32_t|int64_t|shop_\w+_t|shop_t) ?(?:\*|\*\*)")
CALLBACK = re.compile(r"(void|int32_t|int64_t) \(\*\w+\)\((.*)\)")
NAMED = re.compile(r"^(.*?)(\w+)$")


def bare(path):
    return house.without_comments(path.read_text("utf-8"))


def type_is_plain(text):
    text = " ".join(text.replace("*", " *").split()).replace("* *", "**")
    return text in VALUES or POINTED.fullmatch(text) is not None


class Contract(unittest.TestCase):
    def setUp(self):
        self.declarations = house.declarations()

    def test_every_function_is_found(self):
        """The parser of these tests misses no SHOP_API."""
        marks = sum(len(re.findall(r"^\s*SHOP_API\b", bare(path), re.M))
                    for path in house.public_headers())
        self.assertEqual(len(self.declarations), marks)
        names = [declaration.name for declaration in self.declarations]
        self.assertEqual(len(names), len(set(names)), "declared twice")

    def test_names(self):
        for declaration in self.declarations:
            self.assertRegex(declaration.name, r"^shop_[a-z0-9]+(_[a-z0-9]+)*$", str(declaration))

    def test_since(self):
        """Every function says what it does and since when."""
        for declaration in self.declarations:
            self.assertRegex(declaration.comment, r"^/\*\*", str(declaration))
            self.assertRegex(declaration.comment, r"@since \d+\.\d+\.\d+\b", str(declaration))

    def test_types(self):
        """No struct by value, no variadic, no int whose size depends."""
        for declaration in self.declarations:
            self.assertTrue(declaration.returns == "void" or type_is_plain(declaration.returns),
                            f"{declaration} returns {declaration.returns}")
            for parameter in declaration.parameters:
                if parameter != "void":
                    self.check_parameter(declaration, parameter)

    def check_parameter(self, declaration, parameter):
        callback = CALLBACK.fullmatch(parameter)
        inner = house.split_parameters(callback.group(2)) if callback else [parameter]
        for one in inner:
            kind = NAMED.match(one).group(1)
            self.assertTrue(type_is_plain(kind), f"{declaration}: {one}")

    def test_callbacks_take_user(self):
        """Who sets a callback can give it a pointer of its own; only outputs follow."""
        for declaration in self.declarations:
            for at, parameter in enumerate(declaration.parameters):
                if CALLBACK.fullmatch(parameter) or re.match(r"shop_\w+_fn ", parameter):
                    self.assertEqual(declaration.parameters[at + 1], "void *user",
                                     str(declaration))
                    for after in declaration.parameters[at + 2:]:
                        self.assertRegex(after, r"\*\*out$|^shop_error_t \*err$",
                                         str(declaration))

    def test_order_of_parameters(self):
        """shop, token, what, inputs, options, outputs, err."""
        for declaration in self.declarations:
            places = [self.place(parameter) for parameter in declaration.parameters]
            known = [place for place in places if place is not None]
            self.assertEqual(known, sorted(known), str(declaration))

    @staticmethod
    def place(parameter):
        for place, pattern in enumerate((r"shop_t \*shop", r"const shop_token_t \*token",
                                         r"const shop_options_t \*options",
                                         r"shop_\w+_t \*\*out", r"shop_error_t \*err")):
            if re.fullmatch(pattern, parameter):
                return place
        return None

    def test_every_call_is_tried(self):
        """What takes an open shop is in the table that tries the rules of all calls
        (NULL, closed, forked, newer, busy, no memory) on each; but for
        `shop_close`, whose rules are its own."""
        table = (house.TOP / "tests" / "contract" / "every_call.c").read_text("utf-8")
        tried = set(re.findall(r'^    \{"(shop_\w+)",', table, re.M))
        takers = {declaration.name for declaration in self.declarations
                  if any(re.fullmatch(r"(const )?shop_t \*\w+", parameter)
                         for parameter in declaration.parameters)}
        self.assertEqual(sorted(takers - tried - {"shop_close"}), [])

    def test_nothing_but_opaque_types(self):
        """No struct has a body, no variable is exported, no union, no bit field."""
        for path in house.public_headers():
            text = bare(path)
            self.assertIsNone(re.search(r"\bstruct\s+\w*\s*\{|\bunion\b", text), path)
            self.assertIsNone(re.search(r"\bextern\b(?!\s*\"C\")", text), path)
            self.assertNotIn("...", text, path)
            self.assertNotIn("inline", text, path)

    def test_no_macro_is_needed(self):
        """A macro is a guard, the export mark, or has a function that says the
        same."""
        names = {declaration.name for declaration in self.declarations}
        for path in house.public_headers():
            guard = "SHOP_H" if path.name == "shop.h" else f"SHOP_{path.stem.upper()}_H"
            for name, rest in re.findall(r"^#define (\w+)(.*)$", bare(path), re.M):
                self.assertFalse(rest.startswith("("), f"{path}: {name} takes arguments")
                if name not in (guard, "SHOP_API"):
                    self.assertIn(name.lower(), names, f"{path}: {name} has no function")

    def test_enums_name_values_only(self):
        """Every value is written out and unique in its enum; no signature uses
        an enum."""
        for path in house.public_headers():
            for name, body in re.findall(r"\benum (\w+) \{(.*?)\}", bare(path), re.S):
                members = [member.split("=") for member in body.split(",") if member.strip()]
                values = [int(value) for _, value in members]
                self.assertEqual(len(values), len(set(values)), name)
                for member, _ in members:
                    self.assertRegex(member.strip(), r"^SHOP_[A-Z0-9_]+$")
        for declaration in self.declarations:
            self.assertNotIn("enum", declaration.returns + " ".join(declaration.parameters))

    def test_what_is_given_can_be_freed(self):
        """For every type that some function gives there is a _free, but for the
        shop itself, which is closed."""
        names = {declaration.name for declaration in self.declarations}
        for declaration in self.declarations:
            for kind in re.findall(r"(shop\w*)_t \*\*", ",".join(declaration.parameters)):
                ending = "shop_close" if kind == "shop" else f"{kind}_free"
                self.assertIn(ending, names, str(declaration))

    def test_comments_name_what_exists(self):
        """A status, type or function named in a comment is one."""
        text = "\n".join(path.read_text("utf-8") for path in house.public_headers())
        code = "\n".join(bare(path) for path in house.public_headers())
        named = set(re.findall(r"\bSHOP_[A-Z_]*[A-Z]\b|(?<=`)shop_\w*[a-z0-9](?=`)", text))
        # A name that stands for any type, and the name of a number without one.
        named -= {"shop_type_free", "SHOP_ERR_UNNAMED"}
        self.assertEqual(sorted(named - set(re.findall(r"\b(?:shop|SHOP)_\w+", code))), [])


if __name__ == "__main__":
    unittest.main()

"""docs/SECURITY.md claims only what a test shows: every test that it names is there."""
import re
import unittest

import house


def claims(text):
    """(file, test) of every "file:test", and of the bare names that follow it after a comma."""
    for part in re.findall(r"(?:secret/)?test_\w+:\w+(?:, \w+(?=[,;.|)\s]))*", text):
        file, names = part.split(":", 1)
        folder = house.TOP / "tests" / ("secret" if file.startswith("secret/") else "contract")
        for name in names.split(", "):
            yield folder / (file.removeprefix("secret/") + ".c"), name


class Security(unittest.TestCase):
    def test_every_claim_has_its_test(self):
        found = list(claims((house.TOP / "docs" / "SECURITY.md").read_text("utf-8")))
        self.assertGreater(len(found), 50)
        for path, name in found:
            if name.startswith("test_"):  # the next file of a list
                continue
            self.assertTrue(path.exists(), path)
            self.assertIn(f"START_TEST({name})", path.read_text("utf-8"), path)


if __name__ == "__main__":
    unittest.main()

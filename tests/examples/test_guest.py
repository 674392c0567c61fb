"""The guest's checkout, as a program: the first run registers, the second logs in, and both buy.

test_guest.py GUEST_CHECKOUT
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest


class GuestCheckout(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="libshop-guest-")
        self.addCleanup(folder.cleanup)
        self.store = pathlib.Path(folder.name) / "a.shop"

    def run_it(self, password="correct horse battery staple", email="ada@example.org"):
        return subprocess.run([PROGRAM, self.store, email, password], text=True, timeout=60,
                              capture_output=True, check=False)

    def test_registers_then_logs_in(self):
        """One user buys twice; each time a guest came first, who could not."""
        users = []
        for step in ("register", "login"):
            done = self.run_it()
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            lines = done.stdout.splitlines()
            self.assertEqual([line.split(":")[0] for line in lines],
                             ["guest", "purchase", step, "purchase"])
            self.assertIn("SHOP_ERR_GUEST", lines[1])
            self.assertRegex(lines[3], r"order \w{12} of 1998 cents placed for ada@example.org")
            users.append(re.search(r"user (\d+)", lines[2])[1])
        self.assertEqual(users[0], users[1])

    def test_a_wrong_password(self):
        """It ends there, and tells why."""
        self.assertEqual(self.run_it().returncode, 0)
        done = self.run_it(password="another one, and wrong")
        self.assertEqual(done.returncode, 1)
        self.assertIn("SHOP_ERR_CREDENTIALS", done.stderr)

    def test_usage(self):
        """Without its arguments it says what they are."""
        done = subprocess.run([PROGRAM], text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("usage", done.stderr)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()

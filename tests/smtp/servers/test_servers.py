"""Mail of real purchases, through libshop and libshop-smtp, to real servers:
Exim and Postfix. What they put into a maildir is read by Python's email
package, strictly, and compared with what was ordered and with what was sent.

test_servers.py BUY PACKAGES [rounds=N] [unittest's arguments]
"""
import email
import email.policy
import html
import os
import pathlib
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.fspath(pathlib.Path(__file__).resolve().parents[1]))
from hostile import Certificates  # noqa: E402
from mail_servers import LOGIN, PASSWORD, Exim, Postfix  # noqa: E402

NAMES = {
    "latin": ["Th\u00e9 vert", "\u0141\u00f3d\u017a \u00df \u00de\u00f0", "na\u00efve <b>&amp;</b> \"q\" 'a'"],
    "greek": ["\u03a4\u03c3\u03ac\u03b9 \u03b2\u03bf\u03c5\u03bd\u03bf\u03cd"],
    "arabic": ["\u0634\u0627\u064a \u0623\u062e\u0636\u0631", "\u0634\u0627\u064a 123 abc"],
    "cjk": ["\u7dd1\u8336", "\u314e\u314f\u3134\uae00 \ub179\ucc28", "\u4e2d\u6587" * 40],
    "emoji": ["\U0001f375 tea", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1ea\U0001f1fa"],
    "dots": [".", "..", ".hidden", "From me", "--boundary", "=3D=", "a" * 255],
}
ADDRESS = "Ada Lovelace\n12 St James's Square\n.\nLondon"
# How a server marks what passes through it: the lines that it puts before the message.
TRACE = re.compile(rb"\A(?:(?:Return-path|Envelope-to|Delivery-date|Delivered-To|X-Original-To|Received)"
                   rb":[^\n]*\n(?:[ \t][^\n]*\n)*)+", re.I)


def run(*command, **more):
    done = subprocess.run([BUY, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=300, check=False, **more)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return done.stdout.decode().splitlines()


def place(store, orders):
    """[(address, shipping address, names)] -> what became of each."""
    lines = [" ".join(text.encode().hex() for text in (who, shipping, *names))
             for who, shipping, names in orders]
    return run("place", store, input=("\n".join(lines) + "\n").encode())


class Servers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="mail-")
        cls.addClassCleanup(holder.cleanup)
        cls.top = pathlib.Path(holder.name)
        cls.certificates = Certificates(holder.name)

    def start(self, kind):
        server = kind(PACKAGES, tempfile.mkdtemp(dir=self.top) + "/run", self.certificates)
        server.start()
        self.addCleanup(server.stop)
        return server

    def store(self):
        return tempfile.mkdtemp(dir=self.top) + "/a.shop"

    def arguments(self, server, security="starttls", **more):
        port = server.tls_port if security == "tls" else server.port
        options = {"port": port, "security": security, "name": "mail.test", "login": LOGIN,
                   "ca": self.certificates.path("ca.pem"), **more}
        return [f"{name}={value}" for name, value in options.items()]

    def deliver(self, store, server, password=PASSWORD, **more):
        environment = {**os.environ, "SMTP_PASSWORD": password}
        return run("deliver", store, *self.arguments(server, **more), env=environment)

    @staticmethod
    def stored(store):
        """The messages as they stand in the outbox, by Message-ID."""
        connection = sqlite3.connect(store)
        rows = [bytes(row[0]) if isinstance(row[0], bytes) else row[0].encode() for row in
                connection.execute("SELECT message FROM outbox WHERE length(message) > 0 ORDER BY id")]
        connection.close()
        return {email.message_from_bytes(row)["message-id"]: row for row in rows}

    def read(self, mail, stored):
        """Parsed; strictly, which raises at each defect; and the same bytes as were sent."""
        message = email.message_from_bytes(mail, policy=email.policy.strict)
        for part in message.walk():
            self.assertEqual(part.defects, [])
            for name, value in part.items():
                self.assertEqual(value.defects, (), name)
        bare = TRACE.sub(b"", mail).replace(b"\r\n", b"\n")
        self.assertEqual(bare, stored[message["message-id"]].replace(b"\r\n", b"\n"))
        return message

    def check(self, message, who, number, shipping, names):
        self.assertEqual([address.addr_spec for address in message["to"].addresses], [who])
        self.assertEqual(message["from"].addresses[0].addr_spec, "orders@shop.example")
        self.assertEqual(message["from"].addresses[0].display_name, "T\u00e9 & Co")
        self.assertIn(number, message["subject"])
        plain = message.get_body(("plain",)).get_content()
        rich = message.get_body(("html",))
        texts = [plain] if rich is None else [plain, html.unescape(rich.get_content())]
        for text in texts:
            for name in names:
                self.assertIn(name, text)
            self.assertIn(number, text)
            self.assertRegex(text, r"25[.,]00")
            for line in shipping.splitlines():
                self.assertIn(line, text)

    def every_script(self, kind, **more):
        server, store = self.start(kind), self.store()
        orders = [(f"{name}@example.net", ADDRESS, names) for name, names in NAMES.items()]
        placed = place(store, orders)
        self.assertEqual([line.split()[0] for line in placed], ["placed"] * len(orders))
        numbers = {who: line.split()[1] for (who, _, _), line in zip(orders, placed)}
        self.assertRegex(self.deliver(store, server, **more)[0], f"^delivered {len(orders)} ")
        stored, seen = self.stored(store), set()
        for mail in server.mails(len(orders)):
            message = self.read(mail, stored)
            who = message["to"].addresses[0].addr_spec
            seen.add(who)
            self.check(message, who, numbers[who], ADDRESS, NAMES[who.split("@")[0]])
        self.assertEqual(seen, set(numbers))
        self.assertRegex(self.deliver(store, server)[0], "^delivered 0 ")

    def test_exim_starttls(self):
        self.every_script(Exim)

    def test_exim_implicit(self):
        self.every_script(Exim, security="tls")

    def test_postfix_starttls(self):
        self.every_script(Postfix)

    def test_postfix_implicit(self):
        self.every_script(Postfix, security="tls")

    def test_control_characters(self):
        """Each of ASCII's, where a name and where an address may be: refused when it is ordered,
        or it arrives in a mail without a defect."""
        server, store = self.start(Postfix), self.store()
        orders = []
        for code in [*range(1, 32), 127]:
            orders.append((f"name{code}@example.net", ADDRESS, [f"a{chr(code)}b"]))
            orders.append((f"address{code}@example.net", f"x{chr(code)}y", ["tea"]))
        placed = place(store, orders)
        good = {who: shipping for (who, shipping, _), line in zip(orders, placed)
                if line.startswith("placed")}
        self.assertEqual(sorted(good), [f"address{code}@example.net" for code in (10, 13, 9)])
        self.assertEqual({line for line in placed if not line.startswith("placed")},
                         {"refused SHOP_ERR_TEXT"})
        self.assertRegex(self.deliver(store, server)[0], "^delivered 3 ")
        stored = self.stored(store)
        for mail in server.mails(3):
            message = self.read(mail, stored)
            plain = message.get_body(("plain",)).get_content()
            self.assertRegex(plain, r"x\s+y")

    def test_international_address(self):
        """A local part beyond ASCII needs SMTPUTF8 on the whole way, and both have it."""
        for kind in (Exim, Postfix):
            with self.subTest(kind.name):
                server, store = self.start(kind), self.store()
                self.assertRegex(place(store, [("j\u00f6rg@example.net", ADDRESS, ["tea"])])[0],
                                 "^placed ")
                self.assertRegex(self.deliver(store, server)[0], "^delivered 1 ")
                mail = server.mails(1)[0]
                message = email.message_from_bytes(mail, policy=email.policy.SMTPUTF8)
                self.assertIn("j\u00f6rg@example.net", str(message["to"]))

    def test_wrong_password(self):
        """Nothing is delivered and nothing is lost: with the right one it goes out later."""
        for kind in (Exim, Postfix):
            with self.subTest(kind.name):
                server, store = self.start(kind), self.store()
                place(store, [("ada@example.net", ADDRESS, ["tea"])])
                self.assertRegex(self.deliver(store, server, password="wrong")[0], "^delivered 0 ")
                self.assertRegex(self.deliver(store, server, clock=3600000)[0], "^delivered 1 ")
                self.assertEqual(len(server.mails(1)), 1)

    def kill(self, kind, rounds):
        """The deliverer dies at any moment, again and again. Each mail arrives; twice only what was
        under way at a kill, one mail each, and then the same."""
        server, store, count = self.start(kind), self.store(), rounds * 30
        placed = place(store, [(f"u{i}@example.net", ADDRESS, ["tea"]) for i in range(count)])
        dice = random.Random(20261122)
        environment = {**os.environ, "SMTP_PASSWORD": PASSWORD}
        killed = 0
        for i in range(rounds):
            # The lease of who was killed is over by the next round's clock.
            command = [BUY, "deliver", store, *self.arguments(server, clock=i * 3600000)]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
            try:
                process.wait(dice.uniform(0.05, 0.35))
            except subprocess.TimeoutExpired:
                process.kill()
                killed += 1
            process.wait()
        last = self.deliver(store, server, clock=rounds * 3600000)
        stored = self.stored(store)
        seen = {}
        for mail in server.mails(count):
            message = self.read(mail, stored)  # the bytes of both copies are those of the store
            seen[message["message-id"]] = seen.get(message["message-id"], 0) + 1
        self.assertEqual(set(seen), set(stored))
        self.assertEqual(len(seen), count)
        twice = sum(times - 1 for times in seen.values())
        self.assertLessEqual(twice, killed)
        self.assertGreater(killed, 0)
        self.assertTrue(all(line.startswith("placed") for line in placed))
        print(f"{kind.name}: killed {killed} times, {twice} of {count} mails twice; {last[0]}",
              file=sys.stderr)

    def test_killed(self):
        for kind in (Postfix, Exim) if ROUNDS > 10 else (Postfix,):
            self.kill(kind, ROUNDS)


if __name__ == "__main__":
    BUY, PACKAGES = map(os.path.abspath, sys.argv[1:3])
    rest = sys.argv[3:]
    ROUNDS = 10
    if rest and rest[0].startswith("rounds="):
        ROUNDS = int(rest.pop(0)[7:])
    unittest.main(argv=[sys.argv[0], *rest])

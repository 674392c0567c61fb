"""The examples that deliver mail: examples/send_smtp against servers of all
kinds, examples/maildir_transport into a maildir.

test_mail_transports.py SEND_SMTP MAILDIR_TRANSPORT BUY
"""
import email
import email.policy
import mailbox
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.fspath(pathlib.Path(__file__).resolve().parents[1] / "smtp"))
from hostile import Certificates, Good, Server  # noqa: E402


def run(*command, **more):
    return subprocess.run([str(part) for part in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120, check=False, **more)


class Case(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="transport-")
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        self.store = self.folder / "a.shop"


class Smtp(Case):
    def setUp(self):
        super().setUp()
        self.certificates = Certificates(self.folder)

    def send(self, behaviour, password="secret", ca="ca.pem", name="mail.test"):
        server = Server(behaviour)
        environment = dict(os.environ)
        environment.pop("SMTP_PASSWORD", None)
        if password is not None:
            environment["SMTP_PASSWORD"] = password
        try:
            done = run(SEND_SMTP, self.store, "127.0.0.1", server.port, "shop", "orders@shop.example",
                       "ada@example.net", self.folder / ca, name, env=environment)
        finally:
            server.stop()
        return done.returncode, done.stdout.decode(), server.mails

    def test_delivered(self):
        status, told, mails = self.send(Good(tls=self.certificates.context()))
        self.assertEqual((status, len(mails)), (0, 1), told)
        message = email.message_from_bytes(mails[0], policy=email.policy.strict)
        number = told.split("order ")[1].split()[0]
        self.assertIn(number, message["subject"])
        self.assertIn("all mail is delivered", told)

    def test_down_and_up(self):
        """What could not be delivered waits, and the reason is told; the order stands."""
        status, told, mails = self.send(Good(tls=self.certificates.context(),
                                             RCPT="451 4.7.1 greylisted"))
        self.assertEqual((status, mails), (3, []))
        self.assertIn("waits", told)
        self.assertIn("4.7.1 greylisted", told)
        connection = sqlite3.connect(self.store)
        connection.execute("UPDATE outbox SET since_ms = 0")  # an hour passes
        connection.commit()
        connection.close()
        status, told, mails = self.send(Good(tls=self.certificates.context()))
        self.assertEqual((status, len(mails)), (0, 2), told)

    def test_refused(self):
        status, told, _ = self.send(Good(tls=self.certificates.context(), RCPT="550 5.1.1 unknown"))
        self.assertEqual(status, 3)
        self.assertIn("was refused", told)

    def test_never_in_clear(self):
        for behaviour, ca, name in ((Good(), "ca.pem", "mail.test"),
                                    (Good(tls=self.certificates.context()), "stranger.pem", "mail.test"),
                                    (Good(tls=self.certificates.context()), "ca.pem", "other.test")):
            status, told, mails = self.send(behaviour, ca=ca, name=name)
            self.assertEqual((status, mails), (3, []), told)
            self.assertNotIn("secret", told)

    def test_usage(self):
        self.assertEqual(run(SEND_SMTP).returncode, 2)
        self.assertEqual(self.send(Good(), password=None)[0], 2)
        self.assertEqual(self.send(Good(), ca="nowhere.pem")[0], 1)


class Maildir(Case):
    ORDERS = [(f"u{i}@example.net", "Somewhere", f"Th\u00e9 {i}") for i in range(20)]

    def place(self):
        lines = "".join(" ".join(text.encode().hex() for text in order) + "\n" for order in self.ORDERS)
        done = run(BUY, "place", self.store, input=lines.encode())
        self.assertEqual(done.returncode, 0, done.stdout)
        return [line.split()[1] for line in done.stdout.decode().splitlines()]

    def deliver(self):
        done = run(TRANSPORT, self.store, self.folder / "box")
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout.decode()

    def test_delivered(self):
        numbers = self.place()
        self.assertIn("delivered 20 mails", self.deliver())
        box = mailbox.Maildir(self.folder / "box", factory=None)
        messages = [email.message_from_bytes(message.as_bytes(), policy=email.policy.default)
                    for message in box]
        self.assertEqual(sorted(message["to"] for message in messages),
                         sorted(order[0] for order in self.ORDERS))
        for message in messages:
            self.assertTrue(any(number in message["subject"] for number in numbers))
        self.assertEqual(list((self.folder / "box/tmp").iterdir()), [])
        self.assertIn("delivered 0 mails", self.deliver())

    def test_delivered_twice(self):
        """The note of the delivery is lost: the second copy takes the place of the first."""
        self.place()
        self.deliver()
        connection = sqlite3.connect(self.store)
        connection.execute("UPDATE outbox SET state = 1, since_ms = 0, wait_ms = 0, lease_id = 0")
        connection.commit()
        connection.close()
        self.assertIn("delivered 20 mails", self.deliver())
        self.assertEqual(len(list((self.folder / "box/new").iterdir())), 20)

    def test_several_at_once(self):
        self.place()
        running = [subprocess.Popen([TRANSPORT, self.store, self.folder / "box"],
                                    stdout=subprocess.PIPE) for _ in range(4)]
        told = [process.communicate(timeout=120)[0].decode() for process in running]
        self.assertEqual([process.returncode for process in running], [0] * 4)
        self.assertEqual(sum(int(line.split()[1]) for line in told), 20)
        self.assertEqual(len(list((self.folder / "box/new").iterdir())), 20)

    def test_full_disk(self):
        """What cannot be written waits, with the reason, and leaves no half of a mail behind."""
        self.place()
        (self.folder / "box").mkdir()
        (self.folder / "box/new").write_text("no folder")
        self.assertIn("delivered 0 mails", self.deliver())
        connection = sqlite3.connect(self.store)
        reasons = {row[0] for row in connection.execute("SELECT reason FROM outbox")}
        connection.close()
        self.assertEqual(reasons, {"Not a directory"})
        self.assertEqual(list((self.folder / "box/tmp").iterdir()), [])

    def test_usage(self):
        self.assertEqual(run(TRANSPORT).returncode, 2)
        self.assertEqual(run(TRANSPORT, self.folder, self.folder / "box").returncode, 1)
        self.assertEqual(run(TRANSPORT, self.store, "/nowhere/box").returncode, 1)


if __name__ == "__main__":
    SEND_SMTP, TRANSPORT, BUY = map(os.path.abspath, sys.argv[1:4])
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])

"""libshop-smtp against servers that are slow, broken or hostile, and against
such as are none of it: over TCP and TLS, by a program that sends mails.

test_hostile.py SEND_PROBE
"""
import base64
import contextlib
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings

from hostile import Certificates, Good, Gone, Server

DELIVERED, LATER, REJECTED = 1, 2, 3
# Far beyond every limit of time that a test sets: over this it hangs.
HANGS = 120


class Answer:
    def __init__(self, line):
        result, code, enhanced, self.reason = line.split(" ", 3)
        self.result, self.code = int(result), int(code)
        self.enhanced = "" if enhanced == "-" else enhanced


def probe(port, **options):
    """Sends; the answers."""
    command = [PROBE, f"port={port}", *(f"{name}={value}" for name, value in options.items())]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=HANGS,
                          check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return [Answer(line) for line in done.stdout.decode("utf-8").splitlines()]


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="smtp-")
        cls.addClassCleanup(folder.cleanup)
        cls.certificates = Certificates(folder.name)

    @contextlib.contextmanager
    def server(self, behaviour):
        server = Server(behaviour)
        try:
            yield server
        finally:
            server.stop()

    def plain(self, server, **options):
        return probe(server.port, security="plain", **options)

    def secure(self, server, **options):
        """With a good password and the right authority, unless told otherwise."""
        options = {"name": "mail.test", "ca": self.certificates.path("ca.pem"), "login": "shop",
                   "password": "pass word", **options}
        return probe(server.port, **options)


class Tcp(Case):
    """The dialogue is tested in memory (test_dialogue.c); here are sockets and clocks."""

    def test_good(self):
        with self.server(Good()) as server:
            answers = self.plain(server, count=5)
            self.assertEqual([answer.result for answer in answers], [DELIVERED] * 5)
            self.assertEqual(len(server.lines), 1)
            self.assertTrue(all(mail.endswith(b".\r\n") and mail.startswith(b"Subject: mail ")
                                for mail in server.mails))

    def test_by_name(self):
        """A name with several addresses: they are tried in turn. A machine may know no names at all."""
        wanted = DELIVERED
        try:
            socket.getaddrinfo("localhost", 25)
        except socket.gaierror:
            wanted = LATER
        with self.server(Good()) as server:
            self.assertEqual(self.plain(server, host="localhost")[0].result, wanted)

    def test_no_such_name(self):
        answer = probe(25, security="plain", host="mail.invalid")[0]
        self.assertEqual(answer.result, LATER)
        self.assertIn("mail.invalid", answer.reason)

    def test_down(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        answer = probe(port, security="plain")[0]
        self.assertEqual(answer.result, LATER)
        self.assertIn("Connection refused", answer.reason)

    def test_black_hole(self):
        """Packets are swallowed: the connection is never made."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            port = listener.getsockname()[1]
            fillers = []
            for _ in range(8):  # fills the queue of who wants to be accepted
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
                fillers.append(filler)
            answer = probe(port, security="plain", timeout=500)[0]
            for filler in fillers:
                filler.close()
        self.assertEqual(answer.result, LATER)
        self.assertIn("no connection", answer.reason)

    def silent(self, line):
        line.server.over.wait(HANGS)

    def test_silence(self):
        """At each step: given up after the limit, and the mail is not lost."""
        for step in ("greeting", "CLEAR", "MAIL", "RCPT", "DATA", "END"):
            with self.subTest(step=step), self.server(Good(**{step: self.silent})) as server:
                answer = self.plain(server, timeout=300)[0]
                self.assertEqual((answer.result, answer.code), (LATER, 0))

    def test_dripping(self):
        """A byte now and then does not stretch a step; each of these would take minutes."""
        endless = b"250-" + b"x" * 4000
        for step in ("greeting", "CLEAR", "RCPT", "END"):
            drips = Good(**{step: lambda line: line.drip(endless, 0.05)})
            with self.subTest(step=step), self.server(drips) as server:
                answer = self.plain(server, timeout=500)[0]
                self.assertEqual((answer.result, answer.code), (LATER, 0))

    def test_whole_mail(self):
        """And many steps that each keep to their limit do not stretch the mail's."""
        def slowly(line):
            line.drip(b"250-" + b"x" * 10 + b"\r\n250 ok\r\n", 0.05)
        slow = Good(CLEAR=slowly, MAIL=slowly, RCPT=slowly, RSET=slowly)
        with self.server(slow) as server:
            answer = self.plain(server, timeout=20000, mail=1500)[0]
            self.assertEqual(answer.result, LATER)
            self.assertEqual(server.mails, [])

    def test_not_read(self):
        """A server that takes no bytes of the message: writing is given up."""
        with self.server(Good(DATA=lambda line: (line.say("354 go on"), self.silent(line)))) as server:
            answer = self.plain(server, timeout=1000, size=9000000)[0]
            self.assertEqual(answer.result, LATER)

    def test_big(self):
        with self.server(Good()) as server:
            self.assertEqual(self.plain(server, size=5000000)[0].result, DELIVERED)
            self.assertGreater(len(server.mails[0]), 5000000 - 200)

    def test_garbage(self):
        for garbage in (b"\x00\xff" * 500, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\r\n" * 40000,
                        b"2" * 102400, b"250 " + b"x" * 102400 + b"\r\n", b"250-x\r\n" * 15000):
            for step in ("greeting", "CLEAR", "RCPT", "END"):
                bad = Good(**{step: lambda line, data=garbage: line.send(data)})
                with self.subTest(step=step, garbage=garbage[:10]), self.server(bad) as server:
                    answer = self.plain(server)[0]
                    self.assertEqual((answer.result, answer.code), (LATER, 0))

    def test_dropped_inside_data(self):
        def drop(line):
            line.say("354 go on")
            line.more()
            raise Gone
        with self.server(Good(DATA=drop)) as server:
            answer = self.plain(server, size=3000000)[0]
            self.assertEqual(answer.result, LATER)
            self.assertEqual(len(server.lines), 1)

    def test_closed_before_data(self):
        """Writing to a connection that the other side has closed raises SIGPIPE, unless told not to."""
        def close(line):
            line.say("354 go on")
            raise Gone
        with self.server(Good(DATA=close)) as server:
            self.assertEqual(self.plain(server, size=9000000)[0].result, LATER)

    def test_reset_inside_data(self):
        """With RST in place of FIN: no signal, no crash."""
        def reset(line):
            line.say("354 go on")
            line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            raise Gone
        with self.server(Good(DATA=reset)) as server:
            self.assertEqual(self.plain(server, size=3000000)[0].result, LATER)

    def test_no_answer_after_the_dot(self):
        """It may have been taken: not repeated here, and the reason says so."""
        def gone(line):
            raise Gone
        with self.server(Good(END=gone)) as server:
            answer = self.plain(server)[0]
            self.assertEqual((answer.result, answer.code), (LATER, 0))
            self.assertIn("may have taken it", answer.reason)
            self.assertEqual(len(server.mails), 1)
            self.assertEqual(len(server.lines), 1)

    def test_kept_connection_is_closed_meanwhile(self):
        """Between two mails: noticed, made anew, and each mail arrives once."""
        once = threading.Event()

        def then_close(line):
            line.say("250 2.6.0 taken")
            if not once.is_set():
                once.set()
                raise Gone
        with self.server(Good(END=then_close)) as server:
            answers = self.plain(server, count=3, pause=200)
            self.assertEqual([answer.result for answer in answers], [DELIVERED] * 3)
            self.assertEqual((len(server.lines), len(server.mails)), (2, 3))

    def test_later_and_never(self):
        """What real servers say, on one connection."""
        replies = iter(["451 4.7.1 Greylisted", "452 4.2.2 Mailbox full", "550 5.1.1 User unknown",
                        "250 2.1.5 ok"])
        with self.server(Good(offer=("SIZE",), RCPT=lambda line: line.say(next(replies)))) as server:
            answers = self.plain(server, count=4)
            self.assertEqual([(answer.result, answer.enhanced) for answer in answers],
                             [(LATER, "4.7.1"), (LATER, "4.2.2"), (REJECTED, "5.1.1"),
                              (DELIVERED, "2.6.0")])
            self.assertIn("User unknown", answers[2].reason)
            self.assertEqual((len(server.lines), len(server.mails)), (1, 1))


class Tls(Case):
    SECRETS = [b"AUTH", b"pass word", base64.b64encode(b"\0shop\0pass word"),
               base64.b64encode(b"pass word")]

    def refuse(self, behaviour, **options):
        """No mail, and above all: no server hears anything of the password, nor of the mail."""
        with self.server(behaviour) as server:
            answer = self.secure(server, **options)[0]
            self.assertEqual(answer.result, LATER)
            for secret in self.SECRETS + [b"MAIL", b"ada@"]:
                self.assertNotIn(secret, server.clear)
                self.assertNotIn(secret, server.inside)
            self.assertEqual(server.mails, [])
            return answer

    def both(self, context, reason, **options):
        """By STARTTLS and by implicit TLS."""
        for implicit in (False, True):
            with self.subTest(implicit=implicit):
                answer = self.refuse(Good(tls=context, implicit=implicit),
                                     security="tls" if implicit else "starttls", **options)
                self.assertIn(reason, answer.reason)

    def test_expired(self):
        self.both(self.certificates.context("expired"), "expired")

    def test_not_yet_valid(self):
        self.both(self.certificates.context("early"), "future")

    def test_self_signed(self):
        self.both(self.certificates.context("self"), "not good for mail.test")

    def test_unknown_authority(self):
        self.both(self.certificates.context("unknown"), "not good for mail.test")

    def test_system_bundle_does_not_know_ours(self):
        """Without an authority of the host's own, the system's decide."""
        system = "/etc/ssl/certs/ca-certificates.crt"
        self.assertTrue(os.path.exists(system))
        self.both(self.certificates.context(), "not good for mail.test", ca=system)

    def test_wrong_host(self):
        self.both(self.certificates.context("other"), "not good for mail.test")

    def test_address_instead_of_name(self):
        """Without a name, the certificate has to be good for the address, which it never is."""
        self.both(self.certificates.context(), "not good for 127.0.0.1", name="127.0.0.1")

    def test_weak_key(self):
        self.both(self.certificates.context("weak"), "not good for mail.test")

    def test_old_tls(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are deprecated: that is the point
            for most in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
                self.both(self.certificates.context(most=most), "handshake failed")

    def test_no_forward_secrecy(self):
        context = self.certificates.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AES128-GCM-SHA256")
        self.both(context, "handshake failed")

    def test_stripped(self):
        """STARTTLS taken out of the offer by somebody on the way: never in clear then."""
        answer = self.refuse(Good(tls=None))
        self.assertIn("STARTTLS", answer.reason)
        answer = self.refuse(Good(tls=None, CLEAR="250-x\r\n250-AUTH PLAIN LOGIN\r\n250 XSTARTTLS"))
        self.assertIn("STARTTLS", answer.reason)

    def test_ehlo_refused(self):
        """No retreat to HELO, which has no STARTTLS."""
        for implicit in (False, True):
            with self.server(Good(tls=self.certificates.context(), implicit=implicit,
                                  CLEAR="500 5.5.1 what?", INSIDE="500 5.5.1 what?")) as server:
                answer = self.secure(server, security="tls" if implicit else "starttls")[0]
                self.assertEqual((answer.result, answer.code), (LATER, 500))
                self.assertNotIn(b"HELO", server.clear + server.inside)

    def test_starttls_refused(self):
        for reply in ("454 4.7.0 not now", "501 5.5.4 x", "250 2.0.0 ok", "334 x"):
            self.refuse(Good(tls=self.certificates.context(), STARTTLS=reply))

    def test_injected(self):
        """Bytes in clear that come with the answer to STARTTLS, to be taken for the server's after
        the handshake (CVE-2011-0411 and its kin)."""
        for extra in (b"250-mail.test\r\n250 AUTH PLAIN\r\n", b"235 2.7.0 ok\r\n", b"x", b"\0"):
            def inject(line, data=extra):
                line.send(b"220 2.0.0 go on\r\n" + data)
            answer = self.refuse(Good(tls=self.certificates.context(), STARTTLS=inject))
            self.assertIn("attack", answer.reason)

    def test_offer_in_clear_is_forgotten(self):
        """What was offered before TLS does not count after it."""
        answer = self.refuse(Good(tls=self.certificates.context(), auth=None,
                                  CLEAR="250-x\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS"))
        self.assertIn("does not offer AUTH", answer.reason)

    def test_closed_in_the_handshake(self):
        def gone(line):
            line.more()
            raise Gone
        self.refuse(gone, security="tls")

        def gone_later(line):
            line.say("220 2.0.0 go on")
            line.more()
            raise Gone
        self.refuse(Good(tls=True, STARTTLS=gone_later))

    def test_garbage_in_the_handshake(self):
        for data in (b"220 mail.test ESMTP\r\n", b"\x16\x03\x03\xff\xff" + b"\0" * 70000,
                     b"\x15\x03\x03\0\2\2\x28", b"\0" * 100):
            self.refuse(lambda line, bytes=data: line.send(bytes), security="tls")

    def test_slow_handshake(self):
        self.refuse(lambda line: line.server.over.wait(HANGS), security="tls", timeout=300)
        self.refuse(lambda line: line.drip(b"\x16\x03\x03\x3f\xff\x02\0" + b"\0" * 9000, 0.05),
                    security="tls", timeout=500)

    def test_login_refused(self):
        """Later, since the mail is not at fault; and the secret is in no reason, even where the
        server repeats it."""
        said = base64.b64encode(b"\0shop\0pass word").decode()
        for reply in (f"535 5.7.8 bad: {said} pass word", f"454 4.7.0 {said}", f"334 {said}",
                      f"500 {said}", f"250 {said}"):
            for auth in ("AUTH PLAIN", "AUTH LOGIN"):
                good = Good(tls=self.certificates.context(), auth=auth, AUTH=reply)
                with self.subTest(reply=reply, auth=auth), self.server(good) as server:
                    answer = self.secure(server, timeout=2000)[0]
                    self.assertEqual(answer.result, LATER)
                    self.assertNotIn("pass word", answer.reason)
                    self.assertNotIn(said, answer.reason)
                    self.assertNotIn(b"MAIL", server.inside)
                    self.assertEqual(server.clear.count(b"AUTH"), 0)

    def test_login_not_offered(self):
        for auth in (None, "AUTH", "AUTH CRAM-MD5 SCRAM-SHA-256"):
            self.refuse(Good(tls=self.certificates.context(), auth=auth))
        self.refuse(Good(tls=self.certificates.context(), auth="AUTH PLAIN LOGIN"), token="ya29.x")

    # ---- and what must work ----------------------------------------------------------------------

    def deliver(self, good, security="starttls", count=1, **options):
        with self.server(good) as server:
            answers = self.secure(server, security=security, count=count, **options)
            self.assertEqual([answer.result for answer in answers], [DELIVERED] * count,
                             answers[0].reason)
            self.assertEqual(len(server.mails), count)
            self.assertEqual(len(server.lines), 1)
            for secret in self.SECRETS + [b"MAIL", b"ada@"]:
                self.assertNotIn(secret, server.clear)
            return server

    def test_starttls(self):
        server = self.deliver(Good(tls=self.certificates.context()), count=4)
        self.assertEqual(server.clear, b"EHLO client.example\r\nSTARTTLS\r\n")
        self.assertTrue(server.inside.startswith(b"EHLO client.example\r\nAUTH PLAIN "))

    def test_implicit(self):
        self.deliver(Good(tls=self.certificates.context(), implicit=True), security="tls", count=4)

    def test_big(self):
        self.deliver(Good(tls=self.certificates.context()), size=3000000)

    def test_names(self):
        """The right name by a wildcard, with a dot at the end, and in SNI."""
        self.deliver(Good(tls=self.certificates.context("wild")))
        self.deliver(Good(tls=self.certificates.context()), name="mail.test.")
        context, asked = self.certificates.context(), []
        context.sni_callback = lambda sock, name, _: asked.append(name)
        self.deliver(Good(tls=context), name="mail.test.")
        self.assertEqual(asked, ["mail.test"])

    def test_client_certificate(self):
        context = self.certificates.context(client=True)
        server = self.deliver(Good(tls=context), cert=self.certificates.path("client.pem"),
                              key=self.certificates.path("client.key"))
        self.assertIn((("commonName", "client.test"),), server.lines[0].peer["subject"])
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.refuse(Good(tls=context, implicit=True), security="tls")  # without one

    def test_client_certificate_that_does_not_fit(self):
        """Found out before a server is asked."""
        for cert, key in (("client.pem", "good.key"), ("client.key", "client.key"),
                          ("client.pem", "client.pem")):
            done = subprocess.run([PROBE, f"ca={self.certificates.path('ca.pem')}",
                                   f"cert={self.certificates.path(cert)}",
                                   f"key={self.certificates.path(key)}"], stdout=subprocess.PIPE,
                                  timeout=HANGS, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"new: SHOP_ERR_ARGUMENT", done.stdout)

    def test_logins(self):
        good = Good(tls=self.certificates.context(), auth="AUTH LOGIN PLAIN")
        self.deliver(good)
        self.assertEqual(good.logins, [[b"PLAIN", base64.b64encode(b"\0shop\0pass word")]])
        good = Good(tls=self.certificates.context(), auth="AUTH LOGIN")
        self.deliver(good)
        self.assertEqual(good.logins, [[b"LOGIN", base64.b64encode(b"shop"),
                                        base64.b64encode(b"pass word")]])
        good = Good(tls=self.certificates.context())
        self.deliver(good, token="ya29.secret")
        self.assertEqual(good.logins, [[b"XOAUTH2", base64.b64encode(
            b"user=shop\1auth=Bearer ya29.secret\1\1")]])

    def test_longest_secrets(self):
        """Of every length, for base64 pads by three."""
        for size in (1, 2, 3, 1023, 1024):
            good = Good(tls=self.certificates.context())
            self.deliver(good, login="l" * 255, password="p" * size)
            self.assertEqual(base64.b64decode(good.logins[0][1]),
                             b"\0" + b"l" * 255 + b"\0" + b"p" * size)
        good = Good(tls=self.certificates.context())
        self.deliver(good, token="t" * 4095, login="l" * 255)
        self.assertIn(b"t" * 4095 + b"\1\1", base64.b64decode(good.logins[0][1]))

    def test_xoauth2_refused(self):
        """The challenge that tells why is answered by an empty line, then comes the refusal."""
        heard = []

        def challenge(line):
            line.say("334 eyJzdGF0dXMiOiI0MDEifQ==")
            heard.append(line.hear())
            line.say("535 5.7.8 no")
        with self.server(Good(tls=self.certificates.context(), AUTH=challenge)) as server:
            answer = self.secure(server, token="ya29.secret")[0]
        self.assertEqual((answer.result, answer.code, answer.enhanced), (LATER, 535, "5.7.8"))
        self.assertEqual(heard, [b""])

    def test_no_token(self):
        """A callback that has none: the server is not asked to log anybody in."""
        self.refuse(Good(tls=self.certificates.context()), token="")

    def test_kept_connection_is_closed_meanwhile(self):
        """With and without TLS's own goodbye."""
        for polite in (True, False):
            once = threading.Event()

            def then_close(line, once=once, polite=polite):
                line.say("250 2.6.0 taken")
                if not once.is_set():
                    once.set()
                    if polite:
                        with contextlib.suppress(OSError):
                            line.sock.settimeout(1)
                            line.sock.unwrap()
                    raise Gone
            with self.server(Good(tls=self.certificates.context(), END=then_close)) as server:
                answers = self.secure(server, count=3, pause=200)
                self.assertEqual([answer.result for answer in answers], [DELIVERED] * 3)
                self.assertEqual((len(server.lines), len(server.mails)), (2, 3))

    def test_cut_inside_tls(self):
        """The last word cut off by somebody who can only cut: not delivered."""
        def cut(line):
            line.sock.sendall(b"250 2.6.0 tak")
            raise Gone
        with self.server(Good(tls=self.certificates.context(), END=cut)) as server:
            answer = self.secure(server)[0]
            self.assertEqual(answer.result, LATER)
            self.assertIn("may have taken it", answer.reason)


if __name__ == "__main__":
    PROBE = os.path.abspath(sys.argv.pop(1))
    unittest.main(argv=sys.argv)

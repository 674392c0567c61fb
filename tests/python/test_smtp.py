"""libshop-smtp by ctypes, as a host in another language uses it: the settings,
a byte stream in Python, an access token from Python, and what happens when
those functions fail as Python functions do, by an exception.

test_smtp.py LIBSHOP_SO LIBSHOP_SMTP_SO
"""
import ctypes
import os
import pathlib
import socket
import sys
import tempfile
import threading
import unittest

import libshop

sys.path.insert(0, os.fspath(pathlib.Path(__file__).resolve().parents[1] / "smtp"))
from hostile import Certificates, Good, Server  # noqa: E402

DELIVERED, LATER = 1, 2
MESSAGE = b"Subject: x\r\n\r\nHello\r\n"


class Smtp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="ctypes-")
        cls.addClassCleanup(holder.cleanup)
        cls.certificates = Certificates(holder.name)

    def setUp(self):
        self.lib = LIB
        self.kept = []  # ctypes frees a callback that nobody keeps
        self.stream = None
        # What Python prints of an exception in a callback is expected here.
        hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
        self.addCleanup(setattr, sys, "unraisablehook", hook)

    def new(self, name, *arguments):
        out = ctypes.c_void_p()
        self.assertEqual(getattr(self.lib, name)(*arguments, ctypes.byref(out),
                                                 *([None] if arguments else [])), 0)
        return out

    def set(self, config, what, *values):
        function = getattr(self.lib, f"shop_smtp_config_set_{what}")
        given = []
        for value, kind in zip(values, function.argtypes[1:]):
            if callable(value):
                value = kind(value)
                self.kept.append(value)
            given.append(value)
        self.assertEqual(function(config, *given), 0, what)

    def config(self, port, security=1):
        config = self.new("shop_smtp_config_new")
        self.addCleanup(self.lib.shop_smtp_config_free, config)
        self.set(config, "host", b"127.0.0.1")
        self.set(config, "port", port)
        self.set(config, "security", security)
        self.set(config, "tls_name", b"mail.test")
        with open(self.certificates.path("ca.pem"), "rb") as file:
            pem = file.read()
        self.set(config, "ca_pem", pem, len(pem))
        return config

    def send(self, config):
        """(result, reason)"""
        smtp = self.new("shop_smtp_new", config)
        answer = self.new("shop_smtp_send", smtp, b"shop@example.org", b"ada@example.net", MESSAGE,
                          len(MESSAGE))
        got = (self.lib.shop_smtp_answer_result(answer),
               self.lib.shop_smtp_answer_reason(answer).decode())
        self.lib.shop_smtp_answer_free(answer)
        self.assertEqual(self.lib.shop_smtp_close(smtp, None), 0)
        self.lib.shop_smtp_free(smtp)
        return got

    def server(self, behaviour):
        server = Server(behaviour)
        self.addCleanup(server.stop)
        return server

    def test_password(self):
        good = Good(tls=self.certificates.context())
        server = self.server(good)
        config = self.config(server.port)
        self.set(config, "password", "shop".encode(), "g\u00e9heim".encode())
        self.assertEqual(self.send(config)[0], DELIVERED)
        self.assertEqual((len(server.mails), len(good.logins)), (1, 1))

    def give_token(self, user, out, size):
        token = b"ya29.token\0"
        self.assertGreaterEqual(size, len(token))
        ctypes.memmove(out, token, len(token))
        return 1

    def test_token(self):
        good = Good(tls=self.certificates.context())
        server = self.server(good)
        config = self.config(server.port)
        self.set(config, "xoauth2", b"shop", self.give_token, None)
        self.assertEqual(self.send(config)[0], DELIVERED)
        self.assertEqual(good.logins[0][0], b"XOAUTH2")

    def fails(self, *_):
        raise RuntimeError("as functions do")

    def test_token_that_fails(self):
        good = Good(tls=self.certificates.context())
        config = self.config(self.server(good).port)
        self.set(config, "xoauth2", b"shop", self.fails, None)
        result, reason = self.send(config)
        self.assertEqual((result, good.logins), (LATER, []), reason)

    # ---- a byte stream of one's own ----------------------------------------------------------

    def connect(self, io, user):
        host = self.lib.shop_smtp_io_host(io).decode()
        self.stream = socket.create_connection((host, self.lib.shop_smtp_io_port(io)),
                                               self.lib.shop_smtp_io_timeout_ms(io) / 1000)
        self.lib.shop_smtp_io_set_connected(io)

    def read(self, io, user):
        self.stream.settimeout(self.lib.shop_smtp_io_timeout_ms(io) / 1000)
        data = self.stream.recv(self.lib.shop_smtp_io_bytes(io))
        ctypes.memmove(self.lib.shop_smtp_io_buffer(io), data, len(data))
        if data:
            self.lib.shop_smtp_io_set_moved(io, len(data))
        else:
            self.lib.shop_smtp_io_set_ended(io)

    def write(self, io, user):
        self.stream.settimeout(self.lib.shop_smtp_io_timeout_ms(io) / 1000)
        data = ctypes.string_at(self.lib.shop_smtp_io_data(io), self.lib.shop_smtp_io_bytes(io))
        self.lib.shop_smtp_io_set_moved(io, self.stream.send(data))

    def close(self, io, user):
        self.stream.close()

    def stream_config(self, port, security, **instead):
        config = self.config(port, security)
        for name in ("connect", "read", "write", "close"):
            self.set(config, f"stream_{name}", instead.get(name, getattr(self, name)), None)
        return config

    def test_stream(self):
        """In clear and below TLS."""
        for security, good in ((3, Good()), (1, Good(tls=self.certificates.context()))):
            server = self.server(good)
            result, reason = self.send(self.stream_config(server.port, security))
            self.assertEqual((result, len(server.mails)), (DELIVERED, 1), reason)
            self.assertEqual(self.stream.fileno(), -1)

    def test_stream_that_fails(self):
        """At each call of each function: what it did not answer for has not happened."""
        for name, most in (("connect", 1), ("read", 4), ("write", 3)):
            for nth in range(1, most + 1):
                server = self.server(Good())
                works, calls = getattr(self, name), []

                def breaks(*arguments, nth=nth, works=works, calls=calls):
                    calls.append(1)
                    if len(calls) == nth:
                        raise RuntimeError("as functions do")
                    return works(*arguments)
                config = self.stream_config(server.port, 3, **{name: breaks})
                result, reason = self.send(config)
                self.assertEqual((result, len(calls)), (LATER, nth), reason)
                if "may have taken it" not in reason:
                    self.assertEqual(server.mails, [])

    def test_threads(self):
        """Python lets go of its lock while a call waits: the server's threads answer meanwhile."""
        server = self.server(Good(tls=self.certificates.context()))
        config = self.config(server.port)
        results = []
        threads = [threading.Thread(target=lambda: results.append(self.send(config)[0]))
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(results, [DELIVERED] * 4)
        self.assertEqual(len(server.mails), 4)


if __name__ == "__main__":
    ctypes.CDLL(os.path.abspath(sys.argv.pop(1)), mode=ctypes.RTLD_GLOBAL)
    LIB = libshop.load(os.path.abspath(sys.argv.pop(1)), "smtp.h")
    unittest.main(argv=sys.argv)

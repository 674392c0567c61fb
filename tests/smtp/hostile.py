"""Mail servers that misbehave as they are told, on 127.0.0.1, and the
certificates they show. Each keeps every byte that it got."""
import os
import pathlib
import re
import socket
import ssl
import subprocess
import threading


class Gone(Exception):
    """The client has closed, or the test is over."""


class Line:
    """One connection, seen from the server."""

    def __init__(self, sock, server):
        self.sock = sock
        self.server = server
        self.clear = b""  # what came before TLS
        self.inside = b""  # what came through TLS
        self.waiting = b""
        self.peer = None  # the client's certificate
        self.tls = False
        sock.settimeout(60)

    def say(self, *lines):
        self.send("".join(f"{line}\r\n" for line in lines).encode())

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Gone from error

    def drip(self, data, pause):
        """One byte after the other, until the client has enough."""
        for at in range(len(data)):
            self.send(data[at:at + 1])
            if self.server.over.wait(pause):
                raise Gone

    def hear(self):
        """The next line, without its end."""
        while b"\r\n" not in self.waiting:
            self.more()
        line, self.waiting = self.waiting.split(b"\r\n", 1)
        return line

    def more(self):
        try:
            data = self.sock.recv(65536)
        except OSError as error:
            raise Gone from error
        if not data:
            raise Gone
        self.waiting += data
        if self.tls:
            self.inside += data
        else:
            self.clear += data

    def message(self):
        """What comes after DATA, its dots taken back."""
        while b"\r\n.\r\n" not in b"\r\n" + self.waiting:
            self.more()
        whole, self.waiting = (b"\r\n" + self.waiting).split(b"\r\n.\r\n", 1)
        return re.sub(rb"(?m)^\.", b"", whole[2:] + b"\r\n")

    def secure(self, context):
        """TLS from here on; what waits in clear is gone, as in a good server."""
        try:
            self.sock = context.wrap_socket(self.sock, server_side=True)
            self.peer = self.sock.getpeercert()
        except (OSError, ValueError) as error:
            self.server.failures.append(str(error))
            raise Gone from error
        self.waiting = b""
        self.tls = True


class Server:
    """Runs `behaviour(line)` for each connection, in a thread of its own."""

    def __init__(self, behaviour):
        self.behaviour = behaviour
        self.lines, self.failures, self.mails, self.threads = [], [], [], []
        self.over = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self.listener.getsockname()[1]
        self.start(self.accept)

    def start(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self.threads.append(thread)
        thread.start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            line = Line(sock, self)
            self.lines.append(line)
            self.start(self.run, line)

    def run(self, line):
        try:
            self.behaviour(line)
        except Gone:
            pass
        finally:
            line.sock.close()

    def stop(self):
        self.over.set()
        # Closing alone does not wake who waits in accept.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for line in self.lines:
            try:
                line.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join(60)

    @property
    def clear(self):
        return b"".join(line.clear for line in self.lines)

    @property
    def inside(self):
        return b"".join(line.inside for line in self.lines)


OFFER = ("PIPELINING", "SIZE 10000000", "8BITMIME", "SMTPUTF8")


class Good:
    """A server as it should be; each reply can be replaced, by text or by a
    function of the line."""

    def __init__(self, tls=None, implicit=False, auth="AUTH PLAIN LOGIN XOAUTH2", offer=OFFER,
                 **replies):
        self.tls, self.implicit, self.auth, self.offer = tls, implicit, auth, offer
        self.replies = replies
        self.logins = []

    def __call__(self, line):
        if self.implicit:
            line.secure(self.tls)
        self.answer(line, "greeting", "220 mail.test ESMTP")
        while True:
            command = line.hear()
            verb = command.split(b" ")[0].upper().decode("ascii", "replace")
            if verb == "QUIT":
                line.say("221 2.0.0 bye")
                return
            if verb == "STARTTLS":
                self.answer(line, verb, "220 2.0.0 go on")
                line.secure(self.tls)
            elif verb == "EHLO":
                self.answer(line, "INSIDE" if line.tls else "CLEAR", self.hello(line))
            elif verb == "AUTH":
                self.login(line, command)
            elif verb == "DATA":
                self.data(line)
            else:
                self.answer(line, verb, "250 2.0.0 ok")

    def hello(self, line):
        words = ["mail.test", *self.offer]
        if self.tls is not None and not line.tls:
            words.append("STARTTLS")
        if line.tls and self.auth:
            words.append(self.auth)
        return "\r\n".join(f"250{'-' if word is not words[-1] else ' '}{word}" for word in words)

    def answer(self, line, name, otherwise):
        reply = self.replies.get(name, otherwise)
        if callable(reply):
            reply(line)
        else:
            line.say(reply)

    def login(self, line, command):
        words = command.split(b" ")
        said = [words[1]] + words[2:]
        if words[1] == b"LOGIN":
            line.say("334 VXNlcm5hbWU6")
            said.append(line.hear())
            line.say("334 UGFzc3dvcmQ6")
            said.append(line.hear())
        self.logins.append(said)
        self.answer(line, "AUTH", "235 2.7.0 welcome")

    def data(self, line):
        self.answer(line, "DATA", "354 go on")
        message = line.message()
        line.server.mails.append(message)
        self.answer(line, "END", "250 2.6.0 taken")


# ---- certificates -------------------------------------------------------------------------------


def openssl(folder, *arguments):
    done = subprocess.run(["openssl", *arguments], cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout.decode()


CA_CONFIG = """
[ca]
default_ca = ours
[ours]
database = {name}.index
serial = {name}.serial
new_certs_dir = .
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
"""


class Certificates:
    """A certificate authority that is trusted, one that is not, and what they have signed."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        for name in ("ca", "stranger"):
            self.authority(name)
        self.sign("good", "ca", "mail.test")
        self.sign("other", "ca", "other.test")
        self.sign("wild", "ca", "*.test")
        self.sign("expired", "ca", "mail.test", start="20200101000000Z", end="20210101000000Z")
        self.sign("early", "ca", "mail.test", start="20900101000000Z", end="20910101000000Z")
        self.sign("unknown", "stranger", "mail.test")
        self.sign("client", "ca", "client.test")
        self.sign("weak", "ca", "mail.test", bits=1024)
        self.request("self", "mail.test")
        openssl(folder, "x509", "-req", "-in", "self.csr", "-signkey", "self.key", "-out", "self.pem",
                "-days", "30", "-copy_extensions", "copy")

    def path(self, name):
        return os.fspath(self.folder / name)

    def request(self, name, host, bits=2048):
        openssl(self.folder, "req", "-new", "-newkey", f"rsa:{bits}", "-nodes", "-keyout",
                f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={host}", "-addext",
                f"subjectAltName=DNS:{host}")

    def authority(self, name):
        (self.folder / f"{name}.cnf").write_text(CA_CONFIG.format(name=name))
        (self.folder / f"{name}.index").write_text("")
        (self.folder / f"{name}.serial").write_text("1000\n")
        openssl(self.folder, "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout",
                f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(self.folder, "x509", "-req", "-in", f"{name}.csr", "-signkey", f"{name}.key", "-out",
                f"{name}.pem", "-days", "3650", "-extfile", f"{name}.cnf", "-extensions", "root")

    def sign(self, name, authority, host, start=None, end=None, bits=2048):
        self.request(name, host, bits)
        when = ["-startdate", start, "-enddate", end] if start else ["-days", "365"]
        openssl(self.folder, "ca", "-batch", "-notext", "-config", f"{authority}.cnf", "-cert",
                f"{authority}.pem", "-keyfile", f"{authority}.key", "-in", f"{name}.csr", "-out",
                f"{name}.pem", *when)

    def context(self, name="good", most=None, client=False):
        """TLS of a server that shows this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if most is not None or name == "weak":
            context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(self.path(f"{name}.pem"), self.path(f"{name}.key"))
        if most is not None:
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = most
        if client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.path("ca.pem"))
        return context

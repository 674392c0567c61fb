"""Exim and Postfix, each a private instance on 127.0.0.1 with TLS, log-in and
a maildir, that touches nothing of the machine.

Their packages conflict with one another, so they are downloaded by apt and
unpacked into a folder, and run from there. Both must be started by root.
"""
import base64
import contextlib
import grp
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import threading
import time

LOGIN, PASSWORD = "shop", "pass word"
OWNER = "mail"  # a user that every Debian has; the servers give up root for it
BOXES = 60  # seconds that a delivery into the maildir may take


def unpack(folder, package):
    """The files of a Debian package, which is not installed."""
    place = pathlib.Path(folder) / package
    if not (place / "unpacked").exists():
        place.mkdir(parents=True, exist_ok=True)
        for command in (["apt-get", "download", "-q", package], ["apt-get", "update", "-q"],
                        ["apt-get", "download", "-q", package]):
            done = subprocess.run(command, cwd=place, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False)
            if list(place.glob("*.deb")):
                break
        found = list(place.glob("*.deb"))
        assert found, done.stdout.decode()
        subprocess.run(["dpkg", "-x", str(found[0]), str(place)], check=True)
        (place / "unpacked").touch()
    return place


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def own(*paths, mode=0o700):
    user = pwd.getpwnam(OWNER)
    for path in paths:
        path.mkdir(parents=True, exist_ok=True)
        os.chown(path, user.pw_uid, user.pw_gid)
        path.chmod(mode)


class MailServer:
    """What both have: a folder, two ports, a process, and a maildir."""

    def __init__(self, packages, folder, certificates):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        for path in [self.folder, *self.folder.parents]:  # for who has given up root
            if path.stat().st_uid == os.getuid() and path.is_relative_to("/tmp"):
                path.chmod(path.stat().st_mode | 0o055)
        self.certificates = certificates
        self.port, self.tls_port = free_port(), free_port()
        self.box = self.folder / "box"
        own(self.box)
        self.process = None
        self.prepare(packages)

    def run(self, command, **more):
        with open(self.folder / "out", "ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, cwd=self.folder,
                                            env={**os.environ, **more}, start_new_session=True)
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.1)
        raise AssertionError(f"it does not start: {self.told()}")

    def told(self):
        return "\n".join(path.read_text(errors="replace") for path in self.folder.rglob("*")
                         if path.is_file() and "log" in path.name or path.name == "out")

    def stop(self):
        # It leads a session of its own: what it has started ends with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(30)

    def mails(self, count):
        """The files of the maildir, once there are so many."""
        for _ in range(BOXES * 10):
            found = sorted(path for path in self.box.rglob("*") if path.parent.name == "new")
            if len(found) >= count:
                break
            time.sleep(0.1)
        assert len(found) >= count, f"{len(found)} of {count}: {self.told()}"
        return [path.read_bytes() for path in found]


EXIM = """
primary_hostname = mail.test
exim_user = {owner}
exim_group = {owner}
never_users =
deliver_drop_privilege
keep_environment = LD_PRELOAD : NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP
exim_path = {exim}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port} : {tls_port}
tls_on_connect_ports = {tls_port}
tls_advertise_hosts = *
tls_certificate = {folder}/tls.pem
tls_privatekey = {folder}/tls.key
auth_advertise_hosts = ${{if def:tls_in_cipher{{*}}}}
smtputf8_advertise_hosts = *
smtp_accept_max_per_connection = 100000
smtp_accept_queue_per_connection = 100000
acl_smtp_rcpt = check
begin acl
check:
  deny message = 5.7.1 not from you
       !authenticated = *
  accept
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = {folder}/box
  maildir_format
  user = {owner}
  group = {owner}
  envelope_to_add
  return_path_add
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and{{{{eq{{$auth2}}{{{login}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{{login}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
"""


class Exim(MailServer):
    name = "Exim"

    def prepare(self, packages):
        self.program = unpack(packages, "exim4-daemon-light") / "usr/sbin/exim4"
        self.program.chmod(0o755)  # not setuid: it writes to a box of its own user
        own(self.folder / "spool", self.folder / "log")
        for end in ("pem", "key"):
            copy = self.folder / f"tls.{end}"
            copy.write_bytes(pathlib.Path(self.certificates.path(f"good.{end}")).read_bytes())
            os.chown(copy, pwd.getpwnam(OWNER).pw_uid, -1)
        (self.folder / "exim.conf").write_text(EXIM.format(
            owner=OWNER, exim=self.program, folder=self.folder, port=self.port,
            tls_port=self.tls_port, login=LOGIN, password=PASSWORD))
        # Debian's has the name of a user compiled in that its package would make: it is told
        # that there is one.
        user, group = pwd.getpwnam(OWNER), grp.getgrnam(OWNER)
        names = ((OWNER, user.pw_uid, group.gr_gid), ("Debian-exim", user.pw_uid, group.gr_gid),
                 ("root", 0, 0), ("nobody", 65534, 65534))
        (self.folder / "passwd").write_text("".join(f"{name}:x:{uid}:{gid}::/:/bin/false\n"
                                                    for name, uid, gid in names))
        (self.folder / "group").write_text("".join(f"{name}:x:{gid}:\n" for name, _, gid in names))

    def start(self):
        self.run([self.program, "-C", self.folder / "exim.conf", "-bdf", "-q1m"],
                 LD_PRELOAD="libnss_wrapper.so", NSS_WRAPPER_PASSWD=str(self.folder / "passwd"),
                 NSS_WRAPPER_GROUP=str(self.folder / "group"))


MAIN_CF = """
compatibility_level = 3.6
config_directory = {folder}/etc
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = {root}/usr/sbin
daemon_directory = {root}/usr/lib/postfix/sbin
shlib_directory = {root}/usr/lib/postfix
meta_directory = {root}/etc/postfix
sendmail_path = {root}/usr/sbin/sendmail
newaliases_path = {root}/usr/bin/newaliases
mailq_path = {root}/usr/bin/mailq
mail_owner = {owner}
setgid_group = news
import_environment = MAIL_CONFIG LD_LIBRARY_PATH
myhostname = mail.test
mydestination =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
virtual_mailbox_domains = static:all
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = {uid}
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = {pem}
smtpd_tls_key_file = {key}
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/auth
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
"""

MASTER_CF = """
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{tls_port} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""

QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
          "saved", "trace")


class Postfix(MailServer):
    name = "Postfix"

    def prepare(self, packages):
        self.root = unpack(packages, "postfix")
        user, news = pwd.getpwnam(OWNER), grp.getgrnam("news").gr_gid
        (self.folder / "etc").mkdir()
        (self.folder / "queue").mkdir()
        (self.folder / "queue/pid").mkdir()
        own(self.folder / "data", *(self.folder / "queue" / name for name in QUEUES))
        own(self.folder / "queue/maildrop", mode=0o730)
        own(self.folder / "queue/public", mode=0o710)
        for name in ("maildrop", "public"):
            os.chown(self.folder / "queue" / name, -1, news)
        (self.folder / "etc/main.cf").write_text(MAIN_CF.format(
            folder=self.folder, root=self.root, owner=OWNER, uid=user.pw_uid, gid=user.pw_gid,
            pem=self.certificates.path("good.pem"), key=self.certificates.path("good.key")))
        (self.folder / "etc/master.cf").write_text(MASTER_CF.format(port=self.port,
                                                                    tls_port=self.tls_port))

    def start(self):
        self.auth = socket.socket(socket.AF_UNIX)
        self.auth.bind(str(self.folder / "auth"))
        (self.folder / "auth").chmod(0o666)
        self.auth.listen()
        threading.Thread(target=serve_auth, args=(self.auth,), daemon=True).start()
        self.run([self.root / "usr/lib/postfix/sbin/master", "-c", self.folder / "etc", "-d"],
                 MAIL_CONFIG=str(self.folder / "etc"),
                 LD_LIBRARY_PATH=str(self.root / "usr/lib/postfix"))


    def stop(self):
        super().stop()
        self.auth.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept
        self.auth.close()


def serve_auth(listener):
    """Says who may log in, in the words of Dovecot, to each process of Postfix that asks."""
    while True:
        try:
            line, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=answer_auth, args=(line,), daemon=True).start()


def answer_auth(line):
    with line, line.makefile("rw", encoding="ascii", newline="\n") as file:
        talk_auth(file)


def talk_auth(file):

    def say(*words):
        file.write("\t".join(words) + "\n")
        file.flush()

    for words in (("VERSION", "1", "1"), ("MECH", "PLAIN", "plaintext"),
                  ("MECH", "LOGIN", "plaintext"), ("SPID", "1"), ("CUID", "1"), ("COOKIE", "0" * 32),
                  ("DONE",)):
        say(*words)
    said = {}
    for request in file:
        words = request.rstrip("\n").split("\t")
        if words[0] not in ("AUTH", "CONT"):
            continue
        number, last = words[1], words[-1]
        if words[0] == "AUTH":
            said[number] = [words[2]]
            last = last[5:] if last.startswith("resp=") else None
        if last is not None:
            said[number].append(base64.b64decode(last).decode())
        if said[number][0] == "LOGIN" and len(said[number]) < 3:
            say("CONT", number, base64.b64encode(b"name or password").decode())
        elif said[number][1:] in ([f"\0{LOGIN}\0{PASSWORD}"], [LOGIN, PASSWORD]):
            say("OK", number, f"user={LOGIN}")
        else:
            say("FAIL", number, f"user={LOGIN}")

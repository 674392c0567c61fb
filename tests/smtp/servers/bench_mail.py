"""How fast mail leaves: queued purchases' mails to Postfix's smtp-sink, over one
connection, through the outbox; and the transport alone beside Python's smtplib.

bench_mail.py BUY SEND_PROBE PACKAGES [MAILS]
"""
import os
import pathlib
import re
import resource
import smtplib
import subprocess
import sys
import tempfile
import time

from mail_servers import OWNER, free_port, unpack


class Sink:
    """Takes every mail and keeps none; counts sessions and messages."""

    def __init__(self, packages, folder):
        root = unpack(packages, "postfix")
        self.port = free_port()
        self.out = open(pathlib.Path(folder) / f"sink{self.port}", "wb+")
        environment = {**os.environ, "LD_LIBRARY_PATH": str(root / "usr/lib/postfix")}
        self.process = subprocess.Popen(
            [root / "usr/sbin/smtp-sink", "-c", "-u", OWNER, f"127.0.0.1:{self.port}", "100"],
            stdout=self.out, stderr=subprocess.STDOUT, env=environment)
        time.sleep(1)

    def stop(self):
        time.sleep(0.5)
        self.process.terminate()
        self.process.wait()
        self.out.seek(0)
        counts = re.findall(rb"sess=(\d+) quit=(\d+) mesg=(\d+)", self.out.read())
        self.out.close()
        return int(counts[-1][0]), int(counts[-1][2])


def through_the_outbox(buy, packages, folder, count):
    store = pathlib.Path(folder) / "a.shop"
    lines = "".join(" ".join(text.encode().hex() for text in (f"u{i % 100}@example.net", "Somewhere",
                                                              "Green tea")) + "\n"
                    for i in range(count))
    placed = subprocess.run([buy, "place", store], input=lines.encode(), stdout=subprocess.PIPE,
                            check=True).stdout
    assert placed.count(b"placed ") == count
    sink = Sink(packages, folder)
    told = subprocess.run([buy, "deliver", store, f"port={sink.port}", "security=plain"],
                          stdout=subprocess.PIPE, check=True).stdout.decode()
    sessions, messages = sink.stop()
    done, spent, first, last = map(int, re.fullmatch(
        r"delivered (\d+) in (\d+) ms, pages (\d+) then (\d+)\n", told).groups())
    assert (done, sessions, messages) == (count, 1, count), (told, sessions, messages)
    page = resource.getpagesize() // 1024
    print(f"through the outbox: {count} mails over 1 connection, {count / spent * 1000:.0f} a second; "
          f"memory {first * page} KiB after the first {min(count, 1000)}, {last * page} KiB at the end")
    assert last - first < 1024 // page, "memory grows"


def by_the_probe(probe, packages, folder, count):
    sink = Sink(packages, folder)
    begun = time.monotonic()
    told = subprocess.run([probe, f"port={sink.port}", "security=plain", f"count={count}",
                           "kept=1000000", "size=1500"], stdout=subprocess.PIPE, check=True).stdout
    spent = time.monotonic() - begun
    assert sink.stop() == (1, count) and told.count(b"1 250 ") == count
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"the transport alone: {count / spent:.0f} a second, at most {most} KiB of any process so far")


def by_smtplib(packages, folder, count):
    sink = Sink(packages, folder)
    message = "Subject: mail\r\n\r\n" + "x" * 70 + ("\r\n" + "x" * 70) * 20
    begun = time.monotonic()
    with smtplib.SMTP("127.0.0.1", sink.port) as line:
        for _ in range(count):
            line.sendmail("shop@example.org", ["ada@example.net"], message)
    spent = time.monotonic() - begun
    assert sink.stop() == (1, count)
    print(f"Python's smtplib: {count / spent:.0f} a second")


def main():
    buy, probe, packages = map(os.path.abspath, sys.argv[1:4])
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 10000
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        by_the_probe(probe, packages, folder, count)
        by_smtplib(packages, folder, count)
        through_the_outbox(buy, packages, folder, count)


if __name__ == "__main__":
    main()

"""Memory runs out in the whole process, mbedTLS and the C library with it, at
every kind of moment of a delivery over TLS: nothing crashes, no mail is lost,
and none is called delivered that was not.

test_no_memory.py SEND_PROBE_THAT_FAILS
"""
import os
import subprocess
import sys
import tempfile
import unittest

from hostile import Certificates, Good, Server

# Enough to hit each function many times, and few enough to be quick.
SAMPLES = 150


class NoMemory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="memory-")
        cls.addClassCleanup(holder.cleanup)
        cls.folder = holder.name
        cls.certificates = Certificates(holder.name)

    def send(self, server, **environment):
        counted = os.path.join(self.folder, "count")
        command = [PROBE, f"port={server.port}", "name=mail.test", "login=shop", "password=x",
                   f"ca={self.certificates.path('ca.pem')}",
                   f"cert={self.certificates.path('client.pem')}",
                   f"key={self.certificates.path('client.key')}"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                              check=False, env={**os.environ, **environment, "FAIL_COUNT": counted})
        with open(counted, encoding="ascii") as file:
            return done.returncode, done.stdout.decode(), int(file.read())

    def try_all(self, **more):
        server = Server(Good(tls=self.certificates.context(client=True)))
        self.addCleanup(server.stop)
        status, told, count = self.send(server)
        self.assertEqual((status, told.split()[0]), (0, "1"), told)
        results = set()
        # The first ones one by one: they are the program's own and the library's.
        for nth in [*range(1, 40), *range(40, count + 1, max(count // SAMPLES, 1))]:
            before = len(server.mails)
            status, told, _ = self.send(server, FAIL_AT=str(nth), **more)
            taken = len(server.mails) - before
            if status == 0:
                result = told.split()[0]
                self.assertIn(result, ("1", "2"), f"{nth}: {told}")
                self.assertEqual(taken, 1 if result == "1" else 0, f"{nth}: {told}")
            else:
                self.assertEqual((status, taken), (2, 0), f"{nth}: {told}")
                if told:  # where the program has memory to say so
                    self.assertIn("SHOP_ERR_NO_MEMORY", told, f"{nth}")
                result = "none"
            results.add(result)
        return results

    def test_one_fails(self):
        self.assertLessEqual({"2", "none"}, self.try_all())

    def test_all_fail_from_there_on(self):
        self.assertLessEqual({"2", "none"}, self.try_all(FAIL_ON="1"))


if __name__ == "__main__":
    PROBE = os.path.abspath(sys.argv.pop(1))
    unittest.main(argv=sys.argv)

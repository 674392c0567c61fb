"""What the libraries define and what they call: the names, and that
nothing is global and mutable.

test_symbols.py LIBSHOP_A LIBSHOP_SO SMTP_A SMTP_SO
"""
import re
import sys
import unittest

import house

# Nothing the library may do to its host: print, end it, take its signals,
# change what all threads share, or configure its libraries globally.
NETWORK = re.compile(r"^(?:socket|connect|getaddrinfo|gethostbyname|poll|send|recv|gethostname)$")
FORBIDDEN = re.compile(
    r"""^(?:
    [fvd]*printf | puts | fputs | putc | putchar | fputc | fwrite | perror | __\w*printf_chk
    | stdout | stderr | stdin
    | abort | exit | _exit | quick_exit | atexit | raise | kill
    | signal | sigaction | sigprocmask | pthread_sigmask | pthread_kill | alarm | setitimer
    | pthread_create | fork | vfork | system | popen | posix_spawnp? | exec[lv]\w*
    | setlocale | putenv | setenv | unsetenv | getenv | umask | chdir
    | s?rand | s?random | strtok | localtime | gmtime | ctime | asctime | strerror
    | gets | strcpy | strcat | sprintf | vsprintf | alloca
    | sqlite3_(?:config|initialize|shutdown|auto_extension|enable_shared_cache|load_extension)
    | json_set_alloc_funcs | jwt_set_alloc | sodium_set_misuse_handler
    )$""", re.X)


def nm(*arguments):
    for line in house.run("nm", *arguments).splitlines():
        fields = line.split()
        if len(fields) >= 2 and not line.endswith(":"):
            yield fields[-2], fields[-1].split("@")[0]


class Symbols(unittest.TestCase):
    def test_exported_is_declared(self):
        """Linked into a host, a library has the names of its headers, and no other; so none is in
        two of them."""
        for libraries, header, least in (((SHARED, STATIC), "", 100),
                                         ((SMTP_SHARED, SMTP_STATIC), "smtp.h", 20)):
            declared = {declaration.name for declaration in house.declarations(header)}
            self.assertGreater(len(declared), least)
            for library, which in zip(libraries, ("-D", "-g")):
                exported = {name for _, name in nm(which, "--defined-only", library)}
                self.assertEqual(sorted(exported - declared), [], "exported, but not in its headers")
                self.assertEqual(sorted(declared - exported), [], "declared, but not exported")
                self.assertEqual(sorted(name for name in exported if name.startswith("shop__")), [])

    def test_no_global_state(self):
        """No variable outlives a call: no writable data, nothing per thread."""
        symbol = re.compile(r"[0-9a-f]+ (.{7}) (\S+)\t")
        # A table of pointers that the loader fills in is constant after that.
        mutable = r"^(\.(data(?!\.rel\.ro)|bss|tdata|tbss)|\*COM\*)"
        for static in (STATIC, SMTP_STATIC):
            for line in house.run("objdump", "-t", static).splitlines():
                found = symbol.match(line)
                if found and "d" not in found.group(1):  # d: the section itself
                    self.assertNotRegex(found.group(2), mutable, line)

    def test_nothing_forbidden_is_called(self):
        for static, shared in ((STATIC, SHARED), (SMTP_STATIC, SMTP_SHARED)):
            used = ({name for _, name in nm("-u", static)}
                    | {name for _, name in nm("-D", "-u", shared)})
            self.assertIn("malloc" if static == STATIC else "getaddrinfo", used)
            self.assertEqual(sorted(name for name in used if FORBIDDEN.match(name)), [])

    def test_libshop_has_no_network(self):
        """What leaves the machine leaves through the host, or through the companion library."""
        used = {name for _, name in nm("-u", STATIC)} | {name for _, name in nm("-D", "-u", SHARED)}
        self.assertEqual(sorted(name for name in used if NETWORK.match(name)), [])

    def test_soname(self):
        """A host that was linked against this one finds its like, and no other."""
        self.assertIn("[libshop.so.0]", house.run("readelf", "-d", SHARED))
        self.assertIn("[libshop-smtp.so.0]", house.run("readelf", "-d", SMTP_SHARED))


if __name__ == "__main__":
    STATIC, SHARED, SMTP_STATIC, SMTP_SHARED = sys.argv[1:5]
    unittest.main(argv=sys.argv[:1])

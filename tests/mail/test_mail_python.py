"""Mails read back by another implementation: Python's email package.

Usage: test_mail_python.py PRINT_MAIL

Whatever stands in the names, a strict reader finds no defect, the fields that
were put in, and nothing else.
"""

import datetime
import email
import email.errors
import email.header
import email.parser
import email.policy
import encodings.idna
import html
import html.parser
import pathlib
import quopri
import re
import subprocess
import sys

STRICT = email.policy.SMTPUTF8.clone(raise_on_defect=True)

TEMPLATES = pathlib.Path(__file__).resolve().parents[2] / "lib/mail/templates/en"

KINDS = {1: "confirmation", 2: "payment_failed", 3: "order_cancelled", 4: "refund", 5: "welcome",
         6: "verify_address", 7: "password_reset", 8: "email_changed", 9: "password_changed",
         10: "account_exists", 11: "unlock", 12: "registration"}

DEFAULTS = {
    "kind": 1,
    "shop_name": "The Tea Room",
    "from": "orders@example.org",
    "recipient": "ada@example.org",
    "message_id": "order.7F3K-2Q9M@example.org",
    "date_ms": 1795350500123,
    "order_number": "7F3K-2Q9M",
    "order_ms": 1795350500123,
    "currency": "EUR",
    "total": 1998,
    "shipping_address": "Ada Lovelace\n12 St James's Square\nLondon",
    "lines": [("Darjeeling", "TEA-001", 2, 999, 1998)],
    "adjustments": [],
}

ACCOUNT = {name: DEFAULTS[name] for name in ("shop_name", "from", "recipient", "message_id", "date_ms")}

HEADERS = ["Date", "From", "To", "Subject", "Message-ID", "Content-Language", "Auto-Submitted",
           "MIME-Version", "Content-Type"]

EXPONENTS = {"EUR": 2, "JPY": 0, "KWD": 3}
SIGNS = {"EUR": "€", "JPY": "¥"}

ENCODED_WORD = re.compile(r"=\?UTF-8\?[QB]\?[^?\s]*\?=")

CONTROLS = "".join(map(chr, [*range(1, 32), *range(127, 160), 0x2028, 0x2029]))
TURNS = "".join(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))


def order(**changes):
    return {**DEFAULTS, **changes}


def account(kind, **changes):
    return {"kind": kind, **ACCOUNT, **changes}


def encode(o):
    """A mail as print_mail reads it."""
    texts = ["mail", o["kind"]]
    for name, value in o.items():
        if name == "lines":
            for line in value:
                texts += ["line", *line]
        elif name == "adjustments":
            for adjustment in value:
                texts += ["adjustment", *adjustment]
        elif name != "kind" and value is not None:
            texts += [name, value]
    texts.append("compose")
    return b"".join((t if isinstance(t, bytes) else str(t).encode()) + b"\0" for t in texts)


def compose(program, orders):
    """All messages from one run of the program."""
    run = subprocess.run([program], input=b"".join(map(encode, orders)), capture_output=True)
    assert run.returncode == 0, run.stderr
    messages, data, at = [], run.stdout, 0
    while at < len(data):
        end = data.index(b"\n", at)
        size = int(data[at:end])
        messages.append(data[end + 1:end + 1 + size])
        at = end + 1 + size
    return messages


def clean(text):
    """What a single line shows of a text: no control character, nothing that turns its direction,
    always UTF-8."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return "".join(" " if c in CONTROLS else c for c in text if c not in TURNS)


def money(minor, currency):
    """As English writes it."""
    exponent = EXPONENTS[currency]
    digits = str(abs(minor)).rjust(exponent + 1, "0")
    whole, part = (digits[:-exponent], "." + digits[-exponent:]) if exponent else (digits, "")
    sign = SIGNS.get(currency, currency + "\u00a0")
    return f"{'-' if minor < 0 else ''}{sign}{int(whole):,}{part}"


def date(ms):
    at = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
    return f"{at:%b} {at.day}, {at.year}"


def values_of(o):
    """The names of template.h: texts, addresses as lists of lines, lists as lists of dicts."""
    m = lambda minor: money(minor, o["currency"])
    values = {name: clean(o.get(name) or "")
              for name in ("shop_name", "recipient", "order_number", "currency", "reason", "code",
                           "link", "new_email")}
    values["date"] = date(o["date_ms"])
    if "expires_ms" in o:
        at = datetime.datetime.fromtimestamp(o["expires_ms"] // 1000, datetime.timezone.utc)
        values["expires"] = f"{date(o['expires_ms'])} {at:%H:%M} UTC"
    if o["kind"] > 4:
        return values
    values["order_date"], values["total"] = date(o["order_ms"]), m(o["total"])
    for name in ("shipping_address", "billing_address"):
        values[name] = [clean(line) for line in re.split("[\r\n]", o.get(name) or "") if line]
    values["lines"] = [{"name": clean(name), "sku": clean(sku), "quantity": str(quantity),
                        "unit_price": m(unit), "line_total": m(total)}
                       for name, sku, quantity, unit, total in o["lines"]]
    values["adjustments"] = [{"label": clean(label), "amount": m(amount), "included": included}
                             for label, amount, included in o["adjustments"]]
    if "amount" in o:
        values["refund_amount"] = money(o["amount"], o["refund_currency"])
    return values


ALONE = re.compile(r"^[ \t]*({{\s*(?:[#/][^}]*|else)\s*}})[ \t]*(?:\n|\Z)", re.M)


def render(source, values, part):
    """The template language, a second time."""
    tokens = iter(re.split(r"({{.*?}})", ALONE.sub(r"\1", source.replace("\r\n", "\n"))))

    def show(value):
        lines = value if isinstance(value, list) else [value]
        if part == "html":
            escape = lambda line: html.escape(line).replace("&#x27;", "&#39;")
            return "<br>\n".join(map(escape, lines))
        indent = "  " if part == "txt" and isinstance(value, list) else ""
        return (", " if part == "subject" else "\n").join(indent + line for line in lines)

    def parse(until):
        nodes = []
        for token in tokens:
            word = token[2:-2].strip() if token.startswith("{{") else None
            if word is None:
                nodes.append(lambda scope, token=token: token)
            elif word in until:
                return nodes, word
            elif word.startswith("#if "):
                name = word[4:].strip()
                yes, end = parse(("else", "/if"))
                no = parse(("/if",))[0] if end == "else" else []
                nodes.append(lambda scope, name=name, yes=yes, no=no:
                             run(yes if scope.get(name) else no, scope))
            elif word.startswith("#"):
                name, (body, _) = word[1:], parse(("/" + word[1:],))
                nodes.append(lambda scope, name=name, body=body:
                             "".join(run(body, {**scope, **item}) for item in scope[name]))
            else:
                nodes.append(lambda scope, word=word: show(scope[word]))
        return nodes, None

    def run(nodes, scope):
        return "".join(node(scope) for node in nodes)

    return run(parse(())[0], values).replace("\n", "\r\n")


def expected(o, part):
    source = (TEMPLATES / f"{KINDS[o['kind']]}.{part}").read_text("utf-8")
    return render(source.strip("\n") if part == "subject" else source, values_of(o), part)


def check_bytes(raw):
    """What any transport relies on, before anything is parsed."""
    assert b"\0" not in raw
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw), "a bare CR or LF"
    head, body = raw.split(b"\r\n\r\n", 1)
    names = [line.split(b":")[0].decode() for line in head.split(b"\r\n") if line[:1] != b" "]
    assert [name for name in names if name != "Reply-To"] == HEADERS, names
    for line in head.split(b"\r\n"):
        assert line.strip(), "a line of nothing but spaces"
        # Only a piece that cannot be broken may pass the limit; it then has its own line.
        assert len(line) <= 76 or " " not in line.strip().decode() or b'"' in line, line
        assert len(line) <= 998
        if b"=?" in line and b"?=" in line:
            assert len(line) <= 76, line
    for field in re.split(rb"\r\n(?! )", head):
        if not field.startswith((b"From:", b"To:", b"Reply-To:")):
            assert field.isascii(), field
    assert body.isascii() and body.endswith(b"\r\n")
    for line in body.split(b"\r\n"):
        assert len(line) <= 76, line
        assert line[-1:] not in (b" ", b"\t"), line
        assert not line.startswith((b".", b"From ")), line
        assert not re.search(rb"[^\x20-\x7e]", line), line


def check_encoded_words(raw):
    """RFC 2047: at most 75 characters, each one whole UTF-8 by itself."""
    head = raw.split(b"\r\n\r\n", 1)[0].decode()
    assert "=?" not in ENCODED_WORD.sub("", head)
    for word in ENCODED_WORD.findall(head):
        assert len(word) <= 75, word
        (data, charset), = email.header.decode_header(word)
        assert charset == "utf-8", word
        data.decode("utf-8")


def decoded_phrase(raw, name):
    """A phrase of encoded words joined by RFC 2047 section 6.2. The email package of some Python
    versions puts spaces between them, so this reads without it."""
    field = re.search(rb"(?m)^" + name + rb": ?((?:.|\r\n )*)\r\n(?! )", raw).group(1).decode()
    words = ENCODED_WORD.findall(field)
    return "".join(email.header.decode_header(w)[0][0].decode() for w in words) if words else None


def ascii_domain(address):
    """RFC 5891 as Python's own codec (of RFC 3490) has it; they agree on lower case."""
    local, domain = address.rsplit("@", 1)
    return local + "@" + ".".join(label.encode("idna").decode() for label in domain.split("."))


def check_message(o, raw):
    check_bytes(raw)
    check_encoded_words(raw)
    text = raw.decode("utf-8")
    message = email.parser.Parser(policy=STRICT).parsestr(text)
    for name in HEADERS:
        # The reader notes UTF-8 before the "@", which RFC 6532 allows.
        defects = [d for d in message[name].defects
                   if not isinstance(d, email.errors.NonASCIILocalPartDefect)]
        assert not defects, (name, message[name], defects)
    assert not message.defects
    subject = expected(o, "subject")
    assert message["Subject"] == subject, (message["Subject"], subject)
    old = email.message_from_string(text, policy=email.policy.compat32)
    old_subject = str(email.header.make_header(email.header.decode_header(old["Subject"])))
    assert old_subject.replace("\r\n", "") == subject, (old_subject, subject)

    sender, = message["From"].addresses
    assert sender.addr_spec == ascii_domain(o["from"]), sender
    display = decoded_phrase(raw, b"From")
    assert (sender.display_name if display is None else display) == clean(o["shop_name"])
    recipient, = message["To"].addresses
    assert recipient.addr_spec == ascii_domain(o["recipient"]), recipient
    assert recipient.display_name == ""

    assert message["Message-ID"].strip() == f"<{o['message_id']}>"
    assert message["Date"].datetime.timestamp() == o["date_ms"] // 1000
    assert message["MIME-Version"] == "1.0"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "en"
    assert message.get_content_type() == "multipart/alternative"
    for part, kind, name in zip(message.iter_parts(), ("plain", "html"), ("txt", "html"), strict=True):
        assert not part.defects
        assert part.keys() == ["Content-Type", "Content-Transfer-Encoding"]
        assert part.get_content_type() == "text/" + kind
        assert part.get_content_charset() == "utf-8"
        content, wanted = part.get_content(), expected(o, name)
        assert content == wanted, (content, wanted)
        check_encoding(part, wanted)
    shown = Shown()
    shown.feed(expected(o, "html"))
    assert shown.tags <= {"html", "head", "meta", "title", "body", "p", "strong", "br", "table", "tr",
                          "td", "small", "a"}, shown.tags


class Shown(html.parser.HTMLParser):
    """Which elements a reader of the HTML would see."""

    def __init__(self):
        super().__init__()
        self.tags = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert all(name in ("lang", "charset", "style", "dir", "colspan", "href") for name, _ in attrs), attrs


def check_encoding(part, content):
    """The shorter of the two, by Python's own encoders."""
    encoded = part["Content-Transfer-Encoding"]
    data = content.encode()
    quoted = len(quopri.encodestring(data.replace(b"\r\n", b"\n"))) + content.count("\n")
    base64 = len(data) * 78 // 57
    if base64 < quoted * 0.9:
        assert encoded == "base64", (quoted, base64)
    if quoted < base64 * 0.9:
        assert encoded == "quoted-printable", (quoted, base64)


def is_prepared(address):
    """Whether the old rules would take the domain as it is: ours map nothing."""
    for label in address.rsplit("@", 1)[1].split("."):
        try:
            if label.isascii() or encodings.idna.nameprep(label) == label:
                continue
        except UnicodeError:
            pass
        return False
    return True


def cases():
    yield order()
    for kind in (2, 3):
        yield order(kind=kind)
        yield order(kind=kind, reason="The card was declined.", billing_address="A\nB")
    yield order(kind=4, amount=500, refund_currency="EUR")
    yield order(kind=4, amount=1, refund_currency="JPY", reason="Broken <b>cup</b>")
    for kind in (5, 9, 10):
        yield account(kind)
    yield account(8, new_email="new@example.org")
    for kind in (6, 7, 11):
        code = {"code": "q2-_x" * 9, "expires_ms": 1795354100123}
        yield account(kind, **code)
        yield account(kind, **code, link="https://example.org/?code=q2-_x&a='\"<>#" + "x" * 100)
    texts = {
        "Latin": "Café Müßig & Søn – “Thé”",
        "Greek": "Το Τεϊοποτείο της Αθήνας",
        "Arabic": "غرفة الشاي الصغيرة",
        "CJK": "小さな茶室 茶馆 찻집",
        "emoji": "🍵🫖 Tea 👩‍👩‍👧‍👦 🇬🇷",
        "quotes": "The \"Tea\" Room \\ Bar, Ltd. <x@y> (z); a:b",
        "backslash": "Tea \\ Room\\",
        "dots": "....",
        "dot": ".",
        "spaces": "  Tea   Room  ",
        "space at the end": "Tea ",
        "lines of spaces": "Tea" + " " * 200 + "Room",
        "encoded word": "=?utf-8?q?Eve?=",
        "half an encoded word": "=? Tea ?=",
        "equals": "a=b=3D =20",
        "From": "From Russia with love",
        "dashes": "-- ",
        "underscore": "tea_room?",
        "percent": "100 % %s %n",
        "header": "Bcc: eve@example.org",
        "no break": "x" * 200,
        "script": "<script>alert('tea')</script>",
        "attribute": "\" onmouseover=\"x() ' onclick='y()",
        "entity": "&lt;b&gt; &amp; &#60;",
        "template": "{{code}} {{#lines}} {{/if}}",
        "boundary": "--=_shop_0123456789abcdef--",
        "overriding": "Tea \u202eETUNIM 5\u202c \u2066x\u2069 \u200fa\u200e",
        "hebrew": "חדר התה הקטן (1)",
    }
    for text in texts.values():
        for kind in range(5, 12):
            yield account(kind, shop_name=text, code=text, expires_ms=0, new_email=text, link=text,
                          reply_to="help@example.org")
        yield order(kind=2, shop_name=text, reason=text * 10)
        yield order(shop_name=text, order_number="N-1", lines=[(text, text, 1, 1998, 1998)],
                    adjustments=[(text, -5, 0), (text, 319, 1)],
                    shipping_address=f"{text}\r\n{text}\n\n{text}")
        for length in (60, 61, 75, 76, 4000):
            yield order(shop_name=(text * 4000)[:length],
                        lines=[((text * 4000)[:length], "S", 1, 1998, 1998)])
        yield order(shop_name=(text * 4000).encode()[:4000].decode("utf-8", "ignore"),
                    order_number="N-2")
    for control in CONTROLS:
        for text in (f"Tea{control}Room", control, f"{control}Tea", f"Tea{control}",
                     f"Tea{control}Bcc: eve@example.org{control}{control}Total: 0.00 EUR",
                     f"Tea\r\n{control}.\r\nSubject: x"):
            yield order(shop_name=text, order_number=text, adjustments=[(text, 5, 0)],
                        lines=[(text, text, 1, 1998, 1998)], shipping_address=f"A\n{text}\n.\nB")
    for bad in (b"Tea\xff", b"\xc3", b"\xf5\xf5Tea", b"Tea\xff\xff\xff" * 300):
        yield order(shop_name=bad, lines=[(bad, bad, 1, 1, 1)])
    # Every width of a name moves the folds, the soft breaks and the edges of encoded words.
    for character in "ae éß€🍵 ":
        for length in range(1, 100):
            yield order(shop_name="T" + character * length,
                        lines=[(character * length, "S", 1, 1, 1)])
            yield order(shop_name="€" + "x" * length + character,
                        order_number="9" * (length % 30 + 1))
    for words in range(1, 40):
        yield order(shop_name="tea and more " * words + "x")
    addresses = ["a@b", "jürgen@bücher.example", "用户@例子.广告", "δοκιμή@παράδειγμα.δοκιμή",
                 "مثال@موقع.وزارة", "🍵@example.org", "ada@[192.0.2.1]", "ada@[IPv6:2001:db8::1]",
                 '"ada lovelace"@example.org', '"a@b"@example.org',
                 '"<,;:()>"@example.org', "!#$%&'*+-/^_`{|}~@example.org"]
    for start in (0xE0, 0x3B1, 0x430, 0x5D0, 0x627, 0x915, 0xE01, 0x10D0, 0x3042, 0x4E00, 0xAC00):
        for length in range(1, 18):
            label = "".join(chr(start + i * 7 % 20) for i in range(length))
            if start not in (0xE0, 0x915, 0xE01) and start + 20 not in (0x3056,):
                addresses.append(f"a@{label}.example")
            addresses.append(f"a@x{chr(start)}y{chr(start + 5)}-{length}.example")
    addresses = [a for a in addresses if is_prepared(a)]
    addresses += ["a" * 64 + "@" + "b" * length + ".example" for length in range(1, 63)]
    addresses.append("a" * 64 + "@" + ".".join(["b" * 61] * 3))
    for address in addresses:
        yield order(**{"from": address})
        yield order(recipient=address, shop_name="茶館" * 10, **{"from": address})
        yield order(recipient=address, shop_name="x" * 57, **{"from": address})
    for size in range(1, 250, 7):
        yield order(message_id="m" * size + "@example.org")
    for ms in (0, 1000, 951782400000, 4107542400000, 4398046511103):
        yield order(date_ms=ms)
    big, small = 2**63 - 1, -2**63
    yield order(currency="JPY", total=1998, lines=[("Tea", "T", 2, 999, 1998)])
    yield order(currency="KWD", total=-5, adjustments=[("Discount", -5, 0)])
    yield order(total=big, lines=[("Tea", "T", big, small, big)], adjustments=[("x", small, 1)])
    yield order(shipping_address=None, lines=[], adjustments=[])
    yield order(lines=[("茶" * 3400, "x" * 10240, 1, 1, 1), ("é" * 5120, "🍵" * 2560, 1, 1, 1)])
    yield order(lines=[(f"Tea {i}", f"T{i}", i, i, i * i) for i in range(1000)])


def check_hostile_fields(program):
    """Fields that the shop checks long before: even unchecked they break nothing open."""
    hostile = ["", "@", "a@b\r\nBcc: eve@example.org", "a@b>\r\n\r\nbody", "a@b, eve@example.org",
               "Ada <a@b>", "x" * 4000, "\u2028@b", b"\xff@b", *CONTROLS]
    orders = [order(recipient=h, message_id=h, **{"from": h}) for h in hostile]
    for raw in compose(program, orders):
        head = raw.split(b"\r\n\r\n", 1)[0]
        names = [line.split(b":")[0].decode() for line in head.split(b"\r\n") if line[:1] != b" "]
        assert names == HEADERS, names
        assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw)
        assert max(map(len, raw.split(b"\r\n"))) <= 998
        fields = re.split(rb"\r\n(?! )", head)
        assert not re.search(rb"[,;<>]", fields[2]), fields[2]
    return len(orders)


def main():
    program = sys.argv[1]
    orders = list(cases())
    messages = compose(program, orders)
    assert len(messages) == len(orders)
    for o, raw in zip(orders, messages):
        try:
            check_message(o, raw)
        except Exception:
            print("order:", {k: ascii(v)[:300] for k, v in o.items()}, file=sys.stderr)
            print(ascii(raw[:3000]), file=sys.stderr)
            raise
    print(len(orders) + check_hostile_fields(program), "messages read back")


main()

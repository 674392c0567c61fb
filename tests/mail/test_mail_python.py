"""Confirmations read back by another implementation: Python's email package.

Usage: test_mail_python.py PRINT_CONFIRMATION

Whatever stands in the names, a strict reader finds no defect, the fields that
were put in, and nothing else.
"""

import datetime
import email
import email.errors
import email.header
import email.parser
import email.policy
import re
import subprocess
import sys

STRICT = email.policy.SMTPUTF8.clone(raise_on_defect=True)

DEFAULTS = {
    "shop_name": "The Tea Room",
    "from": "orders@example.org",
    "recipient": "ada@example.org",
    "message_id": "order.7F3K-2Q9M@example.org",
    "date_ms": 1795350500123,
    "order_number": "7F3K-2Q9M",
    "currency": "EUR",
    "total": 1998,
    "address": "Ada Lovelace\n12 St James's Square\nLondon",
    "lines": [("Darjeeling", "TEA-001", 2, 999, 1998)],
    "adjustments": [],
}

HEADERS = ["Date", "From", "To", "Subject", "Message-ID", "MIME-Version", "Content-Type",
           "Content-Transfer-Encoding", "Auto-Submitted"]

EXPONENTS = {"EUR": 2, "JPY": 0, "KWD": 3}

ENCODED_WORD = re.compile(r"=\?UTF-8\?[QB]\?[^?\s]*\?=")

CONTROLS = "".join(map(chr, [*range(1, 32), *range(127, 160), 0x2028, 0x2029]))


def order(**changes):
    return {**DEFAULTS, **changes}


def encode(o):
    texts = [o["shop_name"], o["from"], o["recipient"], o["message_id"], o["date_ms"],
             o["order_number"], o["currency"], o["total"], o["address"] or "", len(o["lines"])]
    for line in o["lines"]:
        texts += line
    texts.append(len(o["adjustments"]))
    for adjustment in o["adjustments"]:
        texts += adjustment
    return b"".join((t if isinstance(t, bytes) else str(t).encode()) + b"\0" for t in texts)


def compose(program, orders):
    """All messages from one run of the program."""
    run = subprocess.run([program], input=b"".join(map(encode, orders)), capture_output=True)
    assert run.returncode == 0, run.stderr
    messages, data = [], run.stdout
    while data:
        size, data = data.split(b"\n", 1)
        messages.append(data[:int(size)])
        data = data[int(size):]
    return messages


def clean(text):
    """What a single line shows of a text: no control character, always UTF-8."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return "".join(" " if c in CONTROLS else c for c in text)


def money(minor, currency):
    exponent = EXPONENTS[currency]
    digits = str(abs(minor)).rjust(exponent + 1, "0")
    if exponent:
        digits = digits[:-exponent] + "." + digits[-exponent:]
    return f"{'-' if minor < 0 else ''}{digits} {currency}"


def expected_body(o):
    m = lambda minor: money(minor, o["currency"])
    date = datetime.datetime.fromtimestamp(o["date_ms"] // 1000, datetime.timezone.utc)
    out = ["Hello,", "", f"thank you for your order at {clean(o['shop_name'])}.", "",
           f"Order number: {clean(o['order_number'])}",
           f"Order date:   {date.strftime('%a, %d %b %Y %H:%M:%S +0000')}"]
    for name, sku, quantity, unit, total in o["lines"]:
        out += ["", f"  {clean(name)}", f"  {clean(sku)}: {quantity} x {m(unit)} = {m(total)}"]
    if o["adjustments"]:
        out.append("")
    for label, amount, included in o["adjustments"]:
        note = " (included in the prices)" if included else ""
        out.append(f"  {clean(label)}: {m(amount)}{note}")
    out += ["", f"Total: {m(o['total'])}"]
    if o["address"]:
        lines = [line for line in re.split("[\r\n]", o["address"]) if line]
        out += ["", "Shipping address:", ""] + ["  " + clean(line) for line in lines]
    out += ["", f"This message was sent to {clean(o['recipient'])}.", ""]
    return "\r\n".join(out)


def check_bytes(raw):
    """What any transport relies on, before anything is parsed."""
    assert b"\0" not in raw
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw), "a bare CR or LF"
    head, body = raw.split(b"\r\n\r\n", 1)
    names = [line.split(b":")[0].decode() for line in head.split(b"\r\n") if line[:1] != b" "]
    assert names == HEADERS, names
    for line in head.split(b"\r\n"):
        assert line.strip(), "a line of nothing but spaces"
        # Only a piece that cannot be broken may pass the limit; it then has its own line.
        assert len(line) <= 76 or " " not in line.strip().decode() or b'"' in line, line
        assert len(line) <= 998
        if b"=?" in line and b"?=" in line:
            assert len(line) <= 76, line
    for field in re.split(rb"\r\n(?! )", head):
        if not field.startswith((b"From:", b"To:")):
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


def check_message(o, raw):
    check_bytes(raw)
    check_encoded_words(raw)
    text = raw.decode("utf-8")
    message = email.parser.Parser(policy=STRICT).parsestr(text)
    assert message.keys() == HEADERS
    for name in HEADERS:
        # The reader notes UTF-8 before the "@", which RFC 6532 allows.
        defects = [d for d in message[name].defects
                   if not isinstance(d, email.errors.NonASCIILocalPartDefect)]
        assert not defects, (name, message[name], defects)
    assert not message.defects and not message.is_multipart()

    subject = f"Your order {clean(o['order_number'])} at {clean(o['shop_name'])}"
    assert message["Subject"] == subject, (message["Subject"], subject)
    old = email.message_from_string(text, policy=email.policy.compat32)
    old_subject = str(email.header.make_header(email.header.decode_header(old["Subject"])))
    assert old_subject.replace("\r\n", "") == subject, (old_subject, subject)

    sender, = message["From"].addresses
    assert sender.addr_spec == o["from"], sender
    display = decoded_phrase(raw, b"From")
    assert (sender.display_name if display is None else display) == clean(o["shop_name"])
    recipient, = message["To"].addresses
    assert recipient.addr_spec == o["recipient"], recipient
    assert recipient.display_name == ""

    assert message["Message-ID"].strip() == f"<{o['message_id']}>"
    assert message["Date"].datetime.timestamp() == o["date_ms"] // 1000
    assert message["MIME-Version"] == "1.0"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    assert message.get_content_charset() == "utf-8"
    content = message.get_content()
    assert content == expected_body(o), (content, expected_body(o))


def cases():
    yield order()
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
    }
    for text in texts.values():
        yield order(shop_name=text, order_number="N-1", lines=[(text, text, 1, 1998, 1998)],
                    adjustments=[(text, -5, 0), (text, 319, 1)],
                    address=f"{text}\r\n{text}\n\n{text}")
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
                        lines=[(text, text, 1, 1998, 1998)], address=f"A\n{text}\n.\nB")
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
    yield order(address=None, lines=[], adjustments=[])
    yield order(lines=[(f"Tea {i}", f"T{i}", i, i, i * i) for i in range(64)])


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

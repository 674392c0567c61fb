"""Money and dates against Babel, which carries the whole Unicode CLDR.

Usage: test_locale_babel.py PRINT_MAIL LOCALE_C
"""

import datetime
import decimal
import pathlib
import re
import subprocess
import sys

try:
    from babel import Locale
    from babel.dates import format_date
    from babel.numbers import format_currency
except ImportError:
    print("python3-babel is missing")
    sys.exit(77)

EXPONENTS = {"EUR": 2, "USD": 2, "GBP": 2, "JPY": 0, "KWD": 3, "CHF": 2, "CAD": 2, "SEK": 2, "INR": 2}
AMOUNTS = [0, 1, 5, 99, 100, 1998, 12345, 99900, 123456, 1234567, 12345678, 123456789, 2**63 - 1,
           -1, -1998, -1234567, -(2**63)]
DAYS = [0, 951782400000, 1795350500123, 1798761599999, 4102444800000]

# Where we differ from CLDR 41, and why.
EURO_AS_SIGN = {"hr"}  # the euro came to Croatia in 2023
FROM_FIVE_DIGITS = {"es", "et", "lv", "pl", "pt-PT"}  # minimumGroupingDigits 2: Babel does not know it
# Languages whose medium or short pattern has words, or two digits of a year: the numeric one in full.
DATES = {
    "ar": "dd\u200f/MM\u200f/y", "bg": "d.MM.y 'г'.", "cs": "d. M. y", "da": "dd.MM.y", "de": "dd.MM.y",
    "de-AT": "dd.MM.y", "de-CH": "dd.MM.y", "el": "d/M/y", "en": "MMM d, y", "en-AU": "d MMM y",
    "en-CA": "MMM d, y", "en-GB": "d MMM y", "en-IE": "d MMM y", "en-IN": "dd-MMM-y", "en-NZ": "d/MM/y",
    "es": "d/M/y", "es-MX": "dd/MM/y", "et": "dd.MM.y", "fi": "d.M.y", "fr": "dd/MM/y", "fr-CA": "y-MM-dd",
    "he": "d.M.y", "hr": "dd. MM. y.", "hu": "y. MM. dd.", "it": "dd/MM/y", "it-CH": "dd.MM.y",
    "ja": "y/MM/dd", "ko": "y. M. d.", "lt": "y-MM-dd", "lv": "dd.MM.y", "nb": "dd.MM.y", "nl": "dd-MM-y",
    "nn": "dd.MM.y", "no": "dd.MM.y", "pl": "d.MM.y", "pt": "dd/MM/y", "pt-PT": "dd/MM/y",
    "ro": "dd.MM.y", "ru": "dd.MM.y", "sk": "d. M. y", "sl": "d. MM. y", "sv": "y-MM-dd", "tr": "d.MM.y",
    "uk": "dd.MM.y", "zh": "y年M月d日",
}


def ask(program, commands):
    run = subprocess.run([program], input="".join(f"{part}\0" for c in commands for part in c).encode(),
                         capture_output=True, check=True)
    lines = run.stdout.decode().split("\n")
    assert len(lines) == len(commands) + 1
    return lines[:-1]


def babel_locale(tag):
    return Locale.parse("nb" if tag == "no" else tag.replace("-", "_"))


def signs_of(source, tag):
    """The currencies that the table gives a sign in a language: the others are written as codes."""
    signs = re.search(r'\{"%s",.*?"([^"]*)"\}' % tag, source, re.S).group(1)
    return {sign[:3]: sign[3:] for sign in signs.split()} if signs else {}


def wanted_money(tag, sign, minor, currency):
    locale = babel_locale(tag)
    exponent = EXPONENTS[currency]
    pattern = locale.currency_formats["standard"].pattern
    pattern = pattern.replace(".00", "." + "0" * exponent if exponent else "")
    # CLDR puts a space between a letter of the sign and a digit; Babel leaves that to its caller.
    if sign[-1].isalpha():
        pattern = pattern.replace("¤#", "¤\u00a0#").replace("¤0", "¤\u00a00")
    amount = decimal.Decimal(minor).scaleb(-exponent)
    text = format_currency(amount, "XTS", locale=locale, currency_digits=False, format=pattern)
    if tag in FROM_FIVE_DIGITS and 1000 <= abs(minor) // 10 ** exponent < 10000:
        text = re.sub(r"(?<=\d)[.\u00a0](?=\d{3}(?!\d))", "", text, count=1)
    minus = locale.number_symbols.get("minusSign", "-")  # which Babel does not put into a pattern
    return text.replace("-", minus).replace("XTS", sign)


def check_money(program, source, tags):
    cases = [(tag, minor, currency) for tag in tags for currency in EXPONENTS for minor in AMOUNTS]
    for (tag, minor, currency), got in zip(cases, ask(program, [("money", *case) for case in cases])):
        sign = signs_of(source, tag).get(currency, "€" if currency == "EUR" else currency)
        wanted = wanted_money(tag, sign, minor, currency)
        assert got == wanted, (tag, currency, minor, got, wanted)
    return len(cases)


def check_signs(source, tags):
    """A sign of the table is the one that CLDR has for that language."""
    for tag in tags:
        locale = babel_locale(tag)
        signs = {"EUR": "€", **signs_of(source, tag)}
        for currency, sign in signs.items():
            known = locale.currency_symbols.get(currency, currency)
            if not (currency == "EUR" and tag in EURO_AS_SIGN):
                assert sign == known, (tag, currency, sign, known)


def check_dates(program, tags):
    cases = [(tag, ms, 0) for tag in tags for ms in DAYS]
    for (tag, ms, _), got in zip(cases, ask(program, [("date", *case) for case in cases])):
        at = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
        wanted = format_date(at, DATES[tag], locale=babel_locale(tag))
        if tag.startswith("en"):
            wanted = wanted.replace("Sept", "Sep")
        assert got == wanted, (tag, ms, got, wanted)
        parts = sorted(re.findall("[yMd]+", re.sub("'.*?'", "", DATES[tag])))
        known = [sorted(re.findall("[yMd]+", re.sub("'.*?'", "", babel_locale(tag).date_formats[size].pattern)))
                 for size in ("short", "medium")]
        letters = ["".join(part[0] for part in each) for each in (parts, *known)]
        assert letters[0] in letters[1:], (tag, letters)
    return len(cases)


def check_neutral(program):
    """What is known of no language is written the way of ISO 4217 and ISO 8601."""
    asked = [("money", "tlh", -1998, "EUR"), ("money", "", 1998, "JPY"), ("money", "de", 5, "???"),
             ("date", "tlh", 1795350500123, 0), ("date", "tlh-DE", 1795350500123, 1),
             ("date", "de", 1795350500123, 1), ("money", "DE-latn-de", 5, "EUR")]
    wanted = ["-19.98 EUR", "1998 JPY", "5 ???", "2026-11-22", "2026-11-22 12:28 UTC",
              "22.11.2026 12:28 UTC", "0,05\u00a0€"]
    got = ask(program, asked)
    assert got == wanted, (got, wanted)


def main():
    program, path = sys.argv[1:]
    source = pathlib.Path(path).read_text("utf-8")
    decimal.getcontext().prec = 40
    tags = re.findall(r'^    \{"([a-zA-Z-]+)",', source, re.M)
    assert len(tags) >= 45, tags
    assert sorted(tags) == sorted(DATES), set(tags) ^ set(DATES)
    check_signs(source, tags)
    checked = check_money(program, source, tags) + check_dates(program, tags)
    check_neutral(program)
    print(checked, "amounts and dates as Babel writes them")


main()

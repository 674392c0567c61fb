"""The whole timeline from another language: handles, callbacks that throw, and
numbers that must arrive exact.

test_timeline.py LIBSHOP_SO
"""
import ctypes
import pathlib
import re
import sys
import tempfile
import threading
import types
import unittest

import libshop

S = types.SimpleNamespace(**{member: value for members in libshop.enums().values()
                             for member, value in members.items()})
INT64_MAX = 2**63 - 1
EXACT_MAX = 2**53 - 1  # the largest price, and the largest integer JSON keeps
START_MS = 1_800_000_000_000


def given(function, *arguments):
    """Calls a function whose outputs are the last handle and the error:
    (status, handle or None)."""
    out = ctypes.c_void_p()
    status = function(*arguments, ctypes.byref(out), None)
    return status, out.value


def nothing(kind):
    """NULL or 0, as a parameter of a ctypes type."""
    if issubclass(kind, ctypes._CFuncPtr):
        return kind(0)
    numbers = (ctypes.c_int32, ctypes.c_int64, ctypes.c_size_t, ctypes.c_bool)
    return kind(0) if kind in numbers else None


class Gateway:
    """Takes money, and counts it; `mood` answers a call instead when set."""

    def __init__(self):
        self.mood = None
        self.keys = []
        self.lock = threading.Lock()

    def charge(self, call, _user):
        with self.lock:
            self.keys.append(lib.shop_gateway_call_key(call))
        (self.mood or self.capture)(call)

    @staticmethod
    def capture(call):
        reference = b"ch_" + lib.shop_gateway_call_key(call)
        lib.shop_gateway_call_set_captured(call, reference,
                                           lib.shop_gateway_call_amount_minor(call),
                                           lib.shop_gateway_call_currency(call))


class Shop(unittest.TestCase):
    """A shop in a folder of its own, with fakes that Python answers for."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="libshop-python-")
        self.addCleanup(folder.cleanup)
        self.path = str(pathlib.Path(folder.name) / "a.shop").encode()
        self.now_ms = START_MS
        self.gateway = Gateway()
        self.mails = []
        self.transport = lambda call: lib.shop_mail_call_set_delivered(call)
        self.thrown = []
        self.shop = None
        self.callbacks = []  # ctypes frees a callback that nobody holds
        self.error = self.new(lib.shop_error_new)
        self.config = self.new(lib.shop_config_new)
        self.addCleanup(lambda: lib.shop_error_free(self.error))
        self.addCleanup(lambda: lib.shop_config_free(self.config))
        self.addCleanup(self.close)
        self.configure()
        self.open()

    def configure(self):
        self.set(lib.shop_config_set_password_cost, 8, 1)
        self.set(lib.shop_config_set_mail_from, b"shop@example.org")
        self.set_callback(lib.shop_config_set_clock, lambda _user: self.now_ms)
        self.set_callback(lib.shop_config_set_gateway_charge, self.gateway.charge)
        self.set_callback(lib.shop_config_set_mail_transport, self.send)

    def set(self, setter, *values):
        self.assertEqual(setter(self.config, *values), S.SHOP_OK)

    def set_callback(self, setter, function):
        def guarded(*arguments):
            try:
                return function(*arguments)
            except Exception as problem:  # it goes on into ctypes, which drops it
                self.thrown.append(problem)
                raise

        callback = setter.argtypes[1](guarded)
        self.callbacks.append(callback)
        self.set(setter, callback, None)

    def send(self, call, _user):
        self.mails.append(lib.shop_mail_call_message(call))
        self.transport(call)

    def open(self):
        out = ctypes.c_void_p()
        self.ok(lib.shop_open(self.path, self.config, ctypes.byref(out), self.error))
        self.shop = out.value

    def close(self):
        shop, self.shop = self.shop, None
        if shop is not None:
            self.assertEqual(lib.shop_close(shop), S.SHOP_OK)

    def new(self, function):
        out = ctypes.c_void_p()
        self.assertEqual(function(ctypes.byref(out)), S.SHOP_OK)
        return out.value

    def ok(self, status):
        self.status_is(status, S.SHOP_OK)

    def status_is(self, status, wanted):
        self.assertEqual(lib.shop_status_name(status), lib.shop_status_name(wanted),
                         lib.shop_error_message(self.error))

    def given(self, function, *arguments, freed=None):
        """The handle that a function gives; `freed` at the end of the test."""
        status, handle = given(function, self.shop, *arguments)
        self.status_is(status, S.SHOP_OK)
        if freed:
            self.addCleanup(freed, handle)
        return handle

    # ---- steps of the timeline ----

    def register(self, email=b"ada@example.org"):
        return self.given(lib.shop_user_register, email, b"correct horse", None,
                          freed=lib.shop_token_free)

    def put(self, sku=b"TEA-001", price=999, on_hand=10):
        self.ok(lib.shop_product_put(self.shop, sku, b"Green tea", None, price, b"EUR", on_hand,
                                     None, None, self.error))

    def cart(self, token, sku=b"TEA-001", quantity=2):
        """A cart with one line; its id."""
        cart = self.given(lib.shop_cart_create, token, None, freed=lib.shop_cart_free)
        cart_id = lib.shop_cart_id(cart)
        self.given(lib.shop_cart_add, token, cart_id, sku, quantity, None, freed=lib.shop_cart_free)
        return cart_id

    def buy(self, token, cart_id, key=None, method=b"pm_card_visa", error=None):
        """(status, order or None)"""
        request = self.new(lib.shop_purchase_request_new)
        options = self.new(lib.shop_options_new)
        self.ok(lib.shop_purchase_request_set_method(request, method))
        self.ok(lib.shop_options_set_idempotency_key(options, key))
        out = ctypes.c_void_p()
        status = lib.shop_purchase(self.shop, token, cart_id, request, options, ctypes.byref(out),
                                   error)
        lib.shop_options_free(options)
        lib.shop_purchase_request_free(request)
        if out.value is not None:
            self.addCleanup(lib.shop_order_free, out.value)
        return status, out.value

    def waiting_mails(self):
        stats = self.given(lib.shop_mail_stats, freed=lib.shop_mail_stats_free)
        self.assertEqual(lib.shop_mail_stats_dead(stats), 0)
        return lib.shop_mail_stats_queued(stats) + lib.shop_mail_stats_leased(stats)

    def available(self, sku=b"TEA-001"):
        product = self.given(lib.shop_product_get, sku, freed=lib.shop_product_free)
        return lib.shop_product_available(product)

    def verify(self, attentions=0):
        audit = self.given(lib.shop_verify, freed=lib.shop_audit_free)
        texts = [lib.shop_audit_finding_text(audit, i)
                 for i in range(lib.shop_audit_finding_count(audit))]
        self.assertEqual(lib.shop_audit_violations(audit), 0, texts)
        self.assertEqual(lib.shop_audit_attentions(audit), attentions, texts)


class Guests(Shop):
    def guest(self):
        return self.given(lib.shop_guest_create, None, freed=lib.shop_token_free)

    def session(self, token):
        return self.given(lib.shop_session_check, token, freed=lib.shop_session_free)

    def test_registers_and_buys(self):
        """A guest's cart is bought by the user it has become."""
        self.put()
        guest = self.guest()
        self.assertTrue(lib.shop_session_is_guest(self.session(guest)))
        self.assertEqual(lib.shop_session_email(self.session(guest)), b"")
        cart_id = self.cart(guest)
        self.assertEqual(self.buy(guest, cart_id, key=b"k"), (S.SHOP_ERR_GUEST, None))
        token = self.given(lib.shop_guest_register, guest, b"ada@example.org", b"correct horse",
                           None, freed=lib.shop_token_free)
        self.assertEqual(lib.shop_session_status(self.session(guest)), S.SHOP_ERR_TOKEN_REVOKED)
        self.assertEqual(lib.shop_token_user_id(token), lib.shop_token_user_id(guest))
        self.ok(self.buy(token, cart_id, key=b"k")[0])
        self.verify()

    def test_logs_in_with_the_cart(self):
        """The lines join the account's cart: the higher quantity stays."""
        self.put()
        self.put(sku=b"MUG-001", price=500)
        ada = self.register()
        cart_id = self.cart(ada, quantity=1)
        guest = self.guest()
        guest_cart = self.cart(guest, quantity=3)
        self.given(lib.shop_cart_add, guest, guest_cart, b"MUG-001", 1, None,
                   freed=lib.shop_cart_free)
        token = self.given(lib.shop_guest_login, guest, b"ada@example.org", b"correct horse", None,
                           freed=lib.shop_token_free)
        cart = lib.shop_session_cart(self.session(token))
        self.assertEqual(lib.shop_cart_id(cart), cart_id)
        self.assertEqual([lib.shop_cart_line_quantity(cart, i) for i in range(2)], [3, 1])
        self.ok(self.buy(token, cart_id)[0])
        self.verify()


class Timeline(Shop):
    def test_from_registration_to_mail(self):
        """Register, cart, add, session, purchase, mail; no login needed."""
        self.put()
        token = self.register(b"Ada@example.org")
        cart_id = self.cart(token)
        session = self.given(lib.shop_session_check_jwt, lib.shop_token_jwt(token),
                             freed=lib.shop_session_free)
        self.ok(lib.shop_session_status(session))
        self.assertEqual(lib.shop_session_email(session), b"Ada@example.org")
        cart = lib.shop_session_cart(session)
        self.assertEqual(lib.shop_cart_id(cart), cart_id)
        self.assertEqual(lib.shop_cart_total_minor(cart), 1998)

        status, order = self.buy(token, cart_id, error=self.error)
        self.ok(status)
        self.assertEqual(lib.shop_order_status(order), S.SHOP_ORDER_PLACED)
        self.assertEqual(lib.shop_order_captured_minor(order), 1998)
        self.assertEqual(len(self.gateway.keys), 1)
        self.assertEqual(len(self.mails), 1)
        self.assertIn(lib.shop_order_number(order), self.mails[0])
        self.assertEqual(self.waiting_mails(), 0)
        self.assertEqual(self.available(), 8)
        self.verify()

    def test_login_and_revoked_token(self):
        """A login gives another token; revoking one leaves the other."""
        first = self.register()
        second = self.given(lib.shop_user_login, b"ADA@example.org", b"correct horse", None,
                            freed=lib.shop_token_free)
        self.assertNotEqual(lib.shop_token_jwt(first), lib.shop_token_jwt(second))
        self.ok(lib.shop_token_revoke(self.shop, first, None, self.error))
        self.status_is(given(lib.shop_cart_create, self.shop, first, None)[0],
                       S.SHOP_ERR_TOKEN_REVOKED)
        self.status_is(given(lib.shop_token_verify, self.shop, b"a.b.c")[0],
                       S.SHOP_ERR_TOKEN_INVALID)
        self.given(lib.shop_cart_create, second, None, freed=lib.shop_cart_free)

    def test_same_key_buys_once(self):
        """A double click: one order, one charge, one mail, the same answer."""
        self.put()
        token = self.register()
        cart_id = self.cart(token)
        first = self.buy(token, cart_id, b"click-1")
        second = self.buy(token, cart_id, b"click-1")
        self.ok(first[0])
        self.ok(second[0])
        self.assertEqual(lib.shop_order_number(first[1]), lib.shop_order_number(second[1]))
        other = self.buy(token, cart_id, b"click-1", method=b"pm_other")
        self.status_is(other[0], S.SHOP_ERR_KEY_REUSED)
        self.assertIsNone(other[1])
        self.assertEqual((len(self.gateway.keys), len(self.mails)), (1, 1))
        self.assertEqual(self.available(), 8)
        self.verify()

    def test_last_pieces_from_many_threads(self):
        """Eight shoppers, five pieces: five orders, and callbacks on every thread."""
        self.put(on_hand=5)
        shoppers = []
        for number in range(8):
            token = self.register(b"shopper%d@example.org" % number)
            shoppers.append((token, self.cart(token, quantity=1)))
        results = []
        threads = [threading.Thread(target=lambda one=one: results.append(self.buy(*one)[0]))
                   for one in shoppers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(results), [S.SHOP_ERR_OUT_OF_STOCK] * 3 + [S.SHOP_OK] * 5)
        self.assertEqual(len(set(self.gateway.keys)), 5)
        self.assertEqual(self.available(), 0)
        self.verify()


class Callbacks(Shop):
    """What an exception in Python becomes in C is nothing: no answer at all."""

    def setUp(self):
        super().setUp()
        # ctypes tells of a dropped exception on stderr; here it is expected.
        hook, sys.unraisablehook = sys.unraisablehook, lambda _unraisable: None
        self.addCleanup(setattr, sys, "unraisablehook", hook)
        self.put()
        self.token = self.register()
        self.cart_id = self.cart(self.token)

    def throw(self, _call):
        raise RuntimeError("the network is down")

    def never_paid(self, status, order):
        self.status_is(status, S.SHOP_UNKNOWN)
        self.assertIsNotNone(order)
        self.assertEqual(lib.shop_order_status(order), S.SHOP_ORDER_PENDING)
        self.assertNotEqual(lib.shop_order_payment_status(order), S.SHOP_PAYMENT_CAPTURED)
        self.assertEqual(lib.shop_order_captured_minor(order), 0)
        self.assertEqual(self.mails, [])
        self.assertEqual(self.available(), 8)  # still reserved

    def test_charge_throws(self):
        self.gateway.mood = self.throw
        self.never_paid(*self.buy(self.token, self.cart_id))
        self.assertEqual([str(problem) for problem in self.thrown], ["the network is down"])

    def test_charge_answers_nothing(self):
        self.gateway.mood = lambda call: None
        self.never_paid(*self.buy(self.token, self.cart_id))

    def test_charge_returns_instead_of_answering(self):
        """What a callback returns is not looked at: zero is not paid."""
        self.gateway.mood = lambda call: 0
        self.never_paid(*self.buy(self.token, self.cart_id))

    def test_charge_answers_then_throws(self):
        """The answer was clear before the exception, so it counts: a capture
        that happened must not be forgotten."""

        def capture_then_throw(call):
            Gateway.capture(call)
            self.throw(call)

        self.gateway.mood = capture_then_throw
        self.ok(self.buy(self.token, self.cart_id)[0])
        self.assertEqual(len(self.thrown), 1)
        self.verify()

    def test_charge_answers_wrongly_typed(self):
        self.gateway.mood = lambda call: lib.shop_gateway_call_set_captured(call, "text", 1, b"EUR")
        self.never_paid(*self.buy(self.token, self.cart_id))
        self.assertIsInstance(self.thrown[0], ctypes.ArgumentError)

    def test_recover_after_a_throw(self):
        """What was unknown is asked again under the same key, and then placed."""
        self.gateway.mood = self.throw
        _, order = self.buy(self.token, self.cart_id)
        number = lib.shop_order_number(order)
        self.gateway.mood = None
        self.now_ms += 10 * 60 * 1000
        report = ctypes.c_void_p()
        self.ok(lib.shop_recover(self.shop, 100, ctypes.byref(report), self.error))
        self.assertEqual(lib.shop_recovery_placed(report), 1)
        lib.shop_recovery_free(report)
        placed = self.given(lib.shop_order_get, self.token, number, freed=lib.shop_order_free)
        self.assertEqual(lib.shop_order_status(placed), S.SHOP_ORDER_PLACED)
        self.assertEqual(len(self.gateway.keys), 2)
        self.assertEqual(len(set(self.gateway.keys)), 1)
        self.assertEqual(len(self.mails), 1)
        self.verify()

    def test_mail_throws(self):
        """The order stands, the mail waits and goes out later."""
        self.transport = self.throw
        status, order = self.buy(self.token, self.cart_id)
        self.ok(status)
        self.assertEqual(lib.shop_order_status(order), S.SHOP_ORDER_PLACED)
        self.assertEqual(len(self.thrown), 1)
        self.assertEqual(self.waiting_mails(), 1)
        self.transport = lambda call: lib.shop_mail_call_set_delivered(call)
        self.now_ms += 24 * 3600 * 1000
        delivered = ctypes.c_int32(-1)
        self.ok(lib.shop_mail_deliver(self.shop, 10, ctypes.byref(delivered), self.error))
        self.assertEqual(delivered.value, 1)
        self.assertEqual(self.mails[0], self.mails[1])
        self.assertEqual(self.waiting_mails(), 0)

    def test_mail_answers_nothing(self):
        self.transport = lambda call: None
        self.ok(self.buy(self.token, self.cart_id)[0])
        self.assertEqual(self.waiting_mails(), 1)

    def test_callback_calls_the_library(self):
        """Nothing is held while a callback runs; only closing is refused."""
        seen = []

        def look_around(call):
            order = self.given(lib.shop_order_find_by_number,
                               lib.shop_gateway_call_order_number(call))
            seen.append(lib.shop_order_status(order))
            lib.shop_order_free(order)
            self.put(b"MUG-001")
            seen.append(lib.shop_close(self.shop))
            Gateway.capture(call)

        self.gateway.mood = look_around
        self.ok(self.buy(self.token, self.cart_id)[0])
        self.assertEqual(self.thrown, [])
        self.assertEqual(seen, [S.SHOP_ORDER_PENDING, S.SHOP_ERR_IN_CALLBACK])


class Handles(Shop):
    def test_freed_in_the_wrong_order(self):
        """Snapshots outlive the shop, and each other, and are freed from the
        oldest to the newest."""
        self.put()
        token = given(lib.shop_user_register, self.shop, b"ada@example.org", b"correct horse",
                      None)[1]
        cart_id = self.cart(token)
        session = given(lib.shop_session_check, self.shop, token)[1]
        product = given(lib.shop_product_get, self.shop, b"TEA-001")[1]
        page = given(lib.shop_product_list, self.shop, 0, 10)[1]
        user = given(lib.shop_user_find_by_email, self.shop, b"ada@example.org")[1]
        status, order = self.buy(token, cart_id)
        self.ok(status)
        audit = given(lib.shop_verify, self.shop)[1]
        self.close()

        self.assertEqual(lib.shop_token_jwt(token).count(b"."), 2)
        lib.shop_token_free(token)
        self.assertEqual(lib.shop_cart_line_sku(lib.shop_session_cart(session), 0), b"TEA-001")
        lib.shop_session_free(session)
        lib.shop_product_free(product)
        self.assertEqual(lib.shop_product_name(lib.shop_product_page_at(page, 0)), b"Green tea")
        lib.shop_product_page_free(page)
        self.assertEqual(lib.shop_user_email(user), b"ada@example.org")
        lib.shop_user_free(user)
        self.assertEqual(len(lib.shop_order_number(order)), 12)
        self.assertEqual(lib.shop_audit_violations(audit), 0)
        lib.shop_audit_free(audit)

    def test_config_dies_first(self):
        """The shop has copied its config, texts and callbacks."""
        self.set(lib.shop_config_set_name, b"Copied")
        self.close()
        self.open()
        lib.shop_config_free(self.config)
        self.config = None
        self.put()
        token = self.register()
        self.ok(self.buy(token, self.cart(token))[0])
        self.assertIn(b"Copied", self.mails[0])

    def test_null_everywhere(self):
        """Every function with nothing but NULL and 0: a status or a harmless
        value, never a crash, never OK for what cannot be."""
        seen = 0
        for declaration in libshop.house.declarations(""):
            function = getattr(lib, declaration.name)
            if any("*" in parameter for parameter in declaration.parameters):
                with self.subTest(function=declaration.name):
                    seen += 1
                    result = function(*map(nothing, function.argtypes))
                    self.assertIn(result, self.harmless(declaration))
        self.assertGreater(seen, 150)

    @staticmethod
    def harmless(declaration):
        """What a function may answer to nothing."""
        if declaration.name in ("shop_close", "shop_error_code"):
            return (S.SHOP_OK,)
        if declaration.returns == "const char *":
            return (b"",)
        # A getter takes a const handle, and perhaps an index; it knows no failure,
        # but the status of no session is not "good".
        getter = re.match(r"const shop_(?!options|t\b)", declaration.parameters[0])
        if declaration.returns == "int32_t":
            fails = not getter or declaration.name == "shop_session_status"
            return (S.SHOP_ERR_ARGUMENT,) if fails else (0,)
        return (None, 0, False)


class Values(Shop):
    def test_status_names(self):
        """Every status has the name that its header gives it, and no other
        number has one."""
        statuses = libshop.enums()["shop_status"]
        self.assertGreater(len(statuses), 40)
        for number in list(range(-1000, 10)) + [-2**31, 2**31 - 1]:
            names = [name for name, value in statuses.items() if value == number]
            self.assertEqual(lib.shop_status_name(number).decode(),
                             names[0] if names else "SHOP_ERR_UNNAMED")

    def test_constants_have_twins(self):
        self.assertEqual(lib.shop_stock_unlimited(), -1)
        self.assertEqual(lib.shop_stock_max(), 10**12)
        self.assertRegex(lib.shop_version(), rb"^\d+\.\d+\.\d+$")

    def test_money_is_exact(self):
        text = ctypes.create_string_buffer(40)
        for amount, wanted in ((INT64_MAX, b"92233720368547758.07 EUR"),
                               (-INT64_MAX - 1, b"-92233720368547758.08 EUR"),
                               (EXACT_MAX + 2, b"90071992547409.93 EUR")):
            self.ok(lib.shop_money_format(amount, b"EUR", text, 40))
            self.assertEqual(text.value, wanted)
        out = ctypes.c_int64()
        self.ok(lib.shop_money_parse(b"92233720368547758.07", b"EUR", ctypes.byref(out)))
        self.assertEqual(out.value, INT64_MAX)
        self.assertEqual(lib.shop_money_parse(b"92233720368547758.08", b"EUR", ctypes.byref(out)),
                         S.SHOP_ERR_OVERFLOW)

    def test_totals_above_2_to_53_are_exact(self):
        """From Python through the store, the gateway and back, to the last digit."""
        self.put(b"ISLAND", EXACT_MAX, lib.shop_stock_max())
        token = self.register()
        cart_id = self.cart(token, b"ISLAND", 999)
        asked = []

        def note(call):
            asked.append(lib.shop_gateway_call_amount_minor(call))
            Gateway.capture(call)

        self.gateway.mood = note
        status, order = self.buy(token, cart_id)
        self.ok(status)
        total = EXACT_MAX * 999
        self.assertGreater(total, 2**62)
        self.assertEqual(asked, [total])
        self.assertEqual(lib.shop_order_total_minor(order), total)
        self.assertEqual(lib.shop_order_captured_minor(order), total)
        self.assertEqual(lib.shop_order_line_total_minor(order, 0), total)
        self.assertEqual(self.available(b"ISLAND"), 10**12 - 999)
        self.verify()

    def test_a_total_that_does_not_fit_is_refused(self):
        for sku in (b"ISLAND-1", b"ISLAND-2"):
            self.put(sku, EXACT_MAX, lib.shop_stock_unlimited())
        token = self.register()
        cart_id = self.cart(token, b"ISLAND-1", 999)
        status, cart = given(lib.shop_cart_add, self.shop, token, cart_id, b"ISLAND-2", 999, None)
        self.status_is(status, S.SHOP_ERR_OVERFLOW)
        self.assertIsNone(cart)

    def test_ids_are_below_2_to_53(self):
        self.put()
        token = self.register()
        status, order = self.buy(token, self.cart(token))
        self.ok(status)
        for number in (lib.shop_order_id(order), lib.shop_order_user_id(order),
                       lib.shop_order_cart_id(order)):
            self.assertGreater(number, 2**32)
            self.assertLess(number, 2**53)

    def test_errors_belong_to_their_object(self):
        """Two error objects do not share their text, and a good call clears."""
        other = self.new(lib.shop_error_new)
        self.addCleanup(lib.shop_error_free, other)
        out = ctypes.c_void_p()
        lib.shop_product_get(self.shop, b"NONE-1", ctypes.byref(out), self.error)
        lib.shop_user_register(self.shop, b"no address", b"correct horse", None,
                               ctypes.byref(out), other)
        self.assertEqual(lib.shop_error_code(self.error), S.SHOP_ERR_NOT_FOUND)
        self.assertEqual(lib.shop_error_code(other), S.SHOP_ERR_EMAIL)
        self.assertNotEqual(lib.shop_error_message(self.error), lib.shop_error_message(other))
        self.ok(lib.shop_mail_deliver(self.shop, 1, None, other))
        self.assertEqual(lib.shop_error_message(other), b"")


if __name__ == "__main__":
    lib = libshop.load(sys.argv[1])
    unittest.main(argv=sys.argv[:1])

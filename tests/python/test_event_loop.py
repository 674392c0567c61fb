"""A host that must not block: one thread, an asyncio loop, no callback at all. It
begins purchases, asks a gateway in its own way and reports the answers; it takes
mail, sends it while it does other things, and says what became of it.

test_event_loop.py LIBSHOP_SO
"""
import asyncio
import contextlib
import ctypes
import pathlib
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import types
import unittest

import libshop
import test_timeline
from test_timeline import S, given

MINUTE_MS = 60 * 1000


class Bank:
    """A gateway over there: it takes its time, and tells by webhooks, in any order and
    now and then twice. It takes money once for a key."""

    def __init__(self, host, seed=1):
        self.host = host
        self.random = random.Random(seed)
        self.taken = {}
        self.events = 0
        self.declines = set()  # methods
        self.hangs_up = False

    async def pay(self, order):
        """What the host's own client of the gateway does with the order's first operation."""
        charge = types.SimpleNamespace(
            key=lib.shop_order_operation_key(order, 0),
            method=lib.shop_order_operation_method(order, 0),
            amount=lib.shop_order_operation_amount_minor(order, 0),
            currency=lib.shop_order_operation_currency(order, 0))
        for _ in range(self.random.randrange(20)):
            await asyncio.sleep(0)
        if self.hangs_up:
            raise ConnectionError("the bank hangs up")
        if charge.method not in self.declines:
            self.taken[charge.key] = charge
        self.events += 1
        event = b"evt_%d" % self.events
        for _ in range(self.random.choice((1, 1, 2))):
            self.tell(event, charge)
            await asyncio.sleep(0)

    def tell(self, event, charge):
        host = self.host
        report = host.new(lib.shop_payment_report_new)
        host.ok(lib.shop_payment_report_set_event_id(report, event))
        host.ok(lib.shop_payment_report_set_key(report, charge.key))
        if charge.key in self.taken:
            host.ok(lib.shop_payment_report_set_reference(report, b"ch_" + charge.key))
            host.ok(lib.shop_payment_report_set_outcome(report, S.SHOP_OUTCOME_CAPTURED))
            host.ok(lib.shop_payment_report_set_amount(report, charge.amount, charge.currency))
        else:
            host.ok(lib.shop_payment_report_set_outcome(report, S.SHOP_OUTCOME_DECLINED))
        order = host.given(lib.shop_payment_report, report)
        lib.shop_payment_report_free(report)
        lib.shop_order_free(order)


class EventLoop(test_timeline.Shop):
    def configure(self):
        self.set(lib.shop_config_set_password_cost, 8, 1)
        self.set(lib.shop_config_set_mail_from, b"shop@example.org")
        self.set_callback(lib.shop_config_set_clock, lambda _user: self.now_ms)

    def setUp(self):
        super().setUp()
        self.bank = Bank(self)
        self.sent = {}  # Message by order number

    # ---- what such a host is made of ----

    def begin(self, token, cart_id, key=None, method=b"pm_card_visa"):
        """(status, order or None), without a word to a gateway."""
        request = self.new(lib.shop_purchase_request_new)
        options = self.new(lib.shop_options_new)
        self.ok(lib.shop_purchase_request_set_method(request, method))
        self.ok(lib.shop_options_set_idempotency_key(options, key))
        status, order = given(lib.shop_purchase_begin, self.shop, token, cart_id, request, options)
        lib.shop_options_free(options)
        lib.shop_purchase_request_free(request)
        if order is not None:
            self.addCleanup(lib.shop_order_free, order)
        return status, order

    async def shopper(self, number, quantity=1, method=b"pm_card_visa"):
        """Registers, fills a cart, buys; the order's number, or the status of a refusal."""
        token = self.register(b"shopper%d@example.org" % number)
        cart_id = self.cart(token, quantity=quantity)
        await asyncio.sleep(0)
        status, order = self.begin(token, cart_id, method=method)
        if order is None:
            return status
        self.ok(status)
        self.assertEqual(lib.shop_order_status(order), S.SHOP_ORDER_PENDING)
        await self.bank.pay(order)
        return lib.shop_order_number(order)

    def take(self):
        """A mail that is due and is this host's for now, or None."""
        out = ctypes.c_void_p()
        self.ok(lib.shop_mail_take(self.shop, None, ctypes.byref(out), self.error))
        return out.value

    async def send(self, mail, outcome):
        """Sends it slowly, other things run meanwhile."""
        number = lib.shop_mail_order_number(mail)
        message = ctypes.string_at(lib.shop_mail_message(mail), lib.shop_mail_message_bytes(mail))
        await asyncio.sleep(0)
        if outcome == S.SHOP_MAIL_DELIVERED:
            self.sent.setdefault(number, []).append(message)
        if outcome is not None:
            self.ok(lib.shop_mail_done(self.shop, mail, outcome, b"450 later", None, self.error))
        lib.shop_mail_free(mail)

    async def postman(self, outcome=S.SHOP_MAIL_DELIVERED):
        """Takes all that is due, and sends it side by side."""
        sending = []
        while (mail := self.take()) is not None:
            sending.append(asyncio.create_task(self.send(mail, outcome)))
            await asyncio.sleep(0)
        await asyncio.gather(*sending)
        return len(sending)

    def status_of(self, number):
        order = self.given(lib.shop_order_find_by_number, number)
        status = lib.shop_order_status(order)
        lib.shop_order_free(order)
        return status

    def next_due(self):
        due = ctypes.c_int64()
        self.ok(lib.shop_mail_next_due_ms(self.shop, ctypes.byref(due), self.error))
        return due.value

    # ---- the tests ----

    def test_one_purchase(self):
        """Begun, paid elsewhere, reported, mailed: and it is the order of any other host."""
        self.put()

        async def host():
            number = await self.shopper(1, quantity=2)
            self.assertEqual(self.status_of(number), S.SHOP_ORDER_PLACED)
            self.assertEqual(await self.postman(), 1)
            return number

        number = asyncio.run(host())
        self.assertEqual(list(self.sent), [number])
        self.assertIn(number, self.sent[number][0])
        self.assertEqual([charge.amount for charge in self.bank.taken.values()], [1998])
        self.assertEqual(self.available(), 8)
        self.assertEqual(self.waiting_mails(), 0)
        self.verify()

    def test_many_at_once(self):
        """Forty shoppers on one thread, thirty pieces, some cards declined, answers in any
        order and twice: each order is what the bank did, none is oversold, one mail each."""
        self.put(on_hand=30)
        self.bank.declines.add(b"pm_card_declined")

        async def host():
            shoppers = [self.shopper(number,
                                     method=b"pm_card_declined" if number % 4 == 3
                                     else b"pm_card_visa") for number in range(40)]
            results = await asyncio.gather(*shoppers)
            await self.postman()
            return results

        results = asyncio.run(host())
        numbers = [number for number in results if isinstance(number, bytes)]
        placed = [number for number in numbers if self.status_of(number) == S.SHOP_ORDER_PLACED]
        self.assertTrue(all(result == S.SHOP_ERR_OUT_OF_STOCK
                            for result in results if result not in numbers))
        self.assertEqual(len(placed), len(self.bank.taken))
        self.assertEqual(self.available(), 30 - len(placed))
        self.assertGreater(len(placed), 20)
        confirmed = {number: mails for number, mails in self.sent.items() if number in placed}
        self.assertEqual({len(mails) for mails in confirmed.values()}, {1})
        self.assertEqual(len(confirmed), len(placed))
        self.assertEqual(self.waiting_mails(), 0)
        self.verify()

    def test_a_double_click_while_the_bank_thinks(self):
        """The second click gets the first one's order, and nobody is charged twice."""
        self.put()

        async def host():
            token = self.register()
            cart_id = self.cart(token)
            status, order = self.begin(token, cart_id, b"click-1")
            self.ok(status)
            paying = asyncio.create_task(self.bank.pay(order))
            await asyncio.sleep(0)
            again, same = self.begin(token, cart_id, b"click-1")
            self.assertEqual(lib.shop_order_number(same), lib.shop_order_number(order))
            self.assertIn(again, (S.SHOP_OK, S.SHOP_IN_PROGRESS))
            await paying
            again, same = self.begin(token, cart_id, b"click-1")
            self.ok(again)
            self.assertEqual(lib.shop_order_status(same), S.SHOP_ORDER_PLACED)

        asyncio.run(host())
        self.assertEqual(len(self.bank.taken), 1)
        self.verify()

    def test_a_task_that_dies(self):
        """The host's own call to the bank fails: nothing is paid, nothing is lost, and the
        report that comes later places the order."""
        self.put()

        async def host():
            token = self.register()
            _, order = self.begin(token, self.cart(token))
            self.bank.hangs_up = True
            with self.assertRaises(ConnectionError):
                await self.bank.pay(order)
            self.bank.hangs_up = False
            self.assertEqual(self.status_of(lib.shop_order_number(order)), S.SHOP_ORDER_PENDING)
            self.assertEqual(await self.postman(), 0)
            self.now_ms += 3600 * 1000
            await self.bank.pay(order)
            self.assertEqual(self.status_of(lib.shop_order_number(order)), S.SHOP_ORDER_PLACED)
            self.assertEqual(await self.postman(), 1)

        asyncio.run(host())
        self.verify()

    def test_when_to_come_again(self):
        """The loop's timer: never, now, after a wait, and after the lease of a sender that
        never said what became of its mail."""
        self.put()

        async def host():
            self.assertEqual(self.next_due(), lib.shop_mail_none_due())
            await self.shopper(1)
            self.assertLessEqual(self.next_due(), self.now_ms)
            self.assertEqual(await self.postman(S.SHOP_MAIL_LATER), 1)
            self.assertGreater(self.next_due(), self.now_ms)
            self.assertEqual(await self.postman(), 0)
            self.now_ms = self.next_due()
            self.assertEqual(await self.postman(None), 1)  # it dies with the mail in its hand
            self.assertEqual(await self.postman(), 0)
            self.assertGreater(self.next_due(), self.now_ms + MINUTE_MS)
            self.now_ms = self.next_due()
            self.assertEqual(await self.postman(), 1)
            self.assertEqual(self.next_due(), lib.shop_mail_none_due())

        asyncio.run(host())
        self.assertEqual([len(mails) for mails in self.sent.values()], [1])
        self.verify()

    def test_two_postmen(self):
        """Each mail is in one hand at a time."""
        self.put(on_hand=20)

        async def host():
            await asyncio.gather(*(self.shopper(number) for number in range(20)))
            counts = await asyncio.gather(self.postman(), self.postman())
            self.assertEqual(sum(counts), 20)
            self.assertTrue(all(counts))

        asyncio.run(host())
        self.assertEqual([len(mails) for mails in self.sent.values()], [1] * 20)
        self.verify()


class Example(unittest.TestCase):
    def test_the_example_runs(self):
        """examples/event_loop.py: two orders placed, one declined, each told by one mail."""
        program = pathlib.Path(__file__).resolve().parents[2] / "examples" / "event_loop.py"
        with tempfile.TemporaryDirectory(prefix="event-loop-") as folder:
            store = pathlib.Path(folder) / "a.shop"
            ended = subprocess.run([sys.executable, program, library, store], check=False,
                                   capture_output=True, text=True, timeout=60)
            self.assertEqual((ended.returncode, ended.stderr), (0, ""))
            with contextlib.closing(sqlite3.connect(store)) as db:
                orders = dict(db.execute("SELECT number, status FROM orders"))
                mails = db.execute("SELECT state, count(*) FROM outbox GROUP BY state").fetchall()
        self.assertEqual(sorted(orders.values()), [S.SHOP_ORDER_PLACED] * 2 + [S.SHOP_ORDER_FAILED])
        self.assertEqual(mails, [(S.SHOP_MAIL_SENT, 3)])
        for number in orders:
            self.assertEqual(len(re.findall(f"about order {number}$", ended.stdout, re.M)), 1)


if __name__ == "__main__":
    library = sys.argv[1]
    lib = test_timeline.lib = libshop.load(sys.argv[1])
    unittest.main(argv=sys.argv[:1])

#!/usr/bin/env python3
"""A shop inside an asyncio program: one thread, and nobody waits for a gateway or a mail
server but the task that asked it. No callback is set: purchases are begun, paid by the
program's own means and reported; mail is taken, sent, and answered for.

Usage: event_loop.py LIBSHOP_SO STORE
"""
import asyncio
import ctypes
import sys
import time

# As much of a binding as this program needs. `-> cart` comes out and is freed with the
# Python object, `= text` is the result, and `!` says what went wrong.
FUNCTIONS = """
error_new -> error
error_message error = text
config_new -> config
config_set_name config text
open text config -> shop !
close shop
recover shop i32 -> recovery !
product_put shop text text text i64 text i64 options -> product !
user_register shop text text options -> token !
cart_create shop token options -> cart !
cart_add shop token i64 text i64 options -> cart !
cart_id cart = i64
purchase_request_new -> purchase_request
purchase_request_set_method purchase_request text
purchase_begin shop token i64 purchase_request options -> order !
order_number order = text
order_status order = i32
order_operation_key order i32 = text
order_operation_method order i32 = text
order_operation_amount_minor order i32 = i64
order_operation_currency order i32 = text
payment_report_new -> payment_report
payment_report_set_event_id payment_report text
payment_report_set_key payment_report text
payment_report_set_outcome payment_report i32
payment_report_set_reference payment_report text
payment_report_set_amount payment_report i64 text
payment_report_set_reason payment_report text
payment_report shop payment_report -> order !
mail_next_due_ms shop -> i64 !
mail_none_due = i64
mail_take shop options -> mail !
mail_recipient mail = text
mail_order_number mail = text
mail_done shop mail i32 text options !
"""
CAPTURED, DECLINED = 1, 2  # enum shop_gateway_outcome
ORDER_PLACED = 2           # enum shop_order_status
MAIL_DELIVERED = 1         # enum shop_mail_outcome
PLAIN = {"text": ctypes.c_char_p, "i32": ctypes.c_int32, "i64": ctypes.c_int64}


class Handle:
    """Something of the library's that Python holds."""

    def __init__(self, pointer, free):
        self._as_parameter_, self.free = ctypes.c_void_p(pointer), free

    def __del__(self):
        if self.free is not None:
            self.free(self)


class Library:
    """lib.cart_add(...) is shop_cart_add(...)."""

    def __init__(self, path):
        library = ctypes.CDLL(path)
        for line in FUNCTIONS.strip().splitlines():
            self._bind(library, line)
        self.error = self.error_new()

    def _bind(self, library, line):
        words, fails = line.rstrip("! ").split(), line.endswith("!")
        sign = next((word for word in words if word in ("->", "=")), None)
        what = words[-1] if sign else None
        takes = words[1:words.index(sign)] if sign else words[1:]
        function = getattr(library, "shop_" + words[0])
        function.argtypes = [PLAIN.get(word, ctypes.c_void_p) for word in takes]
        function.argtypes += [ctypes.c_void_p] * ((sign == "->") + fails)
        function.restype = PLAIN[what] if sign == "=" else ctypes.c_int32
        free = getattr(library, f"shop_{what}_free", None) if sign == "->" else None

        def call(*given):
            given = [one.encode() if isinstance(one, str) else one for one in given]
            out = PLAIN.get(what, ctypes.c_void_p)()
            if sign == "->":
                given.append(ctypes.byref(out))
            if fails:
                given.append(self.error)
            result = function(*given)
            if sign == "=":
                return result.decode() if isinstance(result, bytes) else result
            if result != 0:
                raise RuntimeError(self.error_message(self.error) if fails else words[0])
            if what in PLAIN or sign is None or out.value is None:
                return out.value if sign else None
            return Handle(out.value, free)

        setattr(self, words[0], call)


async def bank(method):
    """The client of some gateway. It takes a while, and other tasks run."""
    await asyncio.sleep(0.05)
    return CAPTURED if method == "pm_card_visa" else DECLINED


async def pay(lib, shop, order):
    """Asks for what the order's first operation says, and reports the answer. A real
    program does the second part in its webhook as well: the same news twice is one."""
    key = lib.order_operation_key(order, 0)
    outcome = await bank(lib.order_operation_method(order, 0))
    report = lib.payment_report_new()
    lib.payment_report_set_event_id(report, "evt_" + key)
    lib.payment_report_set_key(report, key)
    lib.payment_report_set_outcome(report, outcome)
    if outcome == CAPTURED:
        lib.payment_report_set_reference(report, "ch_" + key)
        lib.payment_report_set_amount(report, lib.order_operation_amount_minor(order, 0),
                                      lib.order_operation_currency(order, 0))
    else:
        lib.payment_report_set_reason(report, "insufficient funds")
    return lib.payment_report(shop, report)


async def shopper(lib, shop, bell, email, method):
    """From registration to an order. Calls of the library return at once: they work on
    the program's own file."""
    token = lib.user_register(shop, email, "correct horse battery", None)
    cart = lib.cart_create(shop, token, None)
    lib.cart_add(shop, token, lib.cart_id(cart), "TEA-001", 1, None)
    request = lib.purchase_request_new()
    lib.purchase_request_set_method(request, method)
    order = lib.purchase_begin(shop, token, lib.cart_id(cart), request, None)
    print(f"{email}: order {lib.order_number(order)} is begun")
    order = await pay(lib, shop, order)
    bell.set()  # that has written a mail
    placed = lib.order_status(order) == ORDER_PLACED
    print(f"{email}: order {lib.order_number(order)} is {'placed' if placed else 'declined'}")


async def send(lib, shop, mail):
    """Hands one mail to some mail server, and says so."""
    await asyncio.sleep(0.02)
    print(f"mail to {lib.mail_recipient(mail)} about order {lib.mail_order_number(mail)}")
    lib.mail_done(shop, mail, MAIL_DELIVERED, None, None)


async def postman(lib, shop, bell):
    """Sends what is due, side by side; sleeps until the bell rings, or a mail is due that
    had to wait. What was taken and never answered for is due again after its lease."""
    sending = set()
    while True:
        bell.clear()
        while (mail := lib.mail_take(shop, None)) is not None:
            task = asyncio.create_task(send(lib, shop, mail))
            sending.add(task)
            task.add_done_callback(sending.discard)
        wait_s = (lib.mail_next_due_ms(shop) - time.time() * 1000) / 1000
        try:
            await asyncio.wait_for(bell.wait(), max(0.0, min(wait_s, 3600.0)))
        except asyncio.TimeoutError:
            pass


async def main(path, store):
    lib = Library(path)
    config = lib.config_new()
    lib.config_set_name(config, "Tea and time")
    shop = lib.open(store, config)
    lib.recover(shop, 1000)  # what an earlier run may have left in the middle
    lib.product_put(shop, "TEA-001", "Green tea", None, 999, "EUR", 100, None)
    bell = asyncio.Event()
    post = asyncio.create_task(postman(lib, shop, bell))
    await asyncio.gather(shopper(lib, shop, bell, "ada@example.org", "pm_card_visa"),
                         shopper(lib, shop, bell, "bob@example.org", "pm_card_declined"),
                         shopper(lib, shop, bell, "eve@example.org", "pm_card_visa"))
    while lib.mail_next_due_ms(shop) != lib.mail_none_due():
        await asyncio.sleep(0.01)
    post.cancel()
    lib.close(shop)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.splitlines()[-1])
    asyncio.run(main(*sys.argv[1:]))

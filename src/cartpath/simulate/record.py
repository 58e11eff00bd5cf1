"""The compact row the kernels write: 56 bytes an event, turned into Arrow columns only when a file is written."""

from __future__ import annotations

import numpy as np

from cartpath.schema import Event
from cartpath.simulate import settings, vocabulary

RECORD = np.dtype(
    [
        ("arrival", "i8"),  # when the row reaches the log: its place in the file
        ("ts", "i8"),
        ("order_cents", "i8"),
        ("user", "i4"),
        ("item", "i4"),
        ("page", "i4"),
        ("cents", "i4"),
        ("order", "i2"),
        ("visit", "i2"),
        ("seq", "i2"),
        ("query", "i2"),
        ("traffic", "i2"),
        ("event", "u1"),
        ("quantity", "u1"),  # 0: none
        ("device", "u1"),
        ("dirt", "u1"),  # 0: clean, else 1 + place in settings.DIRT_KINDS
    ],
    align=True,
)

#: No price, in ``cents``.
NO_CENTS = -(2**31)

PAGE_VIEW = vocabulary.EVENTS.index(Event.page_view)
PROMOTION = vocabulary.EVENTS.index(Event.promotion_click)
SEARCH = vocabulary.EVENTS.index(Event.search)
CLICK = vocabulary.EVENTS.index(Event.click)
VIEW = vocabulary.EVENTS.index(Event.view)
WISHLIST = vocabulary.EVENTS.index(Event.wishlist)
ADD = vocabulary.EVENTS.index(Event.add_to_cart)
REMOVE = vocabulary.EVENTS.index(Event.remove_from_cart)
CHECKOUT = vocabulary.EVENTS.index(Event.checkout)
PURCHASE = vocabulary.EVENTS.index(Event.purchase)
REFUND = vocabulary.EVENTS.index(Event.refund)
UNKNOWN = vocabulary.EVENTS.index(vocabulary.UNKNOWN_EVENT)

EXACT_DUPLICATE = 1 + settings.DIRT_KINDS.index("exact_duplicate")
NEAR_DUPLICATE = 1 + settings.DIRT_KINDS.index("near_duplicate")
MISSING_USER = 1 + settings.DIRT_KINDS.index("missing_user")
NEGATIVE_PRICE = 1 + settings.DIRT_KINDS.index("negative_price")
ABSURD_TIME = 1 + settings.DIRT_KINDS.index("absurd_time")
UNREADABLE_TIME = 1 + settings.DIRT_KINDS.index("unreadable_time")
ABSURD_QUANTITY = 1 + settings.DIRT_KINDS.index("absurd_quantity")
NAN_PRICE = 1 + settings.DIRT_KINDS.index("nan_price")
LATE_ARRIVAL = 1 + settings.DIRT_KINDS.index("late_arrival")
UNKNOWN_EVENT = 1 + settings.DIRT_KINDS.index("unknown_event")
MISSING_PRICE = 1 + settings.DIRT_KINDS.index("missing_price")
PRICE_SLIP = 1 + settings.DIRT_KINDS.index("price_slip")
QUANTITY_SLIP = 1 + settings.DIRT_KINDS.index("quantity_slip")
STALLED_TAB = 1 + settings.DIRT_KINDS.index("stalled_tab")
SKEWED_CLOCK = 1 + settings.DIRT_KINDS.index("skewed_clock")

#: Pages, in order: the fixed ones, one of each kind of product, one of each item, the reviews of each item.
N_FIXED_PAGES = len(vocabulary.PAGES)
N_KINDS = len(vocabulary.kinds())
P_HOME = vocabulary.PAGES.index("/home")
P_INFO = vocabulary.PAGES.index("/about")
P_SEARCH = vocabulary.PAGES.index("/search")
P_WISHLIST = vocabulary.PAGES.index("/wishlist")
P_ORDERS = vocabulary.PAGES.index("/account/orders")
P_BASKET = vocabulary.PAGES.index("/basket")
P_CHECKOUT = vocabulary.PAGES.index("/checkout/address")
P_CONFIRMATION = vocabulary.PAGES.index("/checkout/confirmation")

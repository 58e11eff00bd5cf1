"""``online_retail``: the UCI's Online Retail, lines of invoices, and shops whose invoices look alike.

What each kind of line becomes, and the figures of the real file, are in ``docs/online-retail.md``.
"""

from __future__ import annotations

from collections.abc import Iterator

from cartpath.ingest.adapter import Adapter, Context, Option
from cartpath.ingest.adapters.retail_events import Ledger
from cartpath.ingest.adapters.retail_lines import COUNTRY, CUSTOMER, DATE, INVOICE, NAMES, PRICE, QUANTITY, STOCK, ZONE
from cartpath.ingest.adapters.retail_rows import EVENT, ITEM, LINE, ORDER, PIECES, PROPS, USER
from cartpath.ingest.chunk import Chunk
from cartpath.ingest.readers import flat
from cartpath.schema import Columns

_LEDGER = "online_retail"
#: Postage, carriage, manual corrections, discounts, samples, bad debt, charges, commissions; and of Online Retail II
#: its adjustments and test rows.
_FEES = "POST,DOT,C2,C3,M,D,S,B,BANK CHARGES,AMAZONFEE,CRUK,ADJUST,ADJUST2,TEST001,TEST002"


def read(context: Context) -> Iterator[Chunk]:
    """Yield events of invoice lines; what earlier files of the same ingest sold can be cancelled in later ones."""
    ledger = context.shared.setdefault(_LEDGER, Ledger(context.options))
    wanted = [name for names in NAMES.values() for name in names]
    found = flat.columns_of(context.file, context.options["delimiter"])
    user = next((name for name in NAMES[CUSTOMER] if name in found), None)
    names = [name for name in wanted if name in found]
    for chunk in flat.chunks(context.file, names, context.options["delimiter"], user=user):
        yield ledger.take(chunk)


ADAPTER = Adapter(
    name="online_retail",
    description="UCI Online Retail (I and II): InvoiceNo, StockCode, Quantity, InvoiceDate, UnitPrice, CustomerID, ...",
    columns={
        Columns.user_id: USER,
        Columns.ts: DATE,
        Columns.event: EVENT,
        Columns.item_id: ITEM,
        Columns.price: PRICE,
        Columns.quantity: PIECES,
        Columns.order_id: ORDER,
        Columns.event_id: LINE,
        Columns.props: PROPS,
        Columns.country: COUNTRY,
    },
    time_zone=ZONE,
    options={
        "missing_customer": Option(
            "quarantine",
            "lines without customer: quarantine, or an anonymous user an invoice",
            ("quarantine", "anonymous"),
        ),
        "fees": Option(
            "event",
            "lines that are no goods: fee and credit events, purchases like others, or quarantine",
            ("event", "sale", "quarantine"),
        ),
        "fee_codes": Option(_FEES, "stock codes that are no goods, separated by commas"),
        "repeats": Option("keep", "equal lines of one invoice: keep each, or drop all but the first", ("keep", "drop")),
    },
    read=read,
    in_order=True,
    tested_on="real data: UCI Online Retail, 541,909 lines; Online Retail II untested on real data",
    needs=tuple(NAMES[name] for name in (INVOICE, STOCK, QUANTITY, DATE, PRICE, CUSTOMER)),
)

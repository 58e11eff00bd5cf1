"""``complete_journey``: grocery baskets, campaigns and households of the R package completejourney (84.51°)."""

from __future__ import annotations

from cartpath.ingest.adapter import Adapter, Option
from cartpath.ingest.adapters.complete_journey_rows import (
    BASKET,
    CAMPAIGN,
    CAMPAIGNS,
    COUPON,
    COUPON_DISC,
    DEPARTMENT,
    END,
    HOUSEHOLD,
    KIND,
    MATCH_DISC,
    NAME,
    PRICE,
    PRODUCT,
    PROPS,
    PURCHASE,
    QUANTITY,
    RETAIL_DISC,
    SALES,
    START,
    STORE,
    TYPE,
    campaign_starts,
    demographics,
    products,
    redemptions,
    transactions,
)
from cartpath.ingest.file_kinds import FileKind, Role
from cartpath.schema import Columns

#: The package's data are of stores in this zone; its dates are local, its time stamps were written in UTC.
ZONE = "America/New_York"
_TIME, _REDEEMED = "transaction_timestamp", "redemption_date"
_ZERO = {"zero_quantity": Option(PURCHASE, "the event name of receipt lines with quantity 0")}
_LINE = (HOUSEHOLD, STORE, BASKET, PRODUCT, QUANTITY, SALES, RETAIL_DISC, COUPON_DISC, MATCH_DISC, _TIME)

_TRANSACTIONS = Adapter(
    name="complete_journey transactions",
    description="one line of a receipt a row",
    columns={
        Columns.user_id: HOUSEHOLD,
        Columns.ts: _TIME,
        Columns.event: NAME,
        Columns.item_id: PRODUCT,
        Columns.session_id: BASKET,
        Columns.order_id: BASKET,
        Columns.price: PRICE,
        Columns.quantity: QUANTITY,
        Columns.props: PROPS,
    },
    options=_ZERO,
    read_columns=(STORE, SALES, RETAIL_DISC, COUPON_DISC, MATCH_DISC),
    derive=transactions,
    derived=(NAME, PRICE, PROPS),
)
_CAMPAIGNS = Adapter(
    name="complete_journey campaigns",
    description="households that received a campaign; its start is the time",
    columns={Columns.user_id: HOUSEHOLD, Columns.ts: START, Columns.campaign: CAMPAIGN, Columns.props: PROPS},
    defaults={Columns.event: "campaign_received"},
    time_zone=ZONE,
    derive=campaign_starts,
    derived=(START, PROPS),
)
_REDEMPTIONS = Adapter(
    name="complete_journey coupon redemptions",
    description="coupons that a household redeemed, by day",
    columns={Columns.user_id: HOUSEHOLD, Columns.ts: _REDEEMED, Columns.campaign: CAMPAIGN, Columns.props: PROPS},
    defaults={Columns.event: "coupon_redemption"},
    time_zone=ZONE,
    read_columns=(COUPON,),
    derive=redemptions,
    derived=(PROPS,),
)

ADAPTER = Adapter(
    name="complete_journey",
    description="Complete Journey (R package completejourney): receipts, products, households, campaigns, coupons",
    options=_ZERO,
    files=(
        FileKind("transactions", Role.events, ("transactions*",), _LINE, _TRANSACTIONS),
        FileKind("campaigns", Role.events, ("campaigns*",), (CAMPAIGN, HOUSEHOLD), _CAMPAIGNS, uses=(CAMPAIGNS,)),
        FileKind(CAMPAIGNS, Role.lookup, ("campaign_descriptions*",), (CAMPAIGN, KIND, START, END), required=True),
        FileKind(
            "coupon redemptions",
            Role.events,
            ("coupon_redemptions*",),
            (HOUSEHOLD, COUPON, CAMPAIGN, _REDEEMED),
            _REDEMPTIONS,
        ),
        FileKind("products", Role.items, ("products*",), (PRODUCT, DEPARTMENT, *TYPE), build=products),
        FileKind("demographics", Role.users, ("demographics*",), (HOUSEHOLD, "age", "income"), build=demographics),
        FileKind("coupons", Role.ignored, ("coupons*",), why="which products a coupon is for: no household, no time"),
        FileKind("promotions", Role.ignored, ("promotions*",), why="where products stood in a store: of no household"),
    ),
    tested_on="real data: all 8 files of the package, with its sample of 75,000 transactions",
)

"""Column names of the records that cross rooms; no other module spells them as strings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


class Columns:
    """Names of the canonical event, item, user and feedback columns."""

    user_id = "user_id"
    ts = "ts"
    event = "event"
    item_id = "item_id"
    session_id = "session_id"
    price = "price"
    quantity = "quantity"
    order_id = "order_id"
    order_value = "order_value"
    page = "page"
    query = "query"
    event_id = "event_id"
    props = "props"

    channel = "channel"
    source = "source"
    medium = "medium"
    campaign = "campaign"
    keyword = "keyword"
    referrer = "referrer"
    is_direct = "is_direct"
    device = "device"
    browser = "browser"
    os = "os"
    language = "language"
    country = "country"
    region = "region"
    city = "city"
    visit_number = "visit_number"

    # Items.
    title = "title"
    description = "description"
    category = "category"
    brand = "brand"
    image = "image"
    attributes = "attributes"

    # Links between ids; ``source`` (above) says what showed a link.
    anonymous_id = "anonymous_id"
    first = "first"
    last = "last"
    n = "n"

    # Internal to ingest: where a row comes from and which rows belong together.
    file = "_file"
    row = "_row"
    hit = "_hit"
    once = "_once"
    blanked = "_blanked"
    received = "_received"


#: Context of the session, carried on its events; all optional.
CONTEXT: tuple[str, ...] = (
    Columns.channel,
    Columns.source,
    Columns.medium,
    Columns.campaign,
    Columns.keyword,
    Columns.referrer,
    Columns.is_direct,
    Columns.device,
    Columns.browser,
    Columns.os,
    Columns.language,
    Columns.country,
    Columns.region,
    Columns.city,
    Columns.visit_number,
)

#: Context held as a dictionary code; the other two are held as small numbers.
CODED_CONTEXT: tuple[str, ...] = tuple(
    name for name in CONTEXT if name not in (Columns.is_direct, Columns.visit_number)
)

REQUIRED: tuple[str, ...] = (Columns.user_id, Columns.ts, Columns.event)


def event_schema() -> pa.Schema:
    """Return the canonical Arrow schema of an event, in column order.

    Returns
    -------
    pyarrow.Schema
        ``user_id``, ``ts`` (microseconds, UTC) and ``event`` are required; all else may be null.

    Examples
    --------
    >>> event_schema().field("ts").type
    TimestampType(timestamp[us, tz=UTC])
    """
    import pyarrow as pa

    special = {
        Columns.ts: pa.timestamp("us", tz="UTC"),
        Columns.price: pa.float64(),
        Columns.quantity: pa.int32(),
        Columns.order_value: pa.float64(),
        Columns.is_direct: pa.bool_(),
        Columns.visit_number: pa.int32(),
    }
    names = (
        Columns.user_id,
        Columns.ts,
        Columns.event,
        Columns.item_id,
        Columns.session_id,
        Columns.price,
        Columns.quantity,
        Columns.order_id,
        Columns.order_value,
        Columns.page,
        Columns.query,
        Columns.event_id,
        Columns.props,
        *CONTEXT,
    )
    return pa.schema([pa.field(n, special.get(n, pa.string()), nullable=n not in REQUIRED) for n in names])


def item_schema() -> pa.Schema:
    """Return the canonical Arrow schema of a catalogue item.

    Returns
    -------
    pyarrow.Schema
        ``category`` is a path, ``a > b > c``; ``attributes`` is JSON text.

    Examples
    --------
    >>> item_schema().names[0]
    'item_id'
    """
    import pyarrow as pa

    text = (
        Columns.title,
        Columns.description,
        Columns.category,
        Columns.brand,
        Columns.image,
        Columns.attributes,
    )
    fields = [pa.field(Columns.item_id, pa.string(), nullable=False)]
    fields += [pa.field(name, pa.string()) for name in text]
    fields.append(pa.field(Columns.price, pa.float64()))
    return pa.schema(fields)

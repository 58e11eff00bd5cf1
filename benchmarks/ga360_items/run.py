"""Which rule makes one product of the SKUs in a Google Analytics export? Measured on what buyers had viewed.

A rule is good when the lines of an order were viewed before by the same buyer, and bad when it gets there by
lumping products together; the same share for another buyer's views, and the number of products, show that.

    python benchmarks/ga360_items/run.py        # reads ../shared/data/ga360_merch or $CARTPATH_DATA/ga360_merch
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cartpath.ingest.adapters.ga360_columns import hit_times
from cartpath.ingest.adapters.ga360_fields import column, field, texts
from cartpath.ingest.adapters.ga360_rows import flatten
from cartpath.ingest.adapters.ga360_text import item_of

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DATA = Path(os.environ.get("CARTPATH_DATA") or ROOT.parent / "shared" / "data") / "ga360_merch"

Rule = Callable[[str, str], str]


def prefix(sku: str, name: str) -> str:
    return sku[:12] if len(sku) == 14 else sku


def design(sku: str, name: str) -> str:
    """The four digits after the eight letters: GGOEGAAX0578 and GGOEGALJ057913 are both design 0578."""
    return sku[8:12]


RULES: dict[str, tuple[str, Rule]] = {
    "sku": ("the SKU as it is", lambda sku, name: sku),
    "sku prefix": ("without the two digits of size and colour", prefix),
    "design number": ("the four digits in the middle of the SKU", design),
    "name": ("the product's name as it is", lambda sku, name: name),
    "name, normalised": ("letters and digits in lower case (the rule taken)", lambda sku, name: item_of(name) or sku),
    "one product": ("everything is one product: the upper bound", lambda sku, name: "x"),
}


def lines() -> pa.Table:
    """Return every product acted upon: visitor, time, action, SKU, name, and the order of a purchase."""
    tables = []
    for file in sorted(DATA.glob("*.parquet")):
        table = pq.ParquetFile(file).read()
        hits = flatten(column(table, "hits"))
        at, owner = pa.array(~hits.impression), pa.array(hits.product_hit)
        of_hit = {
            "user": texts(column(table, "fullVisitorId")).take(pa.array(hits.session)),
            "t": hit_times(table, hits),
            "hit": pa.array(range(len(hits.hit)), pa.int64()),
            "action": texts(field(hits.hit, "eCommerceAction", "action_type")),
            "transaction": texts(field(hits.hit, "transaction", "transactionId")),
        }
        columns = {name: values.take(owner) for name, values in of_hit.items()}
        columns["sku"] = texts(field(hits.product, "productSKU"))
        columns["name"] = texts(field(hits.product, "v2ProductName"))
        tables.append(pa.table(columns).filter(at))
    return pa.concat_tables(tables)


def aliases(pairs: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Join products that share a normalised name or a design number anywhere in the data: needs all of it first."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for sku, name in pairs:
        a, b = sorted((root("name " + (item_of(name) or sku)), root("design " + design(sku, name))))
        parent[b] = a
    return {pair: root("design " + design(*pair)) for pair in pairs}


MEASURE = """
with rows as (select l.*, ids.id from lines l join ids using (sku, name)),
firsts as (select "transaction", min((t, hit)) k from rows where action = '6' group by 1),
bought as (select r.* from rows r join firsts f on r."transaction" = f."transaction" and (r.t, r.hit) = f.k
           where r.action = '6'),
viewed as (select "user", id, min(t) t from rows where action = '2' group by 1, 2),
ever as (select id, min(t) t from rows where action = '2' group by 1),
buyers as (select "user", coalesce(lead("user") over w, first_value("user") over w) other
           from (select distinct "user" from bought) window w as (order by md5("user"))),
outcome as (select b.id, coalesce(v.t < b.t, false) own, coalesce(e.t < b.t, false) anyone, o.id is not null other
            from bought b left join viewed v on v."user" = b."user" and v.id = b.id
            left join ever e on e.id = b.id join buyers y on y."user" = b."user"
            left join viewed o on o."user" = y.other and o.id = b.id)
select count(*), sum(own::int), sum(anyone::int), sum(other::int),
       (select count(distinct id) from rows), (select count(distinct id) from bought), (select count(*) from ever)
from outcome
"""


def main() -> None:
    if not DATA.is_dir():
        print(f"skipped: no data at {DATA}", file=sys.stderr)
        return
    db = duckdb.connect()
    table = lines()
    db.register("lines_arrow", table)
    db.execute("create table lines as select * from lines_arrow")
    pairs = db.execute("select distinct sku, name from lines order by 1, 2").fetchall()
    joined = aliases(pairs)
    rules = {
        **RULES,
        "name or design": ("joined over all the data: not known row by row", lambda sku, name: joined[sku, name]),
    }
    out = [
        "| rule | what it is | viewed before by the buyer | viewed before by anyone | viewed by another buyer"
        " | products | bought | viewed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for rule, (what, function) in rules.items():
        ids = pa.table(
            {
                "sku": [sku for sku, _ in pairs],
                "name": [name for _, name in pairs],
                "id": [function(sku, name) for sku, name in pairs],
            }
        )
        db.register("ids", ids)
        n, own, anyone, other, products, bought, viewed = db.execute(MEASURE).fetchall()[0]
        shares = " | ".join(f"{k:,} of {n:,} ({k / n:.1%})" for k in (own, anyone, other))
        out.append(f"| {rule} | {what} | {shares} | {products} | {bought} | {viewed} |")
    text = "\n".join(out)
    skus = pc.count_distinct(table["sku"]).as_py()
    (HERE / "results.md").write_text(
        f"# Item id of the Google Analytics export\n\n{text}\n\n"
        f"{table.num_rows:,} product lines of {len(list(DATA.glob('*.parquet')))} days, {skus:,} SKUs.\n"
        "Lines of an order are those of the first hit with its transaction id. Views are product detail views\n"
        '(action 2) before the purchase; "another buyer" is the next one in a fixed random order, at any time.\n\n'
        f"Machine: {platform.machine()}, Python {platform.python_version()}, DuckDB {duckdb.__version__}."
        " Nothing here is timed.\n",
        encoding="utf-8",
    )
    print(text)


if __name__ == "__main__":
    main()

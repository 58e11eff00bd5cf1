"""Event store, path table and the views on it."""

from typing import TYPE_CHECKING

from cartpath.schema.lazy import lazy

if TYPE_CHECKING:
    from cartpath.store.codes import ERASED, Codes
    from cartpath.store.files import atomic, write_json
    from cartpath.store.manifest import leftovers
    from cartpath.store.memory import view_from_table
    from cartpath.store.path import (
        FLAG_BLANKED,
        FLAG_IMPUTED_PRICE,
        FLAG_IMPUTED_QUANTITY,
        FLAG_NEAR_DUPLICATE,
        FLAG_OUTLIER_DWELL,
        FLAG_OUTLIER_PRICE,
        FLAG_OUTLIER_QUANTITY,
        FLAG_ROBOT,
        NO_CODE,
        NO_QUANTITY,
        PathView,
        Sessions,
    )
    from cartpath.store.publish import Committed
    from cartpath.store.snapshot import ALWAYS_SHAPED, NEVER_SHAPED, Snapshot, Totals
    from cartpath.store.workspace import init, open_snapshot
    from cartpath.store.writer import Writer, writer

__all__ = [
    "ALWAYS_SHAPED",
    "ERASED",
    "FLAG_BLANKED",
    "FLAG_IMPUTED_PRICE",
    "FLAG_IMPUTED_QUANTITY",
    "FLAG_NEAR_DUPLICATE",
    "FLAG_OUTLIER_DWELL",
    "FLAG_OUTLIER_PRICE",
    "FLAG_OUTLIER_QUANTITY",
    "FLAG_ROBOT",
    "NEVER_SHAPED",
    "NO_CODE",
    "NO_QUANTITY",
    "Codes",
    "Committed",
    "PathView",
    "Sessions",
    "Snapshot",
    "Totals",
    "Writer",
    "atomic",
    "init",
    "leftovers",
    "open_snapshot",
    "view_from_table",
    "write_json",
    "writer",
]

lazy(
    __name__,
    {
        "ALWAYS_SHAPED": "snapshot",
        "ERASED": "codes",
        "FLAG_BLANKED": "path",
        "FLAG_IMPUTED_PRICE": "path",
        "FLAG_IMPUTED_QUANTITY": "path",
        "FLAG_NEAR_DUPLICATE": "path",
        "FLAG_OUTLIER_DWELL": "path",
        "FLAG_OUTLIER_PRICE": "path",
        "FLAG_OUTLIER_QUANTITY": "path",
        "FLAG_ROBOT": "path",
        "NEVER_SHAPED": "snapshot",
        "NO_CODE": "path",
        "NO_QUANTITY": "path",
        "Codes": "codes",
        "Committed": "publish",
        "PathView": "path",
        "Sessions": "path",
        "Snapshot": "snapshot",
        "Totals": "snapshot",
        "Writer": "writer",
        "atomic": "files",
        "init": "workspace",
        "leftovers": "manifest",
        "open_snapshot": "workspace",
        "view_from_table": "memory",
        "write_json": "files",
        "writer": "writer",
    },
)

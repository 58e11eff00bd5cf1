"""Event store, path table and the views on it."""

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

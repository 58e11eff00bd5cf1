"""What a model may know: encoders fitted on a period, windows of paths, counts of the session so far; no labels."""

from cartpath.features.dwell import dwell
from cartpath.features.encoder import EncodedLog, Lookups, PathEncoder, encode, item_content, lookups
from cartpath.features.fit import fit_encoder, fit_encoder_over
from cartpath.features.item_words import ItemWords, fit_item_words, fit_words_of, words_of_items
from cartpath.features.log import (
    MAX_EVENTS,
    Log,
    Snapshot,
    earlier,
    head,
    join,
    log_from_table,
    log_of,
    only,
    read_log,
    stretch,
)
from cartpath.features.moment import Column, columns, session_features
from cartpath.features.moments import by_session, count_within, moments, user_of_event
from cartpath.features.order import order_statistics
from cartpath.features.table import FeatureTable
from cartpath.features.times import GapScale, fit_gap_scale, gap_scale, gaps, time_features
from cartpath.features.vocabulary import Vocabulary, lookup
from cartpath.features.windows import (
    Batch,
    SharedWindows,
    chunks,
    gather,
    length_batches,
    shared_windows,
    window_starts,
)

__all__ = [
    "MAX_EVENTS",
    "Batch",
    "Column",
    "EncodedLog",
    "FeatureTable",
    "GapScale",
    "ItemWords",
    "Log",
    "Lookups",
    "PathEncoder",
    "SharedWindows",
    "Snapshot",
    "Vocabulary",
    "by_session",
    "chunks",
    "columns",
    "count_within",
    "dwell",
    "earlier",
    "encode",
    "fit_encoder",
    "fit_encoder_over",
    "fit_gap_scale",
    "fit_item_words",
    "fit_words_of",
    "gap_scale",
    "gaps",
    "gather",
    "head",
    "item_content",
    "join",
    "length_batches",
    "log_from_table",
    "log_of",
    "lookup",
    "lookups",
    "moments",
    "only",
    "order_statistics",
    "read_log",
    "session_features",
    "shared_windows",
    "stretch",
    "time_features",
    "user_of_event",
    "window_starts",
    "words_of_items",
]

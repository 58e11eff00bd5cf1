"""What a model may know: encoders fitted on a period, windows of paths, counts of the session so far; no labels."""

from cartpath.features.dwell import dwell
from cartpath.features.encoder import EncodedLog, Lookups, PathEncoder, encode, grown_lookups, item_content, lookups
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
from cartpath.features.moment import session_features
from cartpath.features.moments import by_session, count_within, moments, user_of_event
from cartpath.features.order import order_statistics
from cartpath.features.profile import (
    PROFILE_COLUMNS,
    People,
    Reference,
    UserFeatures,
    check_ending,
    feature_columns,
    fit_reference,
    fit_reference_over,
    snapshot_features,
    user_features,
    write_features,
)
from cartpath.features.shaped import check_known_before
from cartpath.features.table import FeatureTable
from cartpath.features.text import DIMS, TEXTS, Texts, check_texts, fit_texts
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
    "DIMS",
    "MAX_EVENTS",
    "PROFILE_COLUMNS",
    "TEXTS",
    "Batch",
    "EncodedLog",
    "FeatureTable",
    "GapScale",
    "ItemWords",
    "Log",
    "Lookups",
    "PathEncoder",
    "People",
    "Reference",
    "SharedWindows",
    "Snapshot",
    "Texts",
    "UserFeatures",
    "Vocabulary",
    "by_session",
    "check_ending",
    "check_known_before",
    "check_texts",
    "chunks",
    "count_within",
    "dwell",
    "earlier",
    "encode",
    "feature_columns",
    "fit_encoder",
    "fit_encoder_over",
    "fit_gap_scale",
    "fit_item_words",
    "fit_reference",
    "fit_reference_over",
    "fit_texts",
    "fit_words_of",
    "gap_scale",
    "gaps",
    "gather",
    "grown_lookups",
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
    "snapshot_features",
    "stretch",
    "time_features",
    "user_features",
    "user_of_event",
    "window_starts",
    "words_of_items",
    "write_features",
]

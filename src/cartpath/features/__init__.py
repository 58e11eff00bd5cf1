"""What a model may know: encoders fitted on a period, windows of paths, counts of the session so far; no labels."""

from cartpath.features.dwell import dwell
from cartpath.features.encoder import EncodedLog, PathEncoder, encode, fit_encoder, item_content
from cartpath.features.log import MAX_EVENTS, Log, head, join, log_from_table, log_of, read_log
from cartpath.features.moments import by_session, count_within, moments, user_of_event
from cartpath.features.session import FeatureTable, session_features
from cartpath.features.times import GapScale, fit_gap_scale, gap_scale, gaps, time_features
from cartpath.features.vocabulary import Vocabulary, lookup
from cartpath.features.windows import Batch, chunks, gather, length_batches, window_starts

__all__ = [
    "MAX_EVENTS",
    "Batch",
    "EncodedLog",
    "FeatureTable",
    "GapScale",
    "Log",
    "PathEncoder",
    "Vocabulary",
    "by_session",
    "chunks",
    "count_within",
    "dwell",
    "encode",
    "fit_encoder",
    "fit_gap_scale",
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
    "moments",
    "read_log",
    "session_features",
    "time_features",
    "user_of_event",
    "window_starts",
]

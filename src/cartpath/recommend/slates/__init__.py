"""What was shown, and what came of it: slates logged as they are served, clicks and purchases joined by request id.

``SlateLog.open(workspace)``
    ``record(request_id, user_id, ts, policy, model, slate)`` in microseconds; a thread writes.
``Feedback.open(workspace, slates=None)``
    ``record(request_id, item_id, kind, ts)`` returns ``joined``, ``unknown_request``, ``unknown_item`` or
    ``duplicate``.
``read_feedback(workspace) -> pyarrow.Table``
    A row for each item shown: ``request_id user_id ts item_id rank propensity policy clicked purchased``.
``count_feedback(workspace) -> FeedbackCounts``
    What was shown and given, added up, and click-through and conversion by policy with intervals.
``take_feedback(workspace, source) -> dict``
    Takes feedback from JSON lines.
``off_policy(table, target, clip=10.0) -> OffPolicy``
    What another policy would have had, by inverse propensities.
"""

from cartpath.recommend.slates.counts import FeedbackCounts, PolicyRates, count_feedback
from cartpath.recommend.slates.feedback import KINDS, OUTCOMES, Feedback
from cartpath.recommend.slates.off_policy import OffPolicy, off_policy
from cartpath.recommend.slates.read import feedback_tables, read_feedback
from cartpath.recommend.slates.record import SlateLog
from cartpath.recommend.slates.take import take_feedback

__all__ = [
    "KINDS",
    "OUTCOMES",
    "Feedback",
    "FeedbackCounts",
    "OffPolicy",
    "PolicyRates",
    "SlateLog",
    "count_feedback",
    "feedback_tables",
    "off_policy",
    "read_feedback",
    "take_feedback",
]

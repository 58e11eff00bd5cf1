"""What is predicted: the question, the moment it is asked, the answer, and the slices of time."""

from cartpath.tasks.cuts import TimeCuts, time_cuts
from cartpath.tasks.intent import STEPS, IntentRows, IntentTask, intent_rows
from cartpath.tasks.next_item import NextItemRows, next_item_rows
from cartpath.tasks.protocols import (
    PROTOCOLS,
    leave_one_out,
    session_last,
    session_positions,
    time_split_last,
)
from cartpath.tasks.questions import NextItemSplit, Questions, asked
from cartpath.tasks.split import (
    JUDGED,
    SLICES,
    Dates,
    TimeSplit,
    check_judged,
    check_trained_before,
    check_unshaped,
    time_split,
    time_split_of,
)

__all__ = [
    "JUDGED",
    "PROTOCOLS",
    "SLICES",
    "STEPS",
    "Dates",
    "IntentRows",
    "IntentTask",
    "NextItemRows",
    "NextItemSplit",
    "Questions",
    "TimeCuts",
    "TimeSplit",
    "asked",
    "check_judged",
    "check_trained_before",
    "check_unshaped",
    "intent_rows",
    "leave_one_out",
    "next_item_rows",
    "session_last",
    "session_positions",
    "time_cuts",
    "time_split",
    "time_split_last",
    "time_split_of",
]

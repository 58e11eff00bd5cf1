"""What is predicted: the question, the moment it is asked, the answer, and the slices of time."""

from cartpath.tasks.churn import ChurnRows, ChurnTask, churn_at, churn_rows
from cartpath.tasks.cutoff_rows import CutoffRows, asked_users, check_asked, check_labels, cutoffs_of
from cartpath.tasks.cutoffs import Cutoffs, cutoffs
from cartpath.tasks.cuts import TimeCuts, time_cuts
from cartpath.tasks.intent import STEPS, IntentRows, IntentTask, intent_rows
from cartpath.tasks.log_scale import LogScale
from cartpath.tasks.next_item import NextItemRows, next_item_rows
from cartpath.tasks.protocols import (
    PROTOCOLS,
    leave_one_out,
    session_last,
    session_positions,
    time_split_last,
)
from cartpath.tasks.questions import NextItemSplit, Questions, asked
from cartpath.tasks.repeat import REPEATED, RepeatRows, RepeatTask, repeat_at, repeat_rows, repeated
from cartpath.tasks.spend import SpendRows, SpendTask, spend_at, spend_rows
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
    "REPEATED",
    "SLICES",
    "STEPS",
    "ChurnRows",
    "ChurnTask",
    "CutoffRows",
    "Cutoffs",
    "Dates",
    "IntentRows",
    "IntentTask",
    "LogScale",
    "NextItemRows",
    "NextItemSplit",
    "Questions",
    "RepeatRows",
    "RepeatTask",
    "SpendRows",
    "SpendTask",
    "TimeCuts",
    "TimeSplit",
    "asked",
    "asked_users",
    "check_asked",
    "check_judged",
    "check_labels",
    "check_trained_before",
    "check_unshaped",
    "churn_at",
    "churn_rows",
    "cutoffs",
    "cutoffs_of",
    "intent_rows",
    "leave_one_out",
    "next_item_rows",
    "repeat_at",
    "repeat_rows",
    "repeated",
    "session_last",
    "session_positions",
    "spend_at",
    "spend_rows",
    "time_cuts",
    "time_split",
    "time_split_last",
    "time_split_of",
]

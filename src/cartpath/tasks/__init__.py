"""What is predicted: the question, the moment it is asked, the answer, and the slices of time."""

from cartpath.tasks.intent import EveryStep, IntentRows, IntentTask, every_step, intent_rows
from cartpath.tasks.next_item import NextItemRows, next_item_rows
from cartpath.tasks.split import DEFAULT_SHARES, SLICES, TimeSplit, check_unshaped, time_split

__all__ = [
    "DEFAULT_SHARES",
    "SLICES",
    "EveryStep",
    "IntentRows",
    "IntentTask",
    "NextItemRows",
    "TimeSplit",
    "check_unshaped",
    "every_step",
    "intent_rows",
    "next_item_rows",
    "time_split",
]

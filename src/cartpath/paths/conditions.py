"""The language of conditions and patterns, as paths are asked in it; ``schema.conditions`` reads it."""

from cartpath.schema.conditions import (
    ANY,
    NONE,
    Condition,
    Pattern,
    Step,
    as_condition,
    parse_conditions,
    parse_step,
    parse_steps,
)

__all__ = [
    "ANY",
    "NONE",
    "Condition",
    "Pattern",
    "Step",
    "as_condition",
    "parse_conditions",
    "parse_step",
    "parse_steps",
]

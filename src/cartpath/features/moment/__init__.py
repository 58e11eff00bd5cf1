"""What is known at a moment of a session: the inputs of trees and of logistic regression."""

from cartpath.features.moment.column import Column
from cartpath.features.moment.features import columns, session_features

__all__ = ["Column", "columns", "session_features"]

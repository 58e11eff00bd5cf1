"""Features of users as of a cut-off: profile and time, by scans of the paths before it."""

from cartpath.features.profile.column import Column, UserFeatures
from cartpath.features.profile.features import PROFILE_COLUMNS, feature_columns, user_features
from cartpath.features.profile.people import People
from cartpath.features.profile.reference import Reference, fit_reference, fit_reference_over
from cartpath.features.profile.write import check_ending, snapshot_features, write_features

__all__ = [
    "PROFILE_COLUMNS",
    "Column",
    "People",
    "Reference",
    "UserFeatures",
    "check_ending",
    "feature_columns",
    "fit_reference",
    "fit_reference_over",
    "snapshot_features",
    "user_features",
    "write_features",
]

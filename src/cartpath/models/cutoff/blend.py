"""Several models of users at cut-offs as one: a weighted sum of what they say."""

from __future__ import annotations

from cartpath.features import Log
from cartpath.models.blend import Blend
from cartpath.models.cutoff.scorer import CutoffModel, Floats
from cartpath.tasks import CutoffRows


class BlendModel(Blend[CutoffModel]):
    """A weighted sum of predictions; see ``Blend``."""

    def predicted(self, log: Log, rows: CutoffRows) -> Floats:
        """Return the sums (n,); see ``CutoffModel``."""
        return self.of({name: member.predicted(log, rows) for name, member in self.members.items()})

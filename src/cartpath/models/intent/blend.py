"""Several intent models as one: a weighted sum of their log odds."""

from __future__ import annotations

from cartpath.features import Log
from cartpath.models.blend import Blend
from cartpath.models.intent.scorer import Floats, Index, Intent


class BlendIntent(Blend[Intent]):
    """A weighted sum of log odds; see ``Blend``."""

    def logits(self, log: Log, ends: Index) -> Floats:
        """Return the log odds (n,); see ``Intent``."""
        return self.of({name: member.logits(log, ends) for name, member in self.members.items()})

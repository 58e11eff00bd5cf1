"""Has what is served moved away from what the models learned from? Population stability of features and scores.

``references_of_store(workspace, until=None) -> dict[str, Reference]``
    Of the store's events, by feature.
``Drift(references)``
    ``seen(user)`` as events come, ``look(paths)`` and ``scored(name, version, values)``; ``moved()`` says how far.
``Watch(workspace, paths, metrics)``
    Does that in a thread beside a service.
"""

from cartpath.serving.drift.columns import FEATURES, references_of, references_of_store
from cartpath.serving.drift.monitor import Drift, Moved
from cartpath.serving.drift.reference import Reference, psi
from cartpath.serving.drift.watch import Watch
from cartpath.serving.drift.window import Window

__all__ = ["FEATURES", "Drift", "Moved", "Reference", "Watch", "Window", "psi", "references_of", "references_of_store"]

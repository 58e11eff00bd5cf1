"""The engine: the same functions on threads of this machine, or as tasks of a Spark cluster.

An analysis is two functions: ``scan(PathView) -> partial`` and ``merge(list of partials) -> result``. ``run`` applies
them to every bucket of a store, ``map`` any function to any items. Where that is done is chosen around them, with
``using``; threads are the default.
"""

from cartpath.engine.choice import Engine, choose, current, using
from cartpath.engine.run import map, run

__all__ = ["Engine", "choose", "current", "map", "run", "using"]

"""Methods of a shop that count on the engine it was opened with."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

Method = TypeVar("Method", bound=Callable[..., Any])


def on_engine(method: Method) -> Method:
    """Let what a method runs be done by its object's ``engine``; where that is None, by the one in use."""

    @functools.wraps(method)
    def working(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.engine is None:
            return method(self, *args, **kwargs)
        from cartpath import engine

        with engine.using(self.engine):
            return method(self, *args, **kwargs)

    return cast(Method, working)

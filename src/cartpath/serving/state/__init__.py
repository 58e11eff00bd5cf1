"""Live paths: the pinned base path of a user and every newer event, as training reads them."""

from cartpath.serving.state.absorbing import Absorbed, absorb
from cartpath.serving.state.contract import Accepted, Erased, Health, LiveState
from cartpath.serving.state.given import Rejected
from cartpath.serving.state.journal import StateDownError
from cartpath.serving.state.opening import open_state, purge, state_url

__all__ = [
    "Absorbed",
    "Accepted",
    "Erased",
    "Health",
    "LiveState",
    "Rejected",
    "StateDownError",
    "absorb",
    "open_state",
    "purge",
    "state_url",
]

"""What the simulated shop is like: personas, intent, campaigns, dirt. All of it is written to ``truth.json``."""

from __future__ import annotations

from dataclasses import dataclass, fields

from cartpath.schema import CartpathError


@dataclass(frozen=True)
class Persona:
    """A kind of shopper.

    Attributes
    ----------
    share : float
        Share of the population.
    visits_per_day : float
        While the shopper has not churned; individual rates scatter around it.
    churn : float
        Probability of never coming back, after each session.
    need : float
        Probability that a need for one kind of product arises between two sessions.
    zeal : float
        Log-odds added to every step of intent towards a purchase.
    price_sensitivity : float
        Log-odds lost per unit of log price above the usual price of the kind.
    bounce : float
        Probability that a session ends with its first page.
    traffic : tuple of float
        Weights of the rows of ``vocabulary.TRAFFIC``.
    """

    name: str
    share: float
    visits_per_day: float
    churn: float
    need: float
    zeal: float
    price_sensitivity: float
    bounce: float
    traffic: tuple[float, ...]


PERSONAS = (
    Persona("window_shopper", 0.40, 0.05, 0.40, 0.06, -1.10, 0.7, 0.56, (2, 5, 0.5, 0.6, 2.5, 2.0, 0.4, 0.6, 0.5)),
    Persona("researcher", 0.22, 0.09, 0.14, 0.25, -0.15, 0.9, 0.38, (2, 5, 0.6, 1.0, 0.6, 0.6, 0.6, 0.8, 0.8)),
    Persona("bargain_hunter", 0.16, 0.08, 0.14, 0.18, -0.10, 1.8, 0.42, (2, 3, 0.4, 1.0, 0.8, 0.8, 0.5, 1.5, 1.6)),
    Persona("loyal", 0.12, 0.16, 0.025, 0.30, 0.50, 0.3, 0.25, (6, 2, 0.2, 1.8, 0.3, 0.3, 1.0, 0.2, 0.2)),
    Persona("impulse", 0.10, 0.07, 0.15, 0.20, 0.40, 0.4, 0.38, (2, 2, 0.3, 1.0, 1.6, 1.6, 0.6, 0.8, 0.6)),
)


@dataclass(frozen=True)
class Intent:
    """A latent state of intent within a session.

    Attributes
    ----------
    leave : float
        Probability, before each event, of ending the session (scaled by the session's impatience).
    up : float
        Log-odds of moving one state up after an event, before the shopper's own additions.
    down : float
        Probability of moving one state down, if not up.
    gap, gap_spread : float
        Seconds to the next event: median, and standard deviation of the logarithm.
    acts : dict of str to float
        Weights of what is done next.
    """

    name: str
    leave: float
    up: float
    down: float
    gap: float
    gap_spread: float
    acts: dict[str, float]


ACTS = (
    "home", "category", "info", "reviews", "search", "click", "view", "again", "wishlist", "add", "remove", "basket",
    "checkout", "promotion",
)  # fmt: skip


def _acts(*weights: float) -> dict[str, float]:
    return {name: weight for name, weight in zip(ACTS, weights, strict=True) if weight}


INTENTS = (
    Intent(
        "drift", 0.19, -3.7, 0.0, 14.0, 1.4,
        _acts(0.44, 0.38, 0.08, 0, 0.02, 0.025, 0.01, 0, 0, 0, 0, 0.01, 0, 0.035),
    ),
    Intent(
        "explore", 0.10, -3.4, 0.12, 16.0, 1.3,
        _acts(0.14, 0.38, 0.07, 0.02, 0.07, 0.17, 0.06, 0.03, 0.012, 0.004, 0, 0.01, 0, 0.034),
    ),
    Intent(
        "compare", 0.08, -2.7, 0.10, 26.0, 1.2,
        _acts(0.04, 0.16, 0.15, 0.10, 0.06, 0.15, 0.07, 0.17, 0.03, 0.02, 0.005, 0.025, 0, 0.02),
    ),
    Intent(
        "decide", 0.07, 0.0, 0.12, 18.0, 1.1,
        _acts(0.03, 0.07, 0.10, 0.06, 0.01, 0.06, 0.05, 0.13, 0.01, 0.21, 0.06, 0.15, 0.06, 0.0),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Campaign:
    """A campaign and the truth about it.

    Attributes
    ----------
    first, last : float
        When it runs, as shares of the simulated time.
    reach : float
        Share of shoppers it is aimed at; with ``targeted``, shoppers of higher zeal are aimed at more.
    holdout : float
        Share of those aimed at who are left out by lot (a randomised control group).
    click : float
        Probability that a session of a reached shopper comes through the campaign while it runs.
    effect : float
        The causal effect: log-odds added to every step of intent towards a purchase in those sessions.
    """

    name: str
    channel: str
    source: str
    medium: str
    first: float
    last: float
    reach: float
    holdout: float
    targeted: bool
    click: float
    effect: float


CAMPAIGNS = (
    Campaign("welcome_email", "Email", "newsletter", "email", 0.15, 0.55, 0.60, 0.30, False, 0.30, 0.90),
    Campaign("search_push", "Paid Search", "google", "cpc", 0.05, 0.70, 0.50, 0.20, False, 0.20, 0.40),
    Campaign("retargeting", "Display", "adnet.example", "display", 0.25, 0.95, 0.35, 0.0, True, 0.30, 0.0),
    Campaign("viral_video", "Social", "video.example", "social", 0.50, 0.80, 0.40, 0.0, False, 0.25, -0.50),
)


@dataclass(frozen=True)
class Dirt:
    """Rates of planted defects, each per event it can happen to; a row has at most one defect.

    Attributes
    ----------
    exact_duplicate, near_duplicate, unknown_event : float
        An extra row: the same again; the same up to 0.9 s later under a new event id (a double click);
        an event whose name is outside the vocabulary.
    missing_user, absurd_time, unreadable_time, negative_price : float
        A row that cannot be used: no user; a time in 1970 or 2099; no time; a price below 0.
        Purchases and refunds are spared, so orders and revenue are the same with and without dirt.
    nan_price, absurd_quantity : float
        A value that cannot be used: a price that is not a number; a quantity of 1e16.
    late_arrival : float
        A good row that stands 1 to 48 hours too late in the file.
    missing_price, price_slip, quantity_slip : float
        Off by default: no price; a price, a quantity a hundred times too high (prices: or too low).
    stalled_tab : float
        Per session, off by default: one to eight hours pass after one of its events.
    skewed_clock : float
        Per user, off by default: a clock that is 2 to 72 hours fast or slow. With it the file has ``received_at``.

    Examples
    --------
    >>> Dirt().scaled(0) == Dirt.none()
    True
    """

    exact_duplicate: float = 0.002
    near_duplicate: float = 0.003
    missing_user: float = 0.0015
    negative_price: float = 0.0005
    absurd_time: float = 0.0004
    unreadable_time: float = 0.0003
    absurd_quantity: float = 0.0005
    nan_price: float = 0.0005
    late_arrival: float = 0.003
    unknown_event: float = 0.0005
    missing_price: float = 0.0
    price_slip: float = 0.0
    quantity_slip: float = 0.0
    stalled_tab: float = 0.0
    skewed_clock: float = 0.0

    def __post_init__(self) -> None:
        rates = [getattr(self, item.name) for item in fields(self)]
        if min(rates) < 0 or sum(rates) > 1:
            raise CartpathError("rates of dirt must be at least 0 and sum to at most 1")

    @classmethod
    def none(cls) -> Dirt:
        """Return no dirt at all."""
        return cls(**{item.name: 0.0 for item in fields(cls)})

    def scaled(self, factor: float) -> Dirt:
        """Return every rate times ``factor``."""
        return Dirt(**{item.name: getattr(self, item.name) * factor for item in fields(self)})


#: Kinds of dirt; a kind's place here plus 1 is its code in a record.
DIRT_KINDS: tuple[str, ...] = tuple(item.name for item in fields(Dirt))
EXTRA_ROWS = ("exact_duplicate", "near_duplicate", "unknown_event")
SLIPS = ("missing_price", "price_slip", "quantity_slip", "stalled_tab", "skewed_clock")
UNUSABLE = ("missing_user", "negative_price", "absurd_time", "unreadable_time")

ROBOT_SHARE = 0.001
COLD_SHARE = 0.08
REFUND_RATE = 0.05
EXISTING_SHARE = 0.4

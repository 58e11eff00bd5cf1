"""``[recommend]`` of ``cartpath.toml``: what may be shown to a shopper, and in which order; see ``docs/rules.md``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from cartpath.config.checks import number, one_of, quoted, table, whole
from cartpath.schema import MICROSECONDS, CartpathError, Columns, seconds
from cartpath.schema.conditions import Condition, parse_conditions

#: What may become of items the user has touched, has bought, and of items that are out of stock.
SEEN = ("keep", "drop", "demote")
BOUGHT = ("keep", "drop", "demote", "repurchase")
OUT = ("drop", "demote")
#: What is alike in two items by their words rather than by a column.
TEXT = "text"


@dataclass(frozen=True)
class BoostSettings:
    """``[[recommend.boost]]``: a factor on the scores of some items.

    Attributes
    ----------
    where : str or sequence of str
        Conditions, all of which must hold; of several texts one.
    factor : float
        Above 1 up, below 1 down.
    name : str
        What the answer calls it; by default its conditions.
    """

    where: tuple[str, ...] = ()
    factor: float = 1.0
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "where", _texts("[[recommend.boost]] where", self.where))
        if not self.where:
            raise CartpathError("[[recommend.boost]] has no where", 'say which items, such as where = "brand=Acme"')
        object.__setattr__(self, "factor", number("[[recommend.boost]] factor", self.factor, 0.001, 1000))
        if not isinstance(self.name, str):
            raise CartpathError(f"[[recommend.boost]] name must be a text, not {self.name!r}")


@dataclass(frozen=True)
class NewItemsSettings:
    """``[recommend.new_items]``: a share of the places is drawn for new items, so that something is learned of them.

    Attributes
    ----------
    within : str
        How long an item is new.
    share : float
        Of the places, from 0 to 0.5.
    since : str
        Column or attribute with the date from which it is counted; by default from the item's first event.
    """

    within: str = "14d"
    share: float = 0.1
    since: str = ""

    def __post_init__(self) -> None:
        _duration("[recommend.new_items] within", self.within)
        object.__setattr__(self, "share", number("[recommend.new_items] share", self.share, 0, 0.5))
        if not isinstance(self.since, str):
            raise CartpathError(
                f"[recommend.new_items] since must be the name of a column or attribute, not {self.since!r}"
            )

    @property
    def within_us(self) -> int:
        """``within`` in microseconds."""
        return seconds(self.within) * MICROSECONDS


@dataclass(frozen=True)
class RecommendSettings:
    """``[recommend]``: by default nothing is left out, moved or drawn.

    Attributes
    ----------
    exclude, out_of_stock : str or sequence of str
        Conditions on items, as in a funnel: ``"brand=Acme,price<5"``; of several texts one must hold.
    when_out : {"drop", "demote"}
        What becomes of items that are out of stock.
    seen : {"keep", "drop", "demote"}
        What becomes of items the user has touched and not bought, the last time within ``seen_within`` (empty: ever).
    bought : {"keep", "drop", "demote", "repurchase"}
        What becomes of items the user has bought; ``repurchase`` leaves them out until they are due.
    due : float
        Share of the usual time between two purchases that must have passed.
    demote : float
        Factor on the score of what is demoted.
    diversity : float
        From 0 (the order of the scores) to 1 (as different as possible): the weight of likeness in maximal marginal
        relevance (Carbonell and Goldstein, 1998).
    diversity_by : sequence of str
        Columns and attributes in which items can be alike; ``text`` is by their words.
    caps : mapping of str to int
        Column or attribute -> items with one value of it at most.
    new_items : NewItemsSettings, optional
    boost : sequence of BoostSettings
    seed : int
        Of the draws for new items.

    Examples
    --------
    >>> RecommendSettings().active, RecommendSettings(caps={"brand": 3}).active
    (False, True)
    """

    exclude: tuple[str, ...] = ()
    out_of_stock: tuple[str, ...] = ()
    when_out: str = "drop"
    seen: str = "keep"
    seen_within: str = ""
    bought: str = "keep"
    due: float = 1.0
    demote: float = 0.5
    diversity: float = 0.0
    diversity_by: tuple[str, ...] = (Columns.category, Columns.brand)
    seed: int = 0
    caps: Mapping[str, int] = field(default_factory=dict)
    new_items: NewItemsSettings | None = None
    boost: tuple[BoostSettings, ...] = ()

    def __post_init__(self) -> None:
        for name in ("exclude", "out_of_stock"):
            object.__setattr__(self, name, _texts(f"[recommend] {name}", getattr(self, name)))
        for name, allowed in (("when_out", OUT), ("seen", SEEN), ("bought", BOUGHT)):
            one_of(f"[recommend] {name}", getattr(self, name), allowed)
        if self.seen_within != "":
            _duration("[recommend] seen_within", self.seen_within)
        for name, least, most in (("due", 0.1, 10.0), ("demote", 0.001, 1.0), ("diversity", 0.0, 1.0)):
            object.__setattr__(self, name, number(f"[recommend] {name}", getattr(self, name), least, most))
        object.__setattr__(self, "diversity_by", _names("[recommend] diversity_by", self.diversity_by))
        whole("[recommend] seed", self.seed, 0, 2**63 - 1)
        _check_caps(self.caps)
        if self.new_items is not None:
            new = table("recommend.new_items", NewItemsSettings, self.new_items)
            object.__setattr__(self, "new_items", new)
        object.__setattr__(self, "boost", _boosts(self.boost))

    @property
    def active(self) -> bool:
        """Whether any rule could change a list."""
        share = self.new_items.share if self.new_items else 0
        policies = (self.seen != "keep", self.bought != "keep", self.diversity > 0, share > 0)
        return any((self.exclude, self.out_of_stock, self.caps, self.boost, *policies))

    @property
    def seen_within_us(self) -> int | None:
        """``seen_within`` in microseconds, None for ever."""
        return seconds(self.seen_within) * MICROSECONDS if self.seen_within else None

    def to_toml(self) -> str:
        """Return the settings that are not the defaults as text of ``cartpath.toml``, empty if there are none.

        Examples
        --------
        >>> print(RecommendSettings(exclude="brand=Acme", caps={"brand": 3}).to_toml(), end="")
        [recommend]
        exclude = ["brand=Acme"]
        [recommend.caps]
        "brand" = 3
        """
        default = RecommendSettings()
        lines = [
            f"{f.name} = {quoted(getattr(self, f.name))}\n"
            for f in fields(self)
            if f.name not in ("caps", "new_items", "boost") and getattr(self, f.name) != getattr(default, f.name)
        ]
        lines = ["[recommend]\n", *lines] if lines else []
        if self.caps:
            lines += ["[recommend.caps]\n", *(f"{quoted(name)} = {most}\n" for name, most in self.caps.items())]
        if self.new_items is not None:
            lines += ["[recommend.new_items]\n", *_pairs(self.new_items)]
        return "".join([*lines, *(line for one in self.boost for line in ("[[recommend.boost]]\n", *_pairs(one)))])


def conditions(where: str, texts: tuple[str, ...]) -> tuple[tuple[Condition, ...], ...]:
    """Read conditions on items: one of the texts must hold, and in it all conditions.

    Parameters
    ----------
    where : str
        Table and key, for the error.
    texts : tuple of str

    Raises
    ------
    CartpathError
        If one cannot be read.

    Examples
    --------
    >>> [[one.words for one in every] for every in conditions("exclude", ("brand=Acme,price<5", "stock=0"))]
    [['brand is Acme', 'price < 5'], ['stock is 0']]
    """
    try:
        return tuple(parse_conditions(text) for text in texts)
    except CartpathError as error:
        hint = "for example brand=Acme or category=Shoes,price<50; quote values that have special characters"
        raise CartpathError(f"{where}: {error.message}", hint) from None


def _texts(where: str, value: Any) -> tuple[str, ...]:
    found = (value,) if isinstance(value, str) else value
    if not isinstance(found, list | tuple) or not all(isinstance(one, str) and one.strip() for one in found):
        raise CartpathError(f"{where} must be conditions in quotes, not {value!r}", 'such as "brand=Acme"')
    conditions(where, tuple(found))
    return tuple(found)


def _names(where: str, value: Any) -> tuple[str, ...]:
    found = (value,) if isinstance(value, str) else value
    if not isinstance(found, list | tuple) or not found or not all(isinstance(one, str) and one for one in found):
        raise CartpathError(f"{where} must be names of columns or attributes, not {value!r}", 'such as ["brand"]')
    return tuple(dict.fromkeys(found))


def _check_caps(caps: Any) -> None:
    if not isinstance(caps, Mapping):
        raise CartpathError(f"[recommend.caps] must be a table, not {caps!r}", "such as brand = 3")
    for name, most in caps.items():
        if isinstance(most, Mapping):
            raise CartpathError(
                f"[recommend.caps] {name} is a table",
                f'a name with a dot goes in quotes: "{name}.{next(iter(most), "")}"',
            )
        whole(f"[recommend.caps] {name}", most, 1)


def _boosts(values: Any) -> tuple[BoostSettings, ...]:
    if not isinstance(values, list | tuple):
        raise CartpathError(
            "[recommend] boost must be a list of tables", "write [[recommend.boost]], with two brackets"
        )
    return tuple(table("[recommend.boost]", BoostSettings, value) for value in values)


def _duration(where: str, value: Any) -> None:
    try:
        seconds(value)
    except CartpathError as error:
        raise CartpathError(f"{where}: {error.message}", error.hint) from None


def _pairs(one: BoostSettings | NewItemsSettings) -> list[str]:
    return [f"{name} = {quoted(value)}\n" for name, value in asdict(one).items() if value != ""]

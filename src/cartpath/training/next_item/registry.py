"""The next-item models by name, in the order in which they are told; one line each."""

from __future__ import annotations

from difflib import get_close_matches

from cartpath.schema import CartpathError
from cartpath.tasks import NextItemSplit
from cartpath.training.data import Progress, silent
from cartpath.training.next_item.recipe import FitOptions, Fitted, Recipe

_HERE = "cartpath.training.next_item"
_RECIPES: tuple[Recipe, ...] = (
    Recipe(
        "cartpath",
        f"{_HERE}.pooled:fit_pooled",
        "the behaviour model, pooled with item to item or like sessions",
        uses_time=True,
        is_network=True,
    ),
    Recipe(
        "behaviour",
        f"{_HERE}.networks:fit_behaviour",
        "the behaviour model alone, trained for the next item",
        uses_time=True,
        is_network=True,
    ),
    Recipe("popularity", f"{_HERE}.popularity:fit_popularity", "the items touched most"),
    Recipe("recent-popularity", f"{_HERE}.popularity:fit_recent_popularity", "the items touched most of late"),
    Recipe("item-to-item", f"{_HERE}.classical:fit_item_to_item", "what comes with the last items of the path"),
    Recipe("session-knn", f"{_HERE}.classical:fit_session_knn", "what the sessions most like the path went through"),
    Recipe("ease", f"{_HERE}.classical:fit_ease", "a linear model of items by items, in closed form (Steck, 2019)"),
    Recipe("als", f"{_HERE}.classical:fit_als", "factors of items, by implicit; any path is folded in"),
    Recipe("gru", f"{_HERE}.networks:fit_gru", "a GRU with the full softmax", is_network=True),
    Recipe("sasrec", f"{_HERE}.networks:fit_sasrec", "SASRec with its original loss", is_network=True),
)
#: Name on the command line to recipe.
MODELS: dict[str, Recipe] = {recipe.name: recipe for recipe in _RECIPES}


def recipe_of(name: str) -> Recipe:
    """Return a model's recipe.

    Raises
    ------
    CartpathError
        If there is no such model.

    Examples
    --------
    >>> recipe_of("popularty")
    Traceback (most recent call last):
    cartpath.schema.errors.CartpathError: there is no model 'popularty'
      did you mean 'popularity'?
    """
    if name not in MODELS:
        near = get_close_matches(name.strip().lower(), MODELS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(MODELS)}"
        raise CartpathError(f"there is no model {name!r}", hint)
    return MODELS[name]


def fit_model(
    name: str, split: NextItemSplit, options: FitOptions | None = None, progress: Progress | None = None
) -> Fitted:
    """Fit a model by its name."""
    return recipe_of(name).fit(split, options or FitOptions(), progress or silent)

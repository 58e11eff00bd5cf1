"""Fitting next-item models on a split, choosing their settings on its validation questions, judging them on its test.

``MODELS`` names them; ``fit_model(name, split, options)`` fits one and ``judge(model, split, split.test)`` ranks the
answers. A fit reads the events before ``split.train_ends`` and the validation questions, nothing else.
"""

from cartpath.training.next_item.judge import judge, ndcg_10
from cartpath.training.next_item.recipe import FitOptions, Fitted, Recipe, best_of
from cartpath.training.next_item.registry import MODELS, fit_model, recipe_of

__all__ = ["MODELS", "FitOptions", "Fitted", "Recipe", "best_of", "fit_model", "judge", "ndcg_10", "recipe_of"]

"""The model card for readers: a README beside the weights, of the same figures as ``card.json``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cartpath import store
from cartpath.schema import iso

README = "README.md"
_FIGURES = ("type_loss", "item_loss", "item_loss_timed", "gap_loss", "type_accuracy")
#: What a pretrained model must not be used for, or trusted with.
LIMITS = (
    "It knows one shop's paths. On another shop's log its items, pages and habits mean nothing: pretrain there.",
    "It may be judged only on what happened after its training ended; `cartpath finetune` and `cartpath evaluate`"
    " refuse an earlier cut-off.",
    "It learns what shoppers did, not what they would do if something were changed: no price, layout or campaign may be"
    " decided from it alone.",
    "No decision about a person (credit, identity, a price of their own) may rest on it.",
    "The catalogue is as it was when the model was trained, also for earlier events.",
    "Weights that were trained with a user's events change only with the next training; forgetting a user in the store"
    " does not reach them. The model holds no user ids, and no page, query or context value of fewer than five users.",
)


def write_readme(folder: Path, card: Mapping[str, Any]) -> None:
    """Write the README of a pretrained model.

    Parameters
    ----------
    folder : Path
        The model's version.
    card : mapping
        Its ``card.json``.
    """
    store.files.write_text(folder / README, readme(card))


def readme(card: Mapping[str, Any]) -> str:
    """Return the README of a pretrained model as Markdown."""
    sections = [
        ("Data", _table(_data(card))),
        ("Network", _table({**card["config"], "parameters": f"{card['parameters']:,}"})),
        ("Training", _table(_training(card))),
        ("Validation", _validation(card)),
        ("Fields and their values", _table(card["fields"])),
        ("Versions", _table(card["versions"])),
        ("Limits", "\n".join(f"- {limit}" for limit in LIMITS)),
    ]
    head = (
        "---\nlibrary_name: transformers\ntags: [cartpath, clickstream, sequential-recommendation]\n---\n\n"
        "# Behaviour model\n\nPretrained by Cartpath to say what a shopper does next: the type of the next event, its"
        " item, and the next different item. Made"
        f" {card['made']}; the figures here are those of `card.json`.\n"
    )
    return head + "".join(f"\n## {title}\n\n{text}\n" for title, text in sections)


def _data(card: Mapping[str, Any]) -> dict[str, Any]:
    first, last = card["period"]
    return {
        "period": f"{first} to {last}, nothing at or after {iso(card['trained_until'])}",
        "events learned from": f"{card['train_events']:,} of {card['events']:,} in the store",
        "data hash": f"`{card['data_hash']}` (paths of the period and catalogue, BLAKE2b)",
        "generation of the store": card["generation"],
    }


def _training(card: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "passes over the data": f"{card['epochs']} (best after {card['best_epoch'] or 'the last'})",
        "backbone's weights at the start": f"`{card['loaded']}`" if card["loaded"] else "random",
        "softmax over the items": {"full": "all", "sampled": "a sample, mixed negatives"}[card["item_loss"]],
        "mean loss of each pass": ", ".join(f"{loss:.4f}" for loss in card["losses"]),
        "seconds": card["seconds"],
        "events per second": f"{card['events_per_second']:,}",
        "share of padding": f"{card['padded_share']:.1%}",
        "processes": card["processes"],
        "seed": card["seed"],
        **card["plan"],
    }


def _validation(card: Mapping[str, Any]) -> str:
    if not card["validation"]:
        return "None: the log is too short to hold events back."
    since = (
        f"On events from {card['validation_from']} to {iso(card['trained_until'])}, which were not learned from:\n\n"
    )
    rows = {f"after pass {n}": _figures(found) for n, found in enumerate(card["validation"], 1)}
    return since + _table(rows)


def _figures(found: Mapping[str, float]) -> str:
    words = [f"{name.replace('_', ' ')} {found[name]:.4f}" for name in _FIGURES]
    return ", ".join([*words, f"{int(found['questions']):,} questions"])


def _table(rows: Mapping[str, Any]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])

"""The versions of a workspace's models: which there are, which one is current, and going back to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cartpath.models.artefact import CARD, MODELS, POINTER, folder_of, pointed_at, read_json, write_json
from cartpath.schema import CartpathError

#: Figures of a card that tell one version from another, in the order they are told.
_FIGURES = ("ndcg_choose", "chosen_by", "train_events", "n_train", "n_choose", "epochs")


@dataclass(frozen=True)
class Version:
    """One version of a model.

    Attributes
    ----------
    artefact : str
        Folder below ``models/``.
    version : str
    current : bool
        Whether it is the one that is used.
    made : str or None
        When, ISO 8601, as its card says.
    card : mapping
        Empty where there is none.
    """

    artefact: str
    version: str
    current: bool
    made: str | None
    card: Mapping[str, Any]

    @property
    def figures(self) -> dict[str, float]:
        """The numbers of its card that say how good it is, and on how much it was trained."""
        found = {name: self.card[name] for name in _FIGURES if isinstance(self.card.get(name), int | float)}
        losses = [row["loss"] for row in self.card.get("validation") or [] if isinstance(row, dict) and "loss" in row]
        return {**({"validation_loss": min(losses)} if losses else {}), **found}

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        named = {name: getattr(self, name) for name in ("artefact", "version", "current", "made")}
        until = self.card.get("learned_until") or (self.card.get("split") or {}).get("validation")
        return {**named, "learned_until": until, "figures": self.figures}


def artefacts_of(workspace: Path | str) -> list[str]:
    """Return the names of all models of a workspace that have a current version."""
    return sorted(path.parent.name for path in (Path(workspace) / MODELS).glob(f"*/{POINTER}"))


def versions_of(workspace: Path | str, artefact: str | None = None) -> list[Version]:
    """Return the versions that are there, of one model or of all, the newest of each first.

    Parameters
    ----------
    workspace : Path
    artefact : str, optional

    Raises
    ------
    CartpathError
        If there is no such model.
    """
    names = artefacts_of(workspace)
    if artefact is not None:
        names = [_known(workspace, artefact)]
    return [version for name in names for version in _versions(Path(workspace), name)]


def _versions(workspace: Path, name: str) -> list[Version]:
    home = folder_of(workspace, name)
    current, listed = pointed_at(home)
    found = []
    for version in listed:
        if (home / version).is_dir():
            card = read_json(home / version / CARD) or {}
            found.append(Version(name, version, version == current, card.get("made"), card))
    return found


def go_back(workspace: Path | str, artefact: str, to: str | None = None) -> tuple[Version, Version]:
    """Make another version of a model the current one, in one step; whoever reads the pointer has it from then on.

    Parameters
    ----------
    workspace : Path
    artefact : str
    to : str, optional
        The version; by default the one made before the current one.

    Returns
    -------
    tuple of Version
        The one that was current, and the one that is now.

    Raises
    ------
    CartpathError
        If there is no such model or version, it is the current one, or none is earlier.
    """
    found = _versions(Path(workspace), _known(workspace, artefact))
    place = next((at for at, version in enumerate(found) if version.current), None)
    if place is None:
        raise CartpathError(f"the current version of {artefact!r} is gone", "train it again")
    target = _target(found, place, artefact, to)
    home = folder_of(Path(workspace), artefact)
    write_json(home / POINTER, {"version": target.version, "versions": [version.version for version in found]})
    return found[place], Version(artefact, target.version, True, target.made, target.card)


def _target(found: list[Version], place: int, artefact: str, to: str | None) -> Version:
    if to is None:
        if place + 1 == len(found):
            raise CartpathError(
                f"{artefact!r} has no version before the current one", "see what there is: cartpath versions SHOP"
            )
        return found[place + 1]
    target = next((version for version in found if version.version == to), None)
    if target is None:
        known = ", ".join(version.version for version in found)
        raise CartpathError(f"{artefact!r} has no version {to!r}", f"there are: {known}")
    if target.current:
        raise CartpathError(f"{to} is the current version of {artefact!r} already", "name another one")
    return target


def _known(workspace: Path | str, artefact: str) -> str:
    names = artefacts_of(workspace)
    if artefact not in names:
        hint = f"there are: {', '.join(names)}" if names else "make one: cartpath pretrain SHOP"
        raise CartpathError(f"there is no model {artefact!r} in {workspace}", hint)
    return artefact


def built_on(workspace: Path | str, base: str = "behaviour") -> list[tuple[str, bool]]:
    """Return the models made from the behaviour model, and whether each is of its current version.

    Parameters
    ----------
    workspace : Path
    base : str
        Of what they are made.
    """
    current = {version.artefact: version.card for version in versions_of(workspace) if version.current}
    made = current.pop(base, {}).get("made")
    named = {name: card["pretrained"] for name, card in current.items() if card.get("pretrained")}
    return [(name, of == made) for name, of in sorted(named.items())]

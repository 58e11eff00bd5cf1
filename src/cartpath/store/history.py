"""The list of commits, kept short where a follower commits every few seconds."""

from __future__ import annotations

from typing import Any

#: Commits of followers that are kept one by one; older ones are one entry together.
KEPT = 32
_SUMS = ("stored", "duplicates", "late")


def folded(commits: list[dict[str, Any]], kept: int = KEPT) -> list[dict[str, Any]]:
    """Put all but the last commits of followers together, in the place of the newest of them; sums stay as they are.

    Parameters
    ----------
    commits : list of dict
        Those of followers have ``followed``, the names of their sources.
    kept : int
        How many of followers stay; nothing is done until there are twice as many, so that most commits cost nothing.

    Examples
    --------
    >>> one = {"generation": 1, "time": "t", "stored": 2, "duplicates": 0, "late": 0, "sources": [],
    ...        "quarantine": {"missing_user": 1}, "followed": ["/logs"]}
    >>> folded([one, one | {"generation": 2}, one | {"generation": 3}], 1)[0]["stored"]
    4
    """
    followed = [at for at, commit in enumerate(commits) if commit.get("followed")]
    if len(followed) <= 2 * kept:
        return commits
    old = followed[:-kept]
    whole = _together([commits[at] for at in old])
    return [whole if at == old[-1] else commit for at, commit in enumerate(commits) if at == old[-1] or at not in old]


def _together(commits: list[dict[str, Any]]) -> dict[str, Any]:
    quarantine: dict[str, int] = {}
    for commit in commits:
        for reason, n in commit["quarantine"].items():
            quarantine[reason] = quarantine.get(reason, 0) + n
    return {
        **commits[-1],
        **{name: sum(commit[name] for commit in commits) for name in _SUMS},
        "since": commits[0].get("since", commits[0]["time"]),
        "commits": sum(commit.get("commits", 1) for commit in commits),
        "sources": _sources([source for commit in commits for source in commit["sources"]]),
        "quarantine": quarantine,
        "followed": sorted({name for commit in commits for name in commit["followed"]}),
    }


def _sources(sources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put what was read of one source together; counts add up."""
    by_name: dict[str, dict[str, Any]] = {}
    for source in sources:
        entry = by_name.setdefault(source.get("file", ""), {})
        counts = {name: n + entry.get(name, 0) for name, n in source.items() if isinstance(n, int)}
        entry.update({**source, **counts})
    return list(by_name.values())


def without_older(known: dict[str, Any], sources: list[dict[str, Any]]) -> dict[str, Any]:
    """Leave out what is known of the earlier contents of files that a follower takes again.

    Examples
    --------
    >>> without_older({"a:1": {"file": "a"}, "b:1": {"file": "b"}}, [{"file": "a", "signature": "a:2"}])
    {'b:1': {'file': 'b'}}
    """
    again = {source.get("file") for source in sources if source.get("signature")}
    return {signature: entry for signature, entry in known.items() if entry.get("file") not in again}

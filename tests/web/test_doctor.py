from __future__ import annotations

from typing import Any

from cartpath.web.doctor import doctor_section


def finding(level: str, title: str, meaning: str = "It matters.", **more: Any) -> dict[str, Any]:
    return {"level": level, "title": title, "meaning": meaning, "share": 0.25, **more}


def section(*findings: dict[str, Any]) -> str:
    return doctor_section({"state": {"last_good": "generation 3"}, "findings": list(findings), "robots": ["user-7"]})


def test_what_calls_for_action_comes_first_with_its_meaning() -> None:
    page = section(finding("warning", "3 of 9 days have no events"), finding("note", "ties"), finding("ok", "fine"))
    assert "3 checks: 1 to act on, 1 to know, 1 without finding" in page
    assert page.index("3 of 9 days") < page.index("ties") < page.index("fine")
    assert "ties (25.0%)" in page
    assert "generation 3" in page


def test_findings_of_one_meaning_share_a_row() -> None:
    page = section(finding("note", "a"), finding("note", "b"), finding("note", "c", "Something else."))
    assert page.count("It matters.") == 1
    assert page.count("<tr>") == 3


def test_nothing_to_act_on_is_said() -> None:
    assert "Nothing here calls for action." in section(finding("ok", "fine"))
    assert "To know" not in section(finding("ok", "fine"))


def test_names_are_escaped_and_users_are_not_listed() -> None:
    page = section(finding("warning", "<script>", "<img>", detail={"largest": [{"user_id": "user-8"}]}))
    assert "<script>" not in page
    assert "<img>" not in page
    assert "user-7" not in page
    assert "user-8" not in page


def test_a_store_that_cannot_be_checked_says_why() -> None:
    assert "Could not be checked: damaged" in doctor_section({"error": "damaged"})

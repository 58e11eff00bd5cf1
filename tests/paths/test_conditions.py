import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.paths.conditions import Condition, Pattern, Step, parse_conditions, parse_step, parse_steps
from cartpath.schema import CartpathError


def test_a_step_has_alternatives_and_conditions() -> None:
    first, second = parse_steps(" view [ category = shoes , price>50 ] , checkout | purchase ")
    assert first == Step((Pattern("view", (Condition("category", "=", ("shoes",)), Condition("price", ">", ("50",)))),))
    assert second == Step((Pattern("checkout"), Pattern("purchase")))
    assert not first.is_plain
    assert second.is_plain


def test_quotes_hold_special_characters() -> None:
    step = parse_step(r'"a,b|c \"d\""[page~"x]y"]')
    assert step.alternatives[0].event == 'a,b|c "d"'
    assert step.alternatives[0].conditions[0].values == ("x]y",)


def test_a_star_is_any_event_and_a_quoted_star_its_name() -> None:
    assert parse_step("*[page=home]").alternatives[0].event is None
    assert parse_step('"*"').alternatives[0].event == "*"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "character 1 an event is missing"),
        ("view,,cart", "character 6 an event is missing"),
        ("view[price>x]", "takes one number"),
        ("view[price>1|2]", "takes one number"),
        ("view[price]", "one of = !="),
        ("view[price=1", "a closing ] is missing"),
        ("view[price>50,purchase", "a closing ] is missing"),
        ('"view', 'a closing " is missing'),
        ("view]", "']' is not understood"),
        ("view[=1]", "a property is missing"),
        ("view[a=]", "a value is missing"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(CartpathError, match="cannot read") as caught:
        parse_steps(text)
    assert problem in str(caught.value)


def test_conditions_of_several_texts_must_all_hold() -> None:
    both = parse_conditions(["channel=Direct|Referral", "price<=5,query!=(none)"])
    assert [c.words for c in both] == ["channel is Direct or Referral", "price ≤ 5", "query is not (none)"]


names = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1, max_size=8)


@given(
    st.lists(
        st.builds(
            Step,
            st.lists(
                st.builds(
                    Pattern,
                    st.one_of(st.none(), names.filter(lambda n: n != "*")),
                    st.lists(
                        st.builds(
                            Condition, names, st.sampled_from(["=", "!=", "~"]), st.lists(names, min_size=1).map(tuple)
                        ),
                        max_size=2,
                    ).map(tuple),
                ),
                min_size=1,
                max_size=2,
            ).map(tuple),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple)
)
def test_what_is_written_is_read_back(steps: tuple[Step, ...]) -> None:
    assert parse_steps(",".join(map(str, steps))) == steps

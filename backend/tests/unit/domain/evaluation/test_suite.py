from datetime import timedelta
from typing import Any

import pytest

from src.domain.evaluation.assertion import Assertion
from src.domain.evaluation.suite import SuiteHash, TestCase, require_suite_header
from src.domain.shared.errors import RuleViolationError
from tests.builders import NOW, a_case, a_suite


def hash_of(*cases: TestCase, threshold: float = 1.0) -> str:
    digest = SuiteHash(threshold)
    for case in cases:
        digest.add(case)
    return digest.hexdigest()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": ""}, "name: a case name has 1 to 255 characters"),
        ({"name": " "}, "name: "),
        ({"name": "x" * 256}, "name: .* not 256"),
        ({"threshold": 1.5}, "threshold: 1.5 is not between 0 and 1"),
        ({"threshold": -0.1}, "threshold: "),
        ({"threshold": float("nan")}, "threshold: "),
        ({"assertions": ()}, "assertions: the case checks nothing"),
    ],
)
def test_bad_case_is_refused_with_the_field(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(RuleViolationError, match=message):
        a_case(**{"name": "case", **changed})


def test_assertions_may_use_the_variables_and_expected() -> None:
    assert a_case(variables={"a": 1}, expected="E").scope == {"a": 1, "expected": "E"}


def test_variable_named_expected_wins() -> None:
    assert a_case(variables={"expected": "mine"}, expected="E").scope == {"expected": "mine"}


def test_case_without_expected_offers_none() -> None:
    assert a_case(variables={"a": 1}).scope == {"a": 1}


@pytest.mark.parametrize(
    ("name", "threshold", "message"),
    [("", 1.0, "name"), ("x" * 256, 1.0, "name"), ("s", 1.1, "threshold"), ("s", float("nan"), "threshold")],
)
def test_bad_suite_header_is_refused(name: str, threshold: float, message: str) -> None:
    with pytest.raises(RuleViolationError, match=f"{message}: "):
        require_suite_header(name, threshold)


def test_suite_without_cases_is_refused() -> None:
    with pytest.raises(RuleViolationError, match="has no cases"):
        a_suite(case_count=0)


def test_superseded_suite_tells_since_when() -> None:
    suite, later = a_suite(), NOW + timedelta(hours=1)

    suite.supersede(now=later)

    assert suite.superseded_at == suite.updated_at == later


# --- the hash of a suite ----------------------------------------------------------------------------------------------

BASE = a_case("one", variables={"a": 1}, expected="E", threshold=0.5)


@pytest.mark.parametrize(
    "changed",
    [
        a_case("two", variables={"a": 1}, expected="E", threshold=0.5),
        a_case("one", variables={"a": "1"}, expected="E", threshold=0.5),
        a_case("one", variables={"b": 1}, expected="E", threshold=0.5),
        a_case("one", variables={"a": 1}, expected="F", threshold=0.5),
        a_case("one", variables={"a": 1}, threshold=0.5),
        a_case("one", variables={"a": 1}, expected="E"),
        a_case(
            "one",
            variables={"a": 1},
            expected="E",
            threshold=0.5,
            assertions=(Assertion.build("not-contains", value="ok"),),
        ),
        a_case(
            "one",
            variables={"a": 1},
            expected="E",
            threshold=0.5,
            assertions=(Assertion.build("contains", value="ok", weight=2),),
        ),
    ],
)
def test_any_change_of_a_case_changes_the_hash(changed: TestCase) -> None:
    assert hash_of(changed) != hash_of(BASE)


def test_same_cases_have_the_same_hash_whatever_the_order_of_variables() -> None:
    assert hash_of(a_case(variables={"a": 1, "b": 2})) == hash_of(a_case(variables={"b": 2, "a": 1}))


def test_origin_is_no_part_of_a_case() -> None:
    here, there = a_case(origin="suite.yaml, line 12"), a_case(origin="other.csv, line 3")

    assert here == there
    assert hash_of(here) == hash_of(there)


def test_order_of_cases_is_part_of_the_hash() -> None:
    assert hash_of(a_case("a"), a_case("b")) != hash_of(a_case("b"), a_case("a"))


def test_threshold_of_the_suite_is_part_of_the_hash() -> None:
    assert hash_of(BASE, threshold=0.9) != hash_of(BASE, threshold=1.0)


def test_text_cannot_make_one_case_look_like_two() -> None:
    forged = a_case("a\n" + '{"name":"b"}')

    assert hash_of(forged) != hash_of(a_case("a"), a_case("b"))


def test_hash_stays_what_it_is() -> None:
    """Fixed, since stored hashes must stay comparable.

    By hand: sha256sum of {"threshold": 1.0}, a line end and the case as sorted JSON without spaces.
    """
    expected = "5c5c8e1f5b3460937e84def2b778b8d1eac4407069ce9d8ae2beda4ea550295a"

    assert hash_of(a_case("一", variables={"x": "値"})) == expected

"""Cases in CSV."""

import pytest

from src.domain.evaluation.assertion import Assertion
from src.domain.evaluation.suite import TestCase
from tests.unit.infrastructure.evaluation.suite_texts import cases_of, error_of


def test_csv_columns_are_variables_but_for_the_special_ones() -> None:
    first, second = cases_of(
        """\
        __name,message, __expected ,__threshold,__assertions
        ja-1,"改行
        と, コンマ",請求,0.5,"[{""type"": ""contains"", ""value"": ""{{message}}""}]"

        ,plain,b,,
        ,,,,
        """,
        "csv",
    )

    assert first == TestCase(
        name="ja-1",
        variables={"message": "改行\nと, コンマ"},
        expected="請求",
        threshold=0.5,
        assertions=(Assertion.build("contains", value="{{message}}"),),
    )
    assert first.origin == "suite, line 2"
    assert (second.name, second.origin, second.variables) == (
        "case-0002",
        "suite, line 5",
        {"message": "plain"},
    )


@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        ("", None, None, "there are no cases"),
        ("message,__expected\n", None, None, "there are no cases"),
        ("m,__expected\nx,y\nz\n", 3, None, "the row has 1 column, the header has 2 columns"),
        ("m,__expected\n\nx,y,z\n", 3, None, "the row has 3 columns, the header has 2 columns"),
        ('m,__expected\n"a\nb",y\nz\n', 4, None, "the row has 1 column"),
        ("m;__expected\nx;y\n", 1, None, "only one column, 'm;__expected'; columns are separated by commas"),
        ("m,,__expected\n", 1, None, "column 2 has no name"),
        ("m, m\n", 1, "m", "the column 'm' stands twice"),
        ("m,__expect\n", 1, "__expect", "unknown special column; did you mean '__expected'?"),
        ("m,__x\n", 1, "__x", "known are __name, __expected"),
        ("m\nx\n", 2, "__assertions", "the case checks nothing"),
        ("__name,__expected\na,x\na,y\n", 3, "__name", "the name 'a' is taken by the case on line 2"),
        ("__expected,__threshold\na,high\n", 2, "__threshold", "broken JSON"),
        ("__expected,__threshold\na,true\n", 2, "__threshold", "takes a number"),
        ("__expected,__threshold\na,NaN\n", 2, "__threshold", "NaN is no JSON number"),
        ("__expected,__threshold\na,7\n", 2, "__threshold", "not between 0 and 1"),
        ("__assertions\n[{\n", 2, "__assertions", "broken JSON"),
        ('__assertions\n"{""type"": 1}"\n', 2, "__assertions", "takes a list"),
        ('__assertions\n"[{""type"": ""nope""}]"\n', 2, "__assertions[0].type", "unknown assertion"),
        (
            'm,__assertions\nx,"[{""type"": ""contains"", ""value"": ""{{n}}""}]"\n',
            2,
            "__assertions[0].value",
            "No value for 'n'",
        ),
        ('m,__expected\nx,"y\nz\n', 2, None, "a quote that this row opens is never closed"),
        ('m,__expected\nx,"y"z\n', 2, None, "broken CSV"),
        pytest.param(f"__expected\n{'x' * 200_000}\n", 2, None, "a cell is longer than", id="long cell"),
        (b"m,__expected\nx,a\0\n", 2, None, "NUL character"),
        ("m,__expected\nx,y\n請求,a\n".encode("cp932"), 3, None, "byte 1 of the line is no UTF-8"),
    ],
)
def test_error_in_csv_names_line_and_column(
    text: str | bytes, line: int | None, field: str | None, message: str
) -> None:
    error = error_of(text, "csv")

    assert (error.line, error.field) == (line, field)
    assert message in error.reason

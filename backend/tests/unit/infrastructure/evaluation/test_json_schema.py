"""JSON answers and schemas: strict, offline, and bounded whatever is sent."""

import json
import threading
from typing import Any

import pytest

from src.domain.evaluation.errors import BadAssertionError
from src.infrastructure.evaluation.json_schema import (
    CompiledSchema,
    SchemaCache,
    SchemaEffortError,
    SchemaMismatchError,
    parse_json,
)


def mismatch(schema: Any, value: Any) -> str:
    """What is wrong with `value`; empty when it fits. Raises SchemaEffortError."""
    text = json.dumps(value)
    try:
        CompiledSchema(json.dumps(schema)).check(parse_json(text), length=len(text))
    except SchemaMismatchError as exc:
        return str(exc)
    return ""


def doubling(levels: int) -> dict[str, Any]:
    """A schema that visits its last definition 2 ** levels times."""
    definitions: dict[str, Any] = {
        f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i + 1}"}, {"$ref": f"#/$defs/d{i + 1}"}]}
        for i in range(levels)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, f"d{levels}": {"type": "string"}}}


def nested(levels: int, value: Any = None) -> Any:
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value at line 1, column 1, found the end"),
        ('{"a":\n 1 2}', "at line 2, column 4"),
        ("[NaN]", "NaN is not JSON"),
        ("-Infinity", "-Infinity is not JSON"),
        ("1e999", "the number 1e999 is too large"),
        ("-1e999", "the number -1e999 is too large"),
        ("9" * 5000, "4300 digits"),
        ("[" * 1_000_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("{'a': 1}", "property name"),
        ('"a\nb"', "control character"),
        ("\ufeff{}", "BOM"),
        ("{} {}", "Extra data"),
    ],
)
def test_what_is_not_json_is_named(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_json(text)


def test_last_of_repeated_keys_counts() -> None:
    assert parse_json('{"a": 1, "a": 2}') == {"a": 2}


@pytest.mark.parametrize(
    ("schema", "value", "reason"),
    [
        ({"type": "object"}, [1], '$: [1] is not of type "object"'),
        ({"required": ["a"]}, {}, '$: "a" is a required property'),
        ({"properties": {"a": {"enum": ["x", "y"]}}}, {"a": "z"}, '$.a: "z" is not one of "x" or "y"'),
        (
            {"properties": {"a": {"items": {"minimum": 3}}}},
            {"a": [5, 2]},
            "$.a[1]: 2 is less than the minimum of 3",
        ),
        ({"format": "date"}, "yesterday", '$: "yesterday" is not a "date"'),
        ({"pattern": "^a(?=b)"}, "ac", "$: \"ac\" does not match '^a(?=b)'"),
        ({"maxLength": 3}, "x" * 100, f'$: "{"x" * 59}… is longer than 3 characters'),
        ({"propertyNames": {"pattern": "^a"}}, {"b": 1}, "$: {\"b\": 1} does not match '^a'"),
        ({"patternProperties": {"^a": {"type": "string"}}}, {"ab": 1}, '$.ab: 1 is not of type "string"'),
        (
            {"$schema": "http://json-schema.org/draft-07/schema#", "type": "null"},
            1,
            '$: 1 is not of type "null"',
        ),
    ],
)
def test_first_mismatch_is_told_with_its_place(schema: Any, value: Any, reason: str) -> None:
    assert mismatch(schema, value) == reason


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": "^a(?=b)"}, "ab"),
        ({"pattern": "^a"}, 5),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "string"}}}, "x"),
        ({"$ref": "#/$defs/a%20b", "$defs": {"a b": {"type": "string"}}}, "x"),
        ({"$ref": "#/allOf/1", "allOf": [True, {"type": "string"}]}, "x"),
        ({"items": {"$ref": "#"}}, [[[]]]),
        ({"$ref": "#"}, 1),
        ({"properties": {"$id": {"type": "string"}}}, {"$id": "x"}),
        ({"$id": "https://example.com/mine", "type": "string"}, "x"),
        ({"const": {"$ref": "https://example.com"}}, {"$ref": "https://example.com"}),
    ],
)
def test_what_fits_fits(schema: Any, value: Any) -> None:
    assert mismatch(schema, value) == ""


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "thing"},
        {"minLength": -1},
        {"properties": 3},
        {"pattern": "("},
        {"pattern": "a" * 2_001},
        {"patternProperties": {"(?=a)": True}},
        {"$ref": "https://example.com/schema.json"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "other.json#/a"},
        {"$ref": "#anchor"},
        {"$ref": "#/$defs/none"},
        {"$dynamicRef": "http://127.0.0.1/x"},
        {"$schema": "https://example.com/my-own-draft"},
        {"properties": {"a": {"$id": "https://example.com/b"}}},
        {"$defs": {"a": {"$id": "https://example.com/b"}}},
        {"const": "\ud800"},
        {"const": float("nan")},
        {"const": "x" * 1_000_001},
        {"const": nested(200)},
        {"not": {"allOf": nested(98, {})}},
    ],
)
def test_schema_that_cannot_be_used_is_refused(schema: Any) -> None:
    with pytest.raises(BadAssertionError, match=r"^value: ") as caught:
        SchemaCache().get(schema)
    assert len(str(caught.value)) < 500


def test_schema_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(BadAssertionError, match=r"^value: "):
        SchemaCache().get({"const": nested(100_000)})


def test_chain_of_references_without_end_is_refused() -> None:
    chain: dict[str, Any] = {f"d{i}": {"$ref": f"#/$defs/d{i + 1}"} for i in range(5000)}
    with pytest.raises(BadAssertionError, match=r"^value: .*references"):
        SchemaCache().get({"$ref": "#/$defs/d0", "$defs": {**chain, "d5000": {}}})


def test_same_schema_is_compiled_once_whatever_the_order_of_its_keys() -> None:
    cache = SchemaCache()
    assert cache.get({"type": "object", "minProperties": 1}) is cache.get(
        {"minProperties": 1, "type": "object"}
    )


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (doubling(40), 1),
        ({"anyOf": [{"items": {"$ref": "#"}}, {"items": {"$ref": "#"}}]}, nested(60, 1)),
        ({"items": {"enum": [{"a": i} for i in range(10_000)]}}, [{"a": 9999}] * 1000),
        ({"patternProperties": {"(a|b)*a(a|b){1000}c": True}}, {"ab" * 500_000: 1}),
        ({"type": "array"}, nested(150)),
    ],
)
def test_more_work_than_can_be_done_is_refused_before_it_begins(schema: Any, value: Any) -> None:
    with pytest.raises(SchemaEffortError, match=r"^not judged: "):
        mismatch(schema, value)


def test_nested_unevaluated_properties_are_refused_before_they_explode() -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(18):
        schema = {"allOf": [schema], "unevaluatedProperties": {"type": "integer"}}
    with pytest.raises(SchemaEffortError):
        mismatch(schema, {"a": 1})


@pytest.mark.parametrize(
    "schema",
    [
        {"items": {"anyOf": [{"pattern": "^(a|aa)+$"}, {"type": "string"}]}},
        {"not": {"items": {"not": {"pattern": "^(a|aa)+$"}}}},
        {"contains": {"pattern": "^(a|aa)+$"}},
    ],
)
def test_catastrophic_patterns_share_one_second(schema: Any) -> None:
    with pytest.raises(SchemaEffortError, match="patterns of the schema take too long"):
        mismatch(schema, ["a" * 60 + "b"] * 1000)


def test_patience_is_new_for_each_check_and_each_thread() -> None:
    schema = CompiledSchema('{"pattern": "^(a|aa)+$"}')
    with pytest.raises(SchemaEffortError):
        schema.check("a" * 60 + "b", length=61)
    schema.check("aaa", length=3)
    other = threading.Thread(target=lambda: schema.check("aaa", length=3))
    other.start()
    other.join()


@pytest.mark.parametrize("levels", [3, 10, 15])
def test_schema_that_branches_a_little_is_judged(levels: int) -> None:
    assert mismatch(doubling(levels), "text") == ""
    assert mismatch(doubling(levels), 1) != ""


def test_tree_of_moderate_depth_is_judged() -> None:
    node = {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}
    schema = {
        "$ref": "#/$defs/node",
        "$defs": {"node": {"type": "object", "properties": {"left": node, "right": node}}},
    }
    tree: Any = None
    for _ in range(10):
        tree = {"left": tree, "right": tree}
    assert mismatch(schema, tree) == ""
    comb: Any = "leaf"
    for _ in range(30):
        comb = {"left": comb, "right": None}
    assert mismatch(schema, {"left": None, "right": {"left": None, "right": "leaf"}}) != ""


def test_large_value_is_judged_without_telling_where() -> None:
    schema = {"anyOf": [{"items": {"type": "string"}}, {"items": {"type": "boolean"}}]}
    assert mismatch(schema, [1] * 1_000_000) == "it is too large to say where"


def test_large_value_that_fits_is_judged() -> None:
    rows = [{"id": i, "name": f"n{i}", "day": "2026-01-01"} for i in range(50_000)]
    schema = {
        "items": {
            "required": ["id", "name"],
            "properties": {
                "id": {"type": "integer"},
                "name": {"type": "string"},
                "day": {"pattern": "^2026"},
            },
        }
    }
    assert mismatch(schema, rows) == ""


def test_half_a_surrogate_pair_does_not_fit() -> None:
    assert mismatch({"type": "string"}, "\ud800") == "it holds half of a surrogate pair"

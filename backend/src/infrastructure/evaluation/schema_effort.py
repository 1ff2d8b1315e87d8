"""How much work a JSON Schema can make: an upper bound, known before the work begins."""

from collections import Counter
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from src.domain.evaluation.errors import BadAssertionError
from src.domain.shared.placeholders import JsonValue

MAX_DEPTH = 100
MAX_VISITS = 100_000_000  # 10 to 50 ns each

_Schema = dict[str, JsonValue]

_UNEVALUATED = ("unevaluatedItems", "unevaluatedProperties")
_UNEVALUATED_COST = 4  # they visit again what is in place; measured: 2.6 times the work for each such level
_LARGE_MEMBER_COST = 50  # a list or object in an enum takes 0.45 µs to compare
_IN_PLACE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else")
_IN_PLACE_MAPS = ("dependentSchemas", "dependencies")
_CHILDREN = (
    *("items", "prefixItems", "additionalItems", "additionalProperties", "contains", "propertyNames"),
    *_UNEVALUATED,
)
_CHILDREN_MAPS = ("properties", "patternProperties")
_DEFINITIONS = ("$defs", "definitions")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class SchemaEffort:
    """Upper bound of the subschema visits that a value can cause.

    A visit of a subschema causes visits in place (allOf, $ref, …) and, one level deeper in the value, of its children.
    `_visits[k]` counts those of one location that is k levels deep, along every path; a value costs that much for each
    of its locations. Without such a bound `anyOf` of twice the next definition, forty definitions long, takes hours.
    """

    def __init__(self, schema: _Schema | bool) -> None:
        """Raises BadAssertionError for references that are not of the form `#/…`: they could not be counted."""
        self._root = schema
        self._nodes: dict[int, _Schema] = {}
        self._closures: dict[int, Counter[int] | None] = {}
        self._visits = [1]
        if isinstance(schema, dict):
            _require_ids_at_top_only(schema)
            try:
                self._visits = self._count(schema)
            except RecursionError:
                raise BadAssertionError("value: the schema's references are nested too deeply.") from None
        self.key_patterns = sum(_size(node.get("patternProperties")) for node in self._nodes.values())

    def visits(self, widths: Sequence[int]) -> int:
        """`widths[k]`: how many locations of the value are k levels deep."""
        beyond = (
            sum(widths[len(self._visits) :]) * self._visits[-1]
        )  # the last is 0, or over the limit by itself
        return beyond + sum(width * visits for width, visits in zip(widths, self._visits, strict=False))

    def _count(self, schema: _Schema) -> list[int]:
        level = self._closure(schema)
        visits = [self._weigh(level)]
        while len(visits) <= MAX_DEPTH and 0 < visits[-1] <= MAX_VISITS:
            below: Counter[int] = Counter()
            for node, paths in level.items():
                for child in _subschemas(self._nodes[node], _CHILDREN, _CHILDREN_MAPS):
                    _add(below, self._closure(child), paths)
            level = below
            visits.append(self._weigh(level))
        return visits

    def _weigh(self, level: Counter[int]) -> int:
        return sum(paths * _weight(self._nodes[node]) for node, paths in level.items())

    def _closure(self, node: _Schema) -> Counter[int]:
        """What a visit of `node` visits in place, itself included, and along how many paths. Loops end at once."""
        if id(node) in self._closures:
            return self._closures[id(node)] or Counter()  # None: we are inside of it
        self._nodes[id(node)], self._closures[id(node)] = node, None
        again = _UNEVALUATED_COST if any(keyword in node for keyword in _UNEVALUATED) else 1
        found = Counter({id(node): 1})
        for inner in (*_subschemas(node, _IN_PLACE, _IN_PLACE_MAPS), *self._targets(node)):
            _add(found, self._closure(inner), again)
        self._closures[id(node)] = found
        return found

    def _targets(self, node: _Schema) -> Iterator[_Schema]:
        for keyword in _REFERENCES:
            reference = node.get(keyword)
            target = self._resolved(reference) if isinstance(reference, str) else None
            if isinstance(target, dict):
                yield target

    def _resolved(self, reference: str) -> JsonValue:
        if reference != "#" and not reference.startswith("#/"):
            raise BadAssertionError(
                f"value: {reference!r:.100} leads out of the schema; only '#/…' is followed."
            )
        target: JsonValue = self._root
        for step in reference.split("/")[1:]:
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(target, dict) and name in target:
                target = target[name]
            elif isinstance(target, list) and name.isdecimal() and int(name) < len(target):
                target = target[int(name)]
            else:
                raise BadAssertionError(f"value: there is nothing at {reference!r:.100} in the schema.")
        return target


def widths_of(value: JsonValue) -> list[int]:
    """How many locations the value has at each depth, from the one at the top; not looked at far beyond MAX_DEPTH."""
    widths, level = [1], [value]
    while len(widths) <= MAX_DEPTH:
        below: list[JsonValue] = []
        for item in level:
            if isinstance(item, dict):
                below += item.values()
            elif isinstance(item, list):
                below += item
        if not below:
            break
        widths.append(len(below))
        level = below
    return widths


def _require_ids_at_top_only(schema: _Schema) -> None:
    """An `$id` further down would give the `#/…` below it another meaning."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if node is not schema and any(isinstance(node.get(key), str) for key in ("$id", "id")):
            raise BadAssertionError("value: an `$id` is allowed at the top of the schema only.")
        waiting += _subschemas(node, _IN_PLACE + _CHILDREN, _IN_PLACE_MAPS + _CHILDREN_MAPS + _DEFINITIONS)


def _subschemas(node: _Schema, direct: tuple[str, ...], maps: tuple[str, ...]) -> Iterator[_Schema]:
    for keyword in direct:
        value = node.get(keyword)
        yield from (
            item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)
        )
    for keyword in maps:
        value = node.get(keyword)
        if isinstance(value, dict):
            yield from (item for item in value.values() if isinstance(item, dict))


def _weight(node: _Schema) -> int:
    """Visits that a look at this subschema alone is worth; text members of an enum are hashed and cost nothing."""
    members = node.get("enum")
    if not isinstance(members, list) or all(isinstance(member, str) for member in members):
        return 1
    return 1 + sum(_LARGE_MEMBER_COST if isinstance(member, dict | list) else 1 for member in members)


def _add(total: Counter[int], more: Counter[int], times: int) -> None:
    for node, paths in more.items():
        total[node] += paths * times


def _size(value: JsonValue) -> int:
    return len(value) if isinstance(value, dict) else 0

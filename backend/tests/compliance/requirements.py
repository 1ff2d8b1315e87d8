"""What SQLAlchemy's suite may ask of our dialects: all that it asks of its own SQLite, but for the exclusions below."""

from typing import Any

from sqlalchemy.testing import exclusions
from sqlalchemy.testing.requirements import SuiteRequirements

# Closed until a dialect opens them. SQLAlchemy 2.0 opens them for its own SQLite.
_OPEN = """
    autocommit boolean_col_expressions check_constraint_reflection computed_columns
    computed_columns_reflect_persisted computed_columns_stored computed_columns_virtual ctes ctes_with_values
    date_historic datetime_historic datetime_literals dbapi_lastrowid emulated_lastrowid
    emulated_lastrowid_even_with_sequences except_ expression_server_defaults fetch_expression
    fetch_offset_with_options fk_constraint_option_reflection_ondelete_noaction
    fk_constraint_option_reflection_ondelete_restrict fk_constraint_option_reflection_onupdate_restrict
    float_or_double_precision_behaves_generically foreign_key_constraint_name_reflection
    foreign_key_constraint_option_reflection_ondelete foreign_key_constraint_option_reflection_onupdate
    index_ddl_if_exists indexes_check_column_order indexes_with_expressions inline_check_constraint_reflection
    intersect isolation_level json_array_indexes json_type legacy_unconditional_json_extract
    mod_operator_as_percent_sign non_updating_cascade nullsordering nvarchar_types order_by_collation
    order_by_label_with_expression percent_schema_names precision_numerics_enotation_small
    precision_numerics_retains_significant_digits reflect_table_options reflects_pk_names regexp_match
    repeated_column_foreign_keys savepoints server_defaults skip_autocommit_rollback supports_bitwise_and
    supports_bitwise_not supports_bitwise_or supports_bitwise_shift supports_bitwise_xor table_ddl_if_exists
    tuple_in tuple_in_w_empty update_from view_column_reflection view_reflection views window_functions
"""

EXCLUDED = {
    # SQLAlchemy excludes these for its own SQLite files too
    "independent_connections": "the tests of two connections write from both at once, and SQLite has one writer",
    "implicitly_named_constraints": "SQLite gives an unnamed constraint no name",
    "parens_in_union_contained_select_w_limit_offset": "SQLite's grammar has no parentheses there",
    "parens_in_union_contained_select_wo_limit_offset": "SQLite's grammar has no parentheses there",
    "temporary_tables": "a temporary table belongs to one connection, and the tests look from another; "
    "libsql-server refuses them altogether",
    "temp_table_reflection": "as temporary_tables",
    "temp_table_reflect_indexes": "as temporary_tables",
}

EXCLUDED_FROM_LIBSQL = {
    "schemas": "a schema is an attached file, and libsql-server refuses ATTACH",
    "schema_reflection": "as schemas",
    "infinity_floats": "the protocol's JSON has no infinite numbers; ours refuses them",
    "unicode_ddl": "its tables refer to a column that is not unique, which fails where foreign keys are enforced "
    "(names in Japanese are tested in tests/integration/database/libsql)",
}


class Requirements(SuiteRequirements):
    def get_isolation_levels(self, config: Any) -> dict[str, Any]:
        return {"default": "SERIALIZABLE", "supported": ["SERIALIZABLE", "SNAPSHOT", "AUTOCOMMIT"]}

    def get_order_by_collation(self, config: Any) -> str:
        return "NOCASE"

    @property
    def infinity_floats(self) -> Any:
        return exclusions.open()

    @property
    def unicode_ddl(self) -> Any:
        return exclusions.open()


def _excluded_from_libsql(before: property, reason: str) -> property:
    def requirement(self: Requirements) -> Any:
        return before.__get__(self) + exclusions.skip_if(is_libsql, reason)

    return property(requirement)


def is_libsql(config: Any) -> bool:
    return bool(config.db.dialect.driver == "libsql")


for _name in _OPEN.split():
    setattr(Requirements, _name, property(lambda _self: exclusions.open()))
for _name, _reason in EXCLUDED.items():
    setattr(Requirements, _name, property(lambda _self, why=_reason: exclusions.skip_if(lambda: True, why)))
for _name, _reason in EXCLUDED_FROM_LIBSQL.items():
    setattr(Requirements, _name, _excluded_from_libsql(getattr(Requirements, _name), _reason))

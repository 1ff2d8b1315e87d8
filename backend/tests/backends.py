"""Marks of tests that are about one kind of database; the others run on both (fixture `backend`)."""

import pytest

on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
on_libsql = pytest.mark.parametrize("backend", ["libsql"], indirect=True)

"""Tables of studies: what they hold, and how they were made."""

from __future__ import annotations

import time

import pytest

from gpt2lab.studies import facts, length, roles, stored, sums

TABLES = {
    "facts": (facts.facts_table, facts.FactsTable),
    "length": (length.length_table, length.LengthTable),
    "roles": (roles.roles_table, roles.RolesTable),
    "sums": (sums.sums_table, sums.SumsTable),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_shipped_table_holds_what_its_type_says(name):
    table, kind = TABLES[name]
    assert set(table()) == kind.__required_keys__
    assert table()["command"] == f"python -m gpt2lab.studies.{name}"


def test_a_table_comes_back_with_how_it_was_made(tmp_path):
    table = {"loss": [[0.1, 0.2]], **stored.made_by("sums", time.monotonic())}
    stored.save_table(tmp_path / "table.json", table)
    assert stored.load_table(tmp_path / "table.json") == table
    assert set(stored.made_by("sums", 0.0)) == stored.Made.__required_keys__

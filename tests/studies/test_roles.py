"""The study of rows and roles: the table belongs to the code, and says what the chapter says."""

from statistics import mean

import pytest
import torch
from torch.testing import assert_close

from gpt2lab.studies.length import load_model, new_model
from gpt2lab.studies.roles import (
    CONTROLS,
    LEARNED,
    LONGEST,
    OLD_ROLES,
    ROLES,
    SEEDS,
    TRAINED_ROWS,
    WAYS,
    AnywherePositions,
    right_by_place,
    roles_table,
    with_rows,
)


def test_each_way_is_what_its_name_says():
    n = LONGEST
    trained_letters, trained_signs, trained_answers = range(n), range(3, n + 1), range(4, 2 * n)
    for rows in (TRAINED_ROWS, OLD_ROLES):
        assert len(rows) == 2 * (n + 1) and set(rows) <= set(range(2 * n))  # a row for each place, all of them trained
    assert set(OLD_ROLES[: n + 1]) <= set(trained_letters) and OLD_ROLES[n + 1] in trained_signs
    assert set(OLD_ROLES[n + 2 :]) <= set(trained_answers)
    assert TRAINED_ROWS[n] not in trained_letters and TRAINED_ROWS[n + 1] not in trained_signs
    assert all(len(rows) == 2 * n for rows in CONTROLS.values())
    assert all(len(rows) == 2 * (n - 1) for rows in ROLES.values())
    assert sum(rows.count(2 * n - 1) for rows in ROLES.values()) == 3  # row 19: free, and trained in lists of 10


def test_the_shipped_model_reaches_what_the_table_says():
    model = load_model(LEARNED)
    for way, rows in WAYS.items():
        stored = torch.tensor(roles_table()["eleven"][way][0])
        assert_close(right_by_place(with_rows(model, rows), LONGEST + 1), stored, atol=0.03, rtol=0)


def test_what_the_chapter_says_holds():
    table = roles_table()
    assert table["seeds"] == SEEDS == 5 and all(len(runs) == SEEDS for runs in table["eleven"].values())
    right = {way: [mean(run) for run in runs] for way, runs in table["eleven"].items()}
    assert sum(share < 0.7 for share in right["as it is"]) == 4  # one model of five is fine from the start
    for before, rows, roles in zip(*right.values(), strict=True):
        assert rows - before < 0.1 and roles > 0.85 and roles > rows
    for plain, shared in zip(table["ten"]["as it is"], table["ten"]["two letters share a row"], strict=True):
        assert abs(plain - shared) < 0.02
    cost = {change: [a - b for a, b in zip(table["ten"]["as it is"], shares, strict=True)]
            for change, shares in table["ten"].items()}  # fmt: skip
    assert max(cost["the last letter on row 10"]) < 0.05
    assert sum(lost > 0.2 for lost in cost["the sign on row 11"]) == 3
    lost = {role: [a - b for a, b in zip(table["nine"]["as it is"], shares, strict=True)]
            for role, shares in table["nine"].items()}  # fmt: skip
    assert max(lost["the last answer on row 19"]) < 0.05 and max(lost["the last letter on row 19"]) < 0.05
    assert sum(share > 0.15 for share in lost["the sign on row 19"]) == 4
    assert sum(a > b for a, b in zip(lost["the sign on row 19"], lost["the sign on row 10"], strict=True)) == 4
    for ten, sixteen in zip(table["everywhere"]["10"], table["everywhere"]["16"], strict=True):
        assert sixteen > 0.85 and ten - sixteen < 0.1


def test_with_rows_copies_and_moves_rows():
    model = new_model(LEARNED)
    before = model.position_embedding.weight.clone()
    moved = with_rows(model, [5, 5, 0])
    assert_close(moved.position_embedding.weight[:3], before[[5, 5, 0]], atol=0, rtol=0)
    assert_close(moved.position_embedding.weight[3:], before[3:], atol=0, rtol=0)
    assert_close(model.position_embedding.weight, before, atol=0, rtol=0)


@pytest.mark.parametrize("rows", [[], [0, 32], [-1], [0] * 33])
def test_rows_outside_the_table_are_refused(rows):
    with pytest.raises(ValueError, match="rows must name 1 to 32 rows of the table, 0 to 31"):
        with_rows(new_model(LEARNED), rows)


def test_a_model_without_a_table_is_refused():
    with pytest.raises(ValueError, match="needs a learned table, got ScaledSinusoids"):
        with_rows(new_model("sinusoidal"), [0])


def test_random_places_in_training_only():
    torch.manual_seed(0)
    table = AnywherePositions(new_model(LEARNED).config)
    places = torch.arange(20)
    starts = {int((table.weight == table(places)[0]).all(-1).nonzero()) for _ in range(200)}
    assert starts == set(range(13))  # 32 rows, 20 places
    table.eval()
    for _ in range(20):
        assert_close(table(places), table.weight[:20], atol=0, rtol=0)

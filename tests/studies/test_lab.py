"""The lab: every row can be run, the table is whole, and the shipped curves say what the course says."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gpt2lab.__main__ import main
from gpt2lab.ablations import VARIANTS
from gpt2lab.errors import CheckpointError
from gpt2lab.studies.lab.command import chosen_rows, store
from gpt2lab.studies.lab.curves import CURVES, Curves, Row, curves_of, load_lab
from gpt2lab.studies.lab.rows import GROUPS, RATES, ROWS, SEEDS, TUNING_SEEDS
from gpt2lab.studies.lab.run import POINT, best_rate, run_row, run_rows
from gpt2lab.studies.lab.table import group_table
from gpt2lab.training import TrainConfig

SHORT = dict(steps=25, batch_size=8, warmup_steps=5, eval_every=10, eval_sequences=16)
SHAPE = dict(n_layers=1, n_heads=2, d_model=16)


def row(**changes) -> Row:
    """Short, and with its rate given; ``rate=None`` looks for it."""
    return Row(**{**dict(name="parts/gpt2", title="t", shape=SHAPE, training=SHORT, rate=3e-3), **changes})


def test_rows_are_complete() -> None:
    assert {r.group for r in ROWS.values()} == set(GROUPS)
    assert {r.variant for r in ROWS.values()} == set(VARIANTS)
    assert all(name == r.name for name, r in ROWS.items())
    for r in ROWS.values():
        TrainConfig(**r.training)
    titles = [(r.group, r.title) for r in ROWS.values()]
    assert len(set(titles)) == len(titles)


def test_one_row_from_run_to_reading(tmp_path: Path) -> None:
    result = run_row(row(), seeds=3).stored
    store("parts/gpt2", result, tmp_path / "t.json")
    curves = load_lab(tmp_path / "t.json")["parts/gpt2"]
    assert curves.loss.shape == (3, 3) and list(curves.steps) == [10, 20, 25] and POINT == 10
    assert list(curves.eval_steps) == [10, 20, 25]
    assert curves.scores["accuracy"].shape == (3, 3) and curves.final().shape == (3,)
    low, high = curves.range("loss")
    assert (low <= curves.median("loss")).all() and (curves.median("loss") <= high).all() and (low < high).all()
    assert curves.rate == 3e-3 and curves.tuning is None and not curves.at_edge
    assert curves.facts["seeds"] == 3 and curves.facts["command"] == "gpt2lab train-lab parts/gpt2 --device cpu"


def test_stacked_and_one_by_one_agree() -> None:
    alone, together = (run_row(row(), seeds=2, stacked=stacked).stored for stacked in (False, True))
    np.testing.assert_allclose(alone["loss"], together["loss"], atol=2e-3)
    assert alone["eval_steps"] == together["eval_steps"] and alone["steps"] == together["steps"]
    for key in alone["scores"]:
        np.testing.assert_allclose(alone["scores"][key], together["scores"][key], atol=0.02)


def test_a_seed_that_diverges_leaves_a_gap() -> None:
    wild = row(
        variant="no-layernorm",
        training={**SHORT, "clip_norm": None, "diverged_at": None},
        rate=1e6,
    )
    result = run_row(wild, seeds=2).stored
    gone = [i for i, v in enumerate(result["loss"][-1]) if v is None]
    assert gone
    for i in gone:  # no loss is left to tell, and nothing is right any more
        assert result["scores"]["loss"][-1][i] is None and result["scores"]["accuracy"][-1][i] == 0
    assert all(v is None or math.isfinite(v) for line in result["loss"] for v in line)
    json.dumps(result, allow_nan=False)


def test_without_a_mask_generation_is_evaluated_as_well() -> None:
    scores = run_row(row(variant="no-mask"), seeds=2).stored["scores"]
    assert len(scores["generated_accuracy"][0]) == 2
    assert "generated_accuracy" not in run_row(row(), seeds=1).stored["scores"]


def test_the_table_keeps_other_rows_and_the_order_of_the_lab(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    result = run_row(row(), seeds=1).stored
    for name in ("heads/1", "parts/gpt2", "heads/1"):
        store(name, result, path)
    assert list(json.loads(path.read_text())) == list(load_lab(path)) == ["parts/gpt2", "heads/1"]
    path.write_text("{")
    with pytest.raises(CheckpointError, match="not a readable table of the lab"):
        load_lab(path)


def test_the_command(tmp_path: Path, capsys) -> None:
    assert main(["train-lab", "--list", "heads"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split(maxsplit=1) == ["heads/1", "1 head of width 32"]
    assert main(["train-lab", "nothing"]) == 2
    assert "the lab has no row or group 'nothing'; groups: parts, depth" in capsys.readouterr().err
    assert main(["train-lab", "heads/1", "--seeds", "0"]) == 2
    assert main(["train-lab", "heads/1", "--jobs", "0"]) == 2
    assert [r.name for r in chosen_rows(["heads/1", "heads"])][:2] == ["heads/1", "heads/2"]


@pytest.mark.skipif(not CURVES.is_file(), reason="no curves shipped")
def test_the_shipped_table_belongs_to_the_rows() -> None:
    stored = json.loads(CURVES.read_text())
    assert set(stored) <= set(ROWS)
    for name, curves in load_lab().items():
        assert curves.facts["seeds"] >= SEEDS, name
        assert curves.facts["training"] == {**ROWS[name].training, "learning_rate": curves.rate}, name
        assert (curves.tuning is None) == (ROWS[name].rate is not None) == (curves.row.group == "rate"), name
        assert curves.rate in RATES and (ROWS[name].rate is None or curves.rate == ROWS[name].rate), name
        if curves.tuning is not None:
            means = np.mean(curves.tuning["scores"], axis=1)
            assert curves.tuning["rates"] == list(RATES) and curves.tuning["seeds"] == list(TUNING_SEEDS), name
            assert curves.rate == RATES[int(means.argmax())], name
        assert curves.loss.shape == (len(curves.steps), curves.facts["seeds"])
        assert curves.scores["accuracy"].shape == (len(curves.eval_steps), curves.facts["seeds"])
        assert curves.eval_steps[-1] == curves.steps[-1] == ROWS[name].training["steps"]
        assert {"device", "torch", "seconds", "made", "command", "parameters"} <= set(curves.facts)


@pytest.mark.parametrize("content", [b"{", b"[]", b"3", b"\xff\xfe"])
def test_a_damaged_table_is_found_before_training(content: bytes, tmp_path: Path, monkeypatch, capsys) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(content)
    monkeypatch.setattr("gpt2lab.studies.lab.command.run_rows", lambda *a: pytest.fail("trained first"))
    assert main(["train-lab", "parts/gpt2", "--out", str(path)]) == 2
    assert "t.json: not a readable table of the lab" in capsys.readouterr().err
    with pytest.raises(CheckpointError, match="not a readable table"):
        load_lab(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("option", ["--out", "--checkpoint"])
def test_a_place_that_cannot_be_written_is_found_before_training(option, tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("gpt2lab.studies.lab.command.run_rows", lambda *a: pytest.fail("trained first"))
    place = tmp_path / "file" / "x"
    assert main(["train-lab", "parts/gpt2", option, str(place / "t.json" if option == "--out" else place)]) == 2
    assert "nothing can be written there" in capsys.readouterr().err


def test_where_all_seeds_have_diverged_there_is_no_number_and_no_warning(recwarn) -> None:
    curves = load_lab()["parts/gpt2"]
    loss = curves.scores["loss"].copy()
    loss[-1] = np.nan
    gone = replace(curves, scores={**curves.scores, "loss": loss})
    low, high = gone.range("loss")
    assert np.isnan([gone.median("loss")[-1], low[-1], high[-1]]).all() and np.isfinite(low[:-1]).all()
    assert not recwarn.list


def test_the_command_prints_what_a_model_without_a_mask_can_do(tmp_path: Path, monkeypatch, capsys) -> None:
    outcome = run_row(row(name="parts/no-mask", variant="no-mask"), seeds=2)
    scores = outcome.stored["scores"]
    scores["accuracy"][-1], scores["generated_accuracy"] = [1.0, 1.0], [[0.25, 0.5]]
    monkeypatch.setattr("gpt2lab.studies.lab.command.run_rows", lambda *a: [outcome])
    assert main(["train-lab", "parts/no-mask", "--out", str(tmp_path / "t.json")]) == 0
    assert "rate 0.003, 90 % of the letters after inf steps, accuracy 0.250 (0.250 to 0.500)" in capsys.readouterr().out


@pytest.mark.parametrize("stacked", [False, True])
def test_the_rate_is_found_with_other_seeds(monkeypatch, stacked: bool) -> None:
    """The best rate of three, where the others learn nothing in so few steps."""
    monkeypatch.setattr("gpt2lab.studies.lab.run.RATES", (1e-7, 1e-2, 1e3))
    few = {**SHORT, "steps": 120, "eval_every": 20}
    found = run_row(row(rate=None, training=few), seeds=2, stacked=stacked)
    curves = curves_of(found.row, found.stored)
    assert curves.rate == 1e-2 and not curves.at_edge and found.stored["facts"]["seeds"] == 2
    assert curves.tuning["seeds"] == list(TUNING_SEEDS) and not set(TUNING_SEEDS) & set(range(SEEDS))
    scores = np.mean(curves.tuning["scores"], axis=1)
    assert scores[1] > 1.2 * max(scores[0], scores[2])


def test_the_best_rate_is_the_best_on_average() -> None:
    tuning = {"rates": [1.0, 2.0, 3.0], "seeds": [7, 8], "scores": [[0.5, 0.5], [0.9, 0.0], [0.4, 0.6]]}
    assert best_rate(tuning) == 1.0  # not the best single run; of two equal ones the lower
    tuning["scores"][2] = [0.5, 0.7]
    assert best_rate(tuning) == 3.0


def test_rows_of_one_setting_share_their_training() -> None:
    assert ROWS["parts/gpt2"].setting == ROWS["depth/with-2"].setting != ROWS["depth/with-4"].setting
    assert ROWS["rate/gpt2-0.1"].setting == ROWS["depth/with-4"].setting
    tuned, given = run_rows([row(rate=None), row(name="rate/gpt2-0.01", rate=1e-2)], seeds=1)
    assert given.stored["facts"]["training"]["learning_rate"] == 1e-2 and given.stored["tuning"] is None
    if tuned.stored["facts"]["training"]["learning_rate"] == 1e-2:
        assert tuned.trained[0] is given.trained[0]


def test_two_processes_store_what_one_would(tmp_path: Path, monkeypatch) -> None:
    for name in ("heads/1", "heads/2"):
        monkeypatch.setitem(ROWS, name, row(name=name, shape={**SHAPE, "n_heads": int(name[-1])}))
    for jobs in ("1", "2"):
        out = ["--out", str(tmp_path / f"{jobs}.json"), "--checkpoint", str(tmp_path / jobs)]
        assert main(["train-lab", "heads/1", "heads/2", "--seeds", "2", "--jobs", jobs, *out]) == 0
    one, two = (json.loads((tmp_path / f"{jobs}.json").read_text()) for jobs in ("1", "2"))
    assert list(one) == list(two) == ["heads/1", "heads/2"]
    for name in one:
        assert one[name]["scores"] == two[name]["scores"] and one[name]["loss"] == two[name]["loss"]
        assert (tmp_path / "2" / name / "model.safetensors").is_file()


def made(letters, sequences=None, **changes):
    """Curves with these letters right: (evaluations, seeds)."""
    values = np.array(letters)
    scores = {"token_accuracy": values, "accuracy": values if sequences is None else np.array(sequences)}
    facts = {"training": {"learning_rate": 0.1}}
    tuning = {"rates": [0.01, 0.1], "seeds": [9], "scores": [[0.0], [1.0]]}
    steps = np.arange(1, len(values) + 1) * 10
    return replace(Curves(ROWS["parts/gpt2"], facts, tuning, steps, values, steps, scores), **changes)


def test_steps_to_a_share() -> None:
    curves = made([[0.1, 0.95, np.nan], [0.9, 0.2, np.nan], [0.5, 1.0, np.nan]])
    assert curves.steps_to(0.9).tolist() == [20, 10, np.inf]
    assert curves.steps_to(0.99).tolist() == [np.inf, 30, np.inf]


def test_a_table_has_rates_steps_and_shares() -> None:
    other = made([[0.0, 0.0], [0.2, 0.4]], row=ROWS["parts/rope"], facts={"training": {"learning_rate": 0.02}})
    table = group_table({"parts/gpt2": made([[0.5, 0.95], [1.0, 1.0]]), "parts/rope": other}, "parts")
    first, second, third, last = repr(table).splitlines()
    assert first.split() == "rate steps to 90% letters right sequences right".split()
    assert second.split() == "GPT-2 as it is 0.1* 15 (10 to 20) 1.00 1.00".split()
    assert third.split() == "rotary positions (RoPE) 0.02 never 0.30 (0.20 to 0.40) 0.30 (0.20 to 0.40)".split()
    assert last.startswith("* the lowest or highest rate tried")
    assert table["gpt2"].learned == 2 and table["rope"].learned == 0 and table["parts/rope"] is table["rope"]
    with pytest.raises(ValueError, match="the table 'parts' has no row 'x'; it has parts/gpt2, parts/rope"):
        table["x"]
    with pytest.raises(ValueError, match="the lab has no group 'x'; groups: parts"):
        group_table({}, "x")


def test_rows_at_the_ceiling_show_their_way_there() -> None:
    late, soon = made([[0.2, 0.4], [1.0, 1.0]]), made([[0.8, 0.9], [1.0, 1.0]], row=ROWS["parts/relu"])
    never = made([[0.9, 1.0], [1.0, 0.9]], row=ROWS["parts/rope"])
    cases = {"parts/gpt2": late, "parts/relu": soon, "parts/rope": never}
    table = group_table(cases, "parts")
    assert [row.at_ceiling for row in table.rows] == [True, True, False]
    first, second, third, last = repr(table.at_ceiling()).splitlines()
    assert first.split() == "rate steps to 90% wrong on the way".split()
    assert second.split() == "ReLU for GELU 0.1* 15 (10 to 20) 7.5 % (5.0 to 10.0)".split()  # the sooner one leads
    assert third.split() == "GPT-2 as it is 0.1* 20 35.0 % (30.0 to 40.0)".split()
    assert last.startswith("*")
    below = table.below_ceiling()
    assert "sequences right" in repr(below) and [row.name for row in below.rows] == ["parts/rope"]

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
from gpt2lab.studies.lab.curves import CURVES, Row, load_lab
from gpt2lab.studies.lab.rows import GROUPS, ROWS, SEEDS
from gpt2lab.studies.lab.run import POINT, run_row
from gpt2lab.training import TrainConfig

SHORT = dict(steps=25, batch_size=8, learning_rate=3e-3, warmup_steps=5, eval_every=10, eval_sequences=16)
SHAPE = dict(n_layers=1, n_heads=2, d_model=16)


def row(**changes) -> Row:
    return Row(**{**dict(name="parts/gpt2", title="t", shape=SHAPE, training=SHORT), **changes})


def test_rows_are_complete() -> None:
    assert {r.group for r in ROWS.values()} == set(GROUPS)
    assert {r.variant for r in ROWS.values()} == set(VARIANTS)
    assert all(name == r.name for name, r in ROWS.items())
    for r in ROWS.values():
        TrainConfig(**r.training)
    titles = [(r.group, r.title) for r in ROWS.values()]
    assert len(set(titles)) == len(titles)


def test_one_row_from_run_to_reading(tmp_path: Path) -> None:
    result = run_row(row(), seeds=3)
    store("parts/gpt2", result, tmp_path / "t.json")
    curves = load_lab(tmp_path / "t.json")["parts/gpt2"]
    assert curves.loss.shape == (3, 3) and list(curves.steps) == [10, 20, 25] and POINT == 10
    assert list(curves.eval_steps) == [10, 20, 25]
    assert curves.scores["accuracy"].shape == (3, 3) and curves.final().shape == (3,)
    low, high = curves.range("loss")
    assert (low <= curves.median("loss")).all() and (curves.median("loss") <= high).all() and (low < high).all()
    assert curves.facts["seeds"] == 3 and curves.facts["command"] == "gpt2lab train-lab parts/gpt2 --device cpu"


def test_stacked_and_one_by_one_agree() -> None:
    alone, together = (run_row(row(), seeds=2, stacked=stacked) for stacked in (False, True))
    np.testing.assert_allclose(alone["loss"], together["loss"], atol=2e-3)
    assert alone["eval_steps"] == together["eval_steps"] and alone["steps"] == together["steps"]
    for key in alone["scores"]:
        np.testing.assert_allclose(alone["scores"][key], together["scores"][key], atol=0.02)


def test_a_seed_that_diverges_leaves_a_gap() -> None:
    wild = row(
        variant="no-layernorm",
        training={**SHORT, "learning_rate": 1e6, "clip_norm": None, "diverged_at": None},
    )
    result = run_row(wild, seeds=2)
    gone = [i for i, v in enumerate(result["loss"][-1]) if v is None]
    assert gone
    for i in gone:  # no loss is left to tell, and nothing is right any more
        assert result["scores"]["loss"][-1][i] is None and result["scores"]["accuracy"][-1][i] == 0
    assert all(v is None or math.isfinite(v) for line in result["loss"] for v in line)
    json.dumps(result, allow_nan=False)


def test_without_a_mask_generation_is_evaluated_as_well() -> None:
    scores = run_row(row(variant="no-mask"), seeds=2)["scores"]
    assert len(scores["generated_accuracy"][0]) == 2
    assert "generated_accuracy" not in run_row(row(), seeds=1)["scores"]


def test_the_table_keeps_other_rows_and_the_order_of_the_lab(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    result = run_row(row(), seeds=1)
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
    assert [r.name for r in chosen_rows(["heads/1", "heads"])][:2] == ["heads/1", "heads/2"]


@pytest.mark.skipif(not CURVES.is_file(), reason="no curves shipped")
def test_the_shipped_table_belongs_to_the_rows() -> None:
    stored = json.loads(CURVES.read_text())
    assert set(stored) <= set(ROWS)
    for name, curves in load_lab().items():
        assert curves.facts["seeds"] >= SEEDS, name
        assert curves.facts["training"] == ROWS[name].training, name
        assert curves.loss.shape == (len(curves.steps), curves.facts["seeds"])
        assert curves.scores["accuracy"].shape == (len(curves.eval_steps), curves.facts["seeds"])
        assert curves.eval_steps[-1] == curves.steps[-1] == ROWS[name].training["steps"]
        assert {"device", "torch", "seconds", "made", "command", "parameters"} <= set(curves.facts)


@pytest.mark.parametrize("content", [b"{", b"[]", b"3", b"\xff\xfe"])
def test_a_damaged_table_is_found_before_training(content: bytes, tmp_path: Path, monkeypatch, capsys) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(content)
    monkeypatch.setattr("gpt2lab.studies.lab.command.run_row", lambda *a: pytest.fail("trained first"))
    assert main(["train-lab", "parts/gpt2", "--out", str(path)]) == 2
    assert "t.json: not a readable table of the lab" in capsys.readouterr().err
    with pytest.raises(CheckpointError, match="not a readable table"):
        load_lab(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("option", ["--out", "--checkpoint"])
def test_a_place_that_cannot_be_written_is_found_before_training(option, tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "file").write_text("")
    for name in ("run_row", "make_trained"):
        monkeypatch.setattr(f"gpt2lab.studies.lab.command.{name}", lambda *a: pytest.fail("trained first"))
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
    result = run_row(row(variant="no-mask"), seeds=2)
    result["scores"]["accuracy"][-1], result["scores"]["generated_accuracy"] = [1.0, 1.0], [[0.25, 0.5]]
    monkeypatch.setattr("gpt2lab.studies.lab.command.run_row", lambda *a: result)
    assert main(["train-lab", "parts/no-mask", "--out", str(tmp_path / "t.json")]) == 0
    assert "accuracy 0.250 (0.250 to 0.500)" in capsys.readouterr().out

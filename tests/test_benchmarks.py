"""benchmarks: the arithmetic of the comparison, and what its results carry."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def module(monkeypatch):
    """Import a file of the folder by its name; all of them are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for file in FOLDER.glob("*.py"):
        sys.modules.pop(file.stem, None)


@pytest.fixture
def timing(module):
    return module("_timing")


class Clock:
    """Time that passes only when somebody works."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def work(self, seconds: float) -> None:
        self.now += seconds


def test_the_ratio_says_how_many_times_as_fast_ours_is(timing):
    clock, calls = Clock(), []

    def ours():
        calls.append("ours")
        clock.work(2.0)

    def theirs():
        calls.append("theirs")
        clock.work(3.0)

    row = timing.compare("x", ours, theirs, target=1.5, warm_up=1, clock=clock)
    assert (row["ours_s"], row["theirs_s"], row["ratio"], row["pairs"]) == (2.0, 3.0, 1.5, 15)
    assert row["met"]
    assert not timing.compare("x", ours, theirs, target=1.51, clock=clock)["met"]
    assert calls[:6] == ["ours", "theirs"] + ["ours", "theirs"] + ["theirs", "ours"]


def test_a_machine_that_slows_down_does_not_change_the_ratio(timing):
    clock = Clock()

    def busy(seconds):
        return lambda: clock.work(seconds * (1 + clock.now / 20))

    row = timing.compare("x", busy(0.1), busy(0.2), target=1, pairs=101, clock=clock)
    assert abs(row["ratio"] - 2) < 0.05


def test_too_few_pairs_are_refused(timing):
    with pytest.raises(ValueError, match="at least 15 pairs, got 3"):
        timing.compare("x", int, int, target=1, pairs=3)


@pytest.mark.parametrize(("target", "code"), [(1.0, 0), (2.0, 1)])
def test_the_report_is_a_table_a_file_and_an_exit_code(timing, monkeypatch, tmp_path, capsys, target, code):
    monkeypatch.setattr(timing, "RESULTS", tmp_path / "results")
    clock = Clock()
    row = timing.compare("speed", lambda: clock.work(2 / 3), lambda: clock.work(1), target, clock=clock)
    assert timing.report("speed", [row], {"date": "today"}, share=0.123456) == code
    out = capsys.readouterr().out
    assert "1.50" in out and ("missed" in out) == bool(code)
    stored = json.loads((tmp_path / "results" / "speed.json").read_text(encoding="utf-8"))
    assert stored["rows"][0]["ratio"] == 1.5 and stored["share"] == 0.1235


def test_a_quick_run_misses_no_target_and_stores_nothing(timing, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(timing, "RESULTS", tmp_path / "results")
    clock = Clock()
    line = timing.compare("slow", lambda: clock.work(2), lambda: clock.work(1), target=1, clock=clock)
    assert timing.report("slow", [line], {"date": "today"}, quick=True) == 0
    assert "missed" not in capsys.readouterr().out and not (tmp_path / "results").exists()


def test_of_several_candidates_each_begins_a_round_in_its_turn(timing):
    clock, calls = Clock(), []

    def candidate(name, seconds):
        def run():
            calls.append(name)
            clock.work(seconds)

        return run

    runs = {name: candidate(name, seconds) for name, seconds in zip("abc", (1.0, 2.0, 4.0), strict=True)}
    seconds = timing.in_turn(runs, warm_up=0, clock=clock)
    assert "".join(calls[:9]) == "abc" + "bca" + "cab"
    assert seconds == {"a": [1.0] * 15, "b": [2.0] * 15, "c": [4.0] * 15}
    assert timing.row("b against c", seconds["b"], seconds["c"], target=2.0)["met"]


@pytest.mark.parametrize("T", [1, 7, 32])
def test_the_plain_model_computes_what_ours_does(module, T):
    models = module("_models")
    torch.manual_seed(0)
    ours = models.GPT2(models.TINY).eval()
    for parameter in ours.parameters():  # gains and biases as well: at their start they hide mistakes
        torch.nn.init.normal_(parameter, std=0.3)
    tokens = models.prompt(models.TINY, 2, T)
    assert_close(models.plain(ours)(tokens), ours(tokens), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("backward", "times"), [(False, 1), (True, 3)])
def test_the_products_are_the_flop_of_a_pass(module, backward, times):
    from torch.utils.flop_counter import FlopCounterMode

    models, found = module("_models"), module("_products")
    ours = models.GPT2(models.TINY)
    B, T = 2, 32
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH), FlopCounterMode(display=False) as counted:
        logits = ours(models.prompt(models.TINY, B, T))
        if backward:
            logits.sum().backward()
    products = found.products(ours, B, T, backward)
    assert found.flops(products) == counted.get_total_flops()
    config = models.TINY
    per_token = 2 * (12 * config.n_layers * config.d_model**2 + config.vocab_size * config.d_model)
    assert found.flops(products) == times * B * T * (per_token + 4 * config.n_layers * config.d_model * T)
    with FlopCounterMode(display=False) as counted:
        found.multiply(products)
    assert found.flops(products) == counted.get_total_flops()  # and they are computed, not only listed


@pytest.mark.parametrize(
    ("names", "group"),
    [
        (["aten::addmm", "aten::linear"], "matmul"),
        (["aten::mm", "AddmmBackward0"], "matmul"),
        (["aten::copy_", "aten::addmm", "aten::linear"], "matmul"),
        (["aten::_scaled_dot_product_flash_attention_for_cpu", "aten::scaled_dot_product_attention"], "attention"),
        (["aten::bmm", "aten::matmul", "aten::_scaled_dot_product_attention_math"], "matmul"),
        (["aten::native_layer_norm_backward", "NativeLayerNormBackward0"], "layer norm"),
        (["aten::gelu_backward", "GeluBackward0"], "gelu"),
        (["aten::mul_", "Optimizer.step#AdamW.step", "the whole run"], "optimiser"),
        (["aten::add", "the whole run"], "other"),
        (["the whole run"], "other"),
    ],
)
def test_an_operation_belongs_to_the_nearest_group_that_knows_it(module, names, group):
    assert module("_profile").group_of(names) == group


def test_the_shares_of_a_training_step_sum_to_one_and_none_is_missing(module):
    models, training_step = module("_models"), module("training_step")
    ours = models.GPT2(models.TINY)
    step = training_step.stepper(ours, ours, models.prompt(models.TINY, 2, 32))
    shares = module("_profile").time_shares(step, times=1)
    assert list(shares) == ["matmul", "attention", "layer norm", "gelu", "optimiser", "other"]
    assert min(shares.values()) > 0
    assert_close(sum(shares.values()), 1.0, atol=1e-9, rtol=0)


@pytest.mark.parametrize("name", ["forward", "training_step"])
def test_a_quick_run_compares_all_three_and_leaves_the_stored_figures(name):
    stored = FOLDER / "results" / f"{name}.json"
    before = stored.read_bytes()
    command = [sys.executable, str(FOLDER / f"{name}.py"), "--quick"]
    environment = {**os.environ, "PYTHONPATH": str(FOLDER.parent)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    for part in ("against transformers", "against plain", "share_of_matmul_ceiling", "where_the_time_goes"):
        assert part in done.stdout
    assert stored.read_bytes() == before


@pytest.mark.parametrize("file", sorted(FOLDER.glob("[!_]*.py")), ids=lambda file: file.stem)
def test_help_explains_and_measures_nothing(module, timing, monkeypatch, capsys, file):
    monkeypatch.setattr(sys, "argv", [file.name, "--help"])
    monkeypatch.setattr(timing, "provenance", lambda *packages: pytest.fail("it began to measure"))
    with pytest.raises(SystemExit) as end:
        module(file.stem).main()
    assert end.value.code == 0
    assert file.name in capsys.readouterr().out


@pytest.mark.parametrize("file", sorted((FOLDER / "results").glob("*.json")), ids=lambda file: file.stem)
def test_every_stored_result_belongs_to_a_script_and_has_its_provenance(file):
    result = json.loads(file.read_text(encoding="utf-8"))
    assert result["benchmark"] == file.stem
    assert (FOLDER / f"{file.stem}.py").exists()
    assert {"date", "device", "cpu", "threads", "python", "torch"} <= set(result["provenance"])
    assert all(row["pairs"] >= 15 for row in result["rows"] if "pairs" in row)


def test_memory_of_a_chapter_is_that_of_its_kernel(module, tmp_path):
    """A cell holds 60 MB and gives them back: the peak shows it, the end does not."""
    import nbformat

    memory = module("memory")
    sources = ["import numpy", "numpy.ones(60_000_000, dtype='int8').sum()", "1"]
    path = tmp_path / "holds.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    run = memory.run(path)
    assert [cell.first_line for cell in run] == sources
    line = memory.summary("holds", run)
    assert line["peak_mb"] - line["final_mb"] > 50
    assert line["learners"] == int(24e9 / (line["final_mb"] * 1e6)) and line["met"]
    assert memory.growth(run[:2])[1][2].first_line == sources[1]
    assert max(cell.peak for cell in run[2:]) < line["peak_mb"] - 50  # each cell has a peak of its own


def test_an_unknown_chapter_is_refused_with_the_names(module):
    with pytest.raises(SystemExit, match="received '99'.*00_map"):
        module("memory").wanted(["99"])

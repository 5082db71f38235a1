"""The study of GPT-2 and its relatives: the table belongs to the code, and what is measured is what is said."""

import pytest
import torch
from torch.testing import assert_close

from gpt2lab.ablations import build
from gpt2lab.config import GPT2Config
from gpt2lab.family.cnn import ConvLM
from gpt2lab.generation import KVCache
from gpt2lab.studies.relatives import (
    LENGTHS,
    LONGER,
    MEASURED,
    MODELS,
    RATES,
    SEEDS,
    SETTINGS,
    TASKS,
    all_rows,
    costs,
    first_share,
    longest_chain,
    new_model,
    new_task,
    relatives_table,
    state_bytes,
)
from gpt2lab.tasks.base import EVALUATION_SEED
from gpt2lab.training import TrainConfig


def test_the_tasks_are_what_their_names_say():
    rng = torch.Generator().manual_seed(0)
    copied, _ = new_task("copy", 5).sequences(4, rng, "train")
    assert torch.equal(copied[:, :5], copied[:, 6:])
    turned, _ = new_task("reverse", 5).sequences(4, rng, "train")
    assert torch.equal(turned[:, :5], turned[:, 6:].flip(1))
    for n in LENGTHS:
        task = new_task("induction", n)
        tokens, answer = task.sequences(8, rng, "held_out")
        assert tokens.shape == (8, 2 * n + 1) and not answer[:, : n + 1].any()
        source = task.source_positions(tokens)[:, :-1]  # (8, 2n)
        found = tokens.gather(1, source.clamp(min=0))
        assert torch.equal(found[answer[:, 1:]], tokens[:, 1:][answer[:, 1:]])


def test_the_models_are_about_equally_large_and_the_convolution_sees_everything():
    for task_name in TASKS:
        task = new_task(task_name, max(LENGTHS))
        sizes = [new_model(name, task).n_parameters() for name in MODELS]
        assert max(sizes) < 1.08 * min(sizes), sizes
        assert new_model("CNN", task).receptive_field >= task.length


def test_a_seed_makes_a_model_and_leaves_torch_alone():
    task, state = new_task("copy", 4), torch.get_rng_state()
    for name in MODELS:
        first, again, other = (new_model(name, task, seed).token_embedding.weight for seed in (1, 1, 2))
        assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_share_of_the_first_input_is_a_share():
    """One token has it all; a convolution that does not reach it leaves it none; it is that of the equation."""
    task = new_task("reverse", 8)
    inputs, _ = task.batch(4, torch.Generator().manual_seed(0))
    for name in MODELS:
        model = new_model(name, task)
        assert first_share(model, inputs[:, :1]) == 1.0
        assert 0 < first_share(model, inputs) < 1
    short = ConvLM(GPT2Config.tiny(vocab_size=20, d_model=8, n_layers=2), kernel=2)  # a field of 4 tokens
    assert first_share(short, inputs[:, :5]) == 0.0 and first_share(short, inputs[:, :4]) > 0


def test_bytes_are_those_of_the_cache():
    model = build("gpt2", GPT2Config.tiny(vocab_size=20))
    cache = KVCache(model.config, 10)
    model.hidden(torch.zeros(1, 10, dtype=torch.long), cache)
    kept = sum(tensor.nbytes for layer in cache.layers for tensor in layer._kept)
    assert state_bytes(model, 10) == kept


def test_the_longest_chain():
    x = torch.ones(2, requires_grad=True)
    assert longest_chain((x * 2 + x).exp()) == 4  # the leaf, ·, +, exp
    assert longest_chain(torch.ones(1)) == 0


def test_costs_are_those_of_the_table():
    assert relatives_table()["costs"] == costs()
    by = {(cost["model"], cost["length"]): cost for cost in costs()}
    first, *_, last = LENGTHS
    for name in ("GPT-2", "CNN"):
        assert by[name, first]["chain"] == by[name, last]["chain"]
    assert by["LSTM", last]["chain"] > 0.9 * last / first * by["LSTM", first]["chain"]
    assert by["GPT-2", last]["bytes"] == last // first * by["GPT-2", first]["bytes"]
    for name in ("LSTM", "CNN"):
        assert by[name, first]["bytes"] == by[name, last]["bytes"]


def test_the_table_is_whole_and_fair():
    table = relatives_table()
    wanted = all_rows()
    stored = [(row["task"], row["model"], row["length"]) for row in table["rows"]]
    assert stored == wanted
    assert TrainConfig(**table["settings"]) == TrainConfig(**SETTINGS)
    assert table["device"] == "cpu"
    for row in table["rows"]:
        losses = {float(rate): loss for rate, loss in row["tried"].items()}
        assert len(losses) >= 3 and row["rate"] == min(losses, key=lambda rate: losses[rate])
        assert row["rate"] in RATES[:1] + RATES[-1:] or min(losses) < row["rate"] < max(losses)
        for values in (row["steps"], row["right"], row["curves"], row["first_at_start"], row["first_trained"]):
            assert len(values) == len(SEEDS)
        assert all(0 <= share <= 1 for share in row["right"])
        task = new_task(row["task"], row["length"])
        assert row["parameters"] == new_model(row["model"], task).n_parameters()


def test_what_the_study_found():
    rows = {(row["task"], row["model"], row["length"]): row for row in relatives_table()["rows"]}
    for task in ("copy", "reverse"):
        for n in LENGTHS:
            assert min(rows[task, "GPT-2", n]["right"]) > 0.99 and max(rows[task, "GPT-2", n]["steps"]) < 200
            assert min(rows[task, "CNN", n]["right"]) > 0.98
        short, middle, long = (rows[task, "LSTM", n]["right"] for n in LENGTHS)
        assert min(short) > 0.99 > max(middle) and min(middle) > 0.9 > 0.75 > max(long)
    for n in LONGER:
        assert min(rows["reverse", "GPT-2", n]["right"]) > 0.99 and min(rows["copy", "GPT-2", n]["right"]) > 0.95
        assert min(rows["copy", "CNN", n]["right"]) > 0.99 and max(rows["reverse", "CNN", n]["right"]) < 0.85
        assert max(rows["reverse", "LSTM", n]["right"]) < min(rows["reverse", "CNN", n]["right"])
    assert max(rows["copy", "LSTM", 64]["right"]) < 0.1
    right = rows["induction", "GPT-2", 16]["right"]
    assert max(right) - min(right) > 0.5  # unfinished: seeds far apart


def test_shares_before_training_are_those_of_the_table():
    rows = [row for row in relatives_table()["rows"] if row["length"] == 8 and row["task"] == "reverse"]
    task = new_task("reverse", 8)
    inputs, _ = task.batch(MEASURED, torch.Generator().manual_seed(EVALUATION_SEED), "held_out")
    for row in rows:
        found = [first_share(new_model(row["model"], task, seed), inputs) for seed in SEEDS]
        assert_close(torch.tensor(found), torch.tensor(row["first_at_start"]), rtol=0.05, atol=0)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="the study has the tasks copy, reverse, induction, got 'sort'"):
        new_task("sort", 4)
    with pytest.raises(ValueError, match="the study has the models GPT-2, LSTM, CNN, got 'GRU'"):
        new_model("GRU", new_task("copy", 4))

"""Kill it, fill the disk, cut the file: there is one whole checkpoint, and going on from it is exact."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mutations import mutated
from safetensors import safe_open
from safetensors.torch import save_file

from gpt2lab import GPT2Config
from gpt2lab.ablations import build
from gpt2lab.errors import CheckpointError
from gpt2lab.tasks import get_task
from gpt2lab.training import TrainConfig, train
from gpt2lab.training import checkpoint as checkpointing
from gpt2lab.training.checkpoint import FILE

TASK = get_task("sort")
SHAPE = GPT2Config.tiny(vocab_size=18, context_length=16, d_model=16, n_heads=2, n_layers=1, dropout=0.1)


def settings(**changes) -> TrainConfig:
    standard = dict(
        steps=12,
        batch_size=8,
        warmup_steps=3,
        eval_every=6,
        eval_sequences=16,
        checkpoint_every=3,
        progress=False,
    )
    return TrainConfig(**{**standard, **changes})


def fresh() -> torch.nn.Module:
    return build("gpt2", SHAPE, seed=0)


def assert_same_weights(a: torch.nn.Module, b: torch.nn.Module) -> None:
    for (name, x), y in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        assert torch.equal(x, y), name


def stop_at(step: int):
    return lambda now, history: now == step


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors, facts: tensors.pop("data"),
        lambda tensors, facts: tensors.update(data=torch.zeros(3, dtype=torch.uint8)),
        lambda tensors, facts: tensors.update({"optimizer.x.y": torch.zeros(1)}),
        lambda tensors, facts: facts.clear(),
        lambda tensors, facts: facts.update(history={"unknown": 1}),
        lambda tensors, facts: facts.update(history=[]),
        lambda tensors, facts: facts.update(history=None),
        lambda tensors, facts: facts["history"].update(loss=[1.0]),
        lambda tensors, facts: facts["history"].update(loss="many"),
        lambda tensors, facts: facts["history"].update(evaluations=[3]),
        lambda tensors, facts: facts.update(step="three"),
        lambda tensors, facts: facts.update(step=10**30),
        lambda tensors, facts: facts.update(config=None),
        lambda tensors, facts: facts.update(scaler=[]),
        lambda tensors, facts: tensors.update({"model.ln_f.weight": torch.ones(16, dtype=torch.int32)}),
        lambda tensors, facts: tensors.update({"model.ln_f.weight": torch.ones(17)}),
        lambda tensors, facts: tensors.update({"model.ln_f.weight": torch.full((16,), torch.nan)}),
        lambda tensors, facts: tensors.pop("model.ln_f.weight"),
        lambda tensors, facts: tensors.pop("optimizer.0.exp_avg"),
        lambda tensors, facts: tensors.update({"optimizer.0.exp_avg": torch.zeros(3)}),
        lambda tensors, facts: tensors.update({"optimizer.0.exp_avg": tensors["optimizer.0.exp_avg"].int()}),
        lambda tensors, facts: tensors.update({"optimizer.0.step": torch.tensor(torch.inf)}),
        lambda tensors, facts: tensors.update({"random.0": torch.zeros(9)}),
        lambda tensors, facts: facts.update(history=3),
        lambda tensors, facts: facts.update(config=3),
        lambda tensors, facts: facts["config"].update(learning_rate="x" * 10**6),
        lambda tensors, facts: facts["config"].update(betas=["x" * 10**6]),
        lambda tensors, facts: facts["history"].update({"x" * 10**6: 1}),
        lambda tensors, facts: facts.update(task="x" * 10**6),
        lambda tensors, facts: facts.update(step="x" * 10**6),
    ],
)
def test_a_whole_file_that_is_no_checkpoint_is_a_sentence(tmp_path: Path, change) -> None:
    train(fresh(), TASK, settings(steps=3, folder=tmp_path))
    with safe_open(tmp_path / FILE, framework="pt") as file:
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}
        facts = json.loads(file.metadata()["facts"])
    change(tensors, facts)
    save_file(tensors, tmp_path / FILE, metadata={"facts": json.dumps(facts)})
    with pytest.raises(CheckpointError, match=FILE) as caught:
        train(fresh(), TASK, settings(steps=3, folder=tmp_path, resume=True))
    assert len(str(caught.value)) < 1000


def test_300_mutations_of_a_checkpoint_are_refused_or_change_nothing(tmp_path: Path) -> None:
    train(fresh(), TASK, settings(steps=3, folder=tmp_path))
    whole, chance = (tmp_path / FILE).read_bytes(), np.random.default_rng(0)
    right = fresh()
    train(right, TASK, settings(steps=3, folder=tmp_path, resume=True))
    refused = 0
    for _ in range(300):
        (tmp_path / FILE).write_bytes(mutated(chance, whole))
        model = fresh()
        try:
            train(model, TASK, settings(steps=3, folder=tmp_path, resume=True))
        except CheckpointError as error:
            assert len(str(error)) < 1000
            refused += 1
        else:
            assert_same_weights(model, right)
    assert refused > 250


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("stop", [3, 4, 11])
def test_resume_is_exact(tmp_path: Path, stop: int, precision: str) -> None:
    """With dropout, so that the random generator counts; stopped at and between checkpoints."""
    straight, resumed = fresh(), fresh()
    expected = train(straight, TASK, settings(precision=precision))
    train(resumed, TASK, settings(precision=precision, folder=tmp_path), on_step=stop_at(stop))
    with torch.no_grad():
        for p in resumed.parameters():
            p.fill_(torch.nan)  # nothing may be left of the first run but its checkpoint
    history = train(resumed, TASK, settings(precision=precision, folder=tmp_path, resume=True))
    assert_same_weights(straight, resumed)
    assert history.loss == expected.loss and history.evaluations[-1] == expected.evaluations[-1]
    assert history.tokens == expected.tokens


KILLED = """
import os, random, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path[:0] = ["tests/helpers", "tests/training"]
from test_checkpoint import FILE, TASK, assert_same_weights, checkpointing, fresh, settings, train

folder, steps = Path(sys.argv[1]), 120
run = dict(steps=steps, checkpoint_every=1, eval_every=1000, eval_sequences=4)
PLACES = ("half of the file is written", "all of it is written", "the file is in its place", "the step has ended")

def child(place, nth, waits, report):
    seen = 0
    def reach(here):
        nonlocal seen
        seen += here == place
        if here == place and seen == nth:
            os.write(report, b"!")
        while here == place and seen >= nth + (0 if waits else 3):
            signal.pause()  # until the kill: at once, or after a few steps in which it may come anywhere

    def in_two_halves(tensors, path, metadata):
        real(tensors, path, metadata)
        data = Path(path).read_bytes()
        Path(path).write_bytes(data[: len(data) // 2])
        reach(PLACES[0])
        Path(path).write_bytes(data)
        reach(PLACES[1])

    def keep(*arguments):
        path = keep_for_real(*arguments)
        reach(PLACES[2])
        return path

    from gpt2lab.training import trainer
    real, keep_for_real = checkpointing.save_file, trainer.save_checkpoint
    checkpointing.save_file, trainer.save_checkpoint = in_two_halves, keep
    config = settings(**run, folder=folder, resume=(folder / FILE).exists())
    train(fresh(), TASK, config, on_step=lambda step, history: reach(PLACES[3]))

warm = torch.nn.Parameter(torch.zeros(2))  # load what torch loads late, once and not in every child
warm.grad = torch.zeros(2)
torch.optim.AdamW([warm]).step()
kills, chance = 0, random.Random(0)
for waits in (True, False):
    for place in PLACES:
        reading, writing = os.pipe()
        nth = chance.randrange(1, 12)  # steps from now; eight times 11 and 3 are fewer than there are
        pid = os.fork()
        if pid == 0:
            try:
                child(place, nth, waits, writing)
            finally:
                os._exit(1)
        os.close(writing)
        assert os.read(reading, 1), "a run failed"
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status), "a run ended before it could be killed"
        kills += 1
        left = len(list(folder.glob(".*.part")))
        assert not waits or left == (place in PLACES[:2]), (place, left)
resumed, straight = fresh(), fresh()
history = train(resumed, TASK, settings(**run, folder=folder, resume=True))
train(straight, TASK, settings(**run))
assert_same_weights(straight, resumed)
assert not list(folder.glob(".*.part")), "a leftover of a killed run"
print("kills", kills, "steps", history.steps)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_kill_9_at_random_steps_in_and_between_writes(tmp_path: Path) -> None:
    """Killed at each of four places, twice: while held there, and anywhere in the next three steps."""
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "run")],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "kills 8 steps 120" in done.stdout


def test_a_half_written_file_is_never_picked_up(tmp_path: Path) -> None:
    train(fresh(), TASK, settings(folder=tmp_path))
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / f".{FILE}.abc.part").write_bytes(whole[: len(whole) // 2])  # what a kill leaves behind
    train(fresh(), TASK, settings(folder=tmp_path, resume=True))
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    for cut in (len(whole) - 1, len(whole) // 2, 5, 0):  # what a copy that was broken off looks like
        (tmp_path / FILE).write_bytes(whole[:cut])
        with pytest.raises(CheckpointError, match=re.escape(f"{tmp_path / FILE}: not a whole ")):
            train(fresh(), TASK, settings(folder=tmp_path, resume=True))


def test_no_pickle_inside(tmp_path: Path) -> None:
    train(fresh(), TASK, settings(folder=tmp_path))
    with safe_open(tmp_path / FILE, framework="pt") as file:
        names = set(file.keys())
    assert {
        "model.token_embedding.weight",
        "optimizer.0.exp_avg",
        "optimizer.0.step",
        "data",
        "random.0",
    } <= names


def test_disk_full_keeps_the_last_good_checkpoint(tmp_path: Path, monkeypatch) -> None:
    real, calls = checkpointing.save_file, []

    def full(tensors, path, metadata=None):
        calls.append(path)
        if len(calls) == 3:
            Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        real(tensors, path, metadata)

    monkeypatch.setattr(checkpointing, "save_file", full)
    with pytest.raises(
        CheckpointError, match=r"step 9 could not be written .*No space left.*last good one is still in"
    ):
        train(fresh(), TASK, settings(folder=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    monkeypatch.undo()
    assert checkpointing.read_facts(tmp_path)["step"] == 6
    straight, resumed = fresh(), fresh()
    train(resumed, TASK, settings(folder=tmp_path, resume=True))
    train(straight, TASK, settings())
    assert_same_weights(straight, resumed)


FULL = """
import resource, sys
sys.path[:0] = ["tests/helpers", "tests/training"]
from test_checkpoint import TASK, fresh, settings, train
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # the checkpoint has 40 kB or so
try:
    train(fresh(), TASK, settings(folder=sys.argv[1]))
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are a Unix matter")
def test_a_write_that_really_fails_is_a_clear_error(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "run")],
        cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.startswith("CheckpointError"), done.stdout + done.stderr[-1500:]
    assert "step 3 could not be written" in done.stdout and "there is no earlier one" in done.stdout
    assert not list((tmp_path / "run").iterdir())


def test_a_folder_that_cannot_be_written_is_refused_before_the_first_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="nothing can be written there .* choose another folder"):
        train(fresh(), TASK, settings(folder=tmp_path / "file" / "below"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(CheckpointError, match="nothing can be written there"):
            train(fresh(), TASK, settings(folder=tmp_path))
    finally:
        tmp_path.chmod(0o700)


def test_a_checkpoint_is_not_overwritten_by_accident(tmp_path: Path) -> None:
    train(fresh(), TASK, settings(folder=tmp_path))
    with pytest.raises(ValueError, match="holds a checkpoint already: set resume=True to go on, or use another folder"):
        train(fresh(), TASK, settings(folder=tmp_path))


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            dict(learning_rate=2e-3),
            r"was trained with learning_rate=0\.001, got 0\.002; resume with the same",
        ),
        (dict(steps=24), "was trained with steps=12, got 24"),
        (dict(seed=1), "was trained with seed=0, got 1"),
        (dict(betas=(0.9, 0.99)), r"was trained with betas=\(0\.9, 0\.95\), got \(0\.9, 0\.99\)"),
    ],
)
def test_resuming_needs_the_same_settings(tmp_path: Path, changes, message) -> None:
    train(fresh(), TASK, settings(folder=tmp_path))
    with pytest.raises(CheckpointError, match=message):
        train(fresh(), TASK, settings(folder=tmp_path, resume=True, **changes))


def test_resuming_needs_the_same_task_and_model(tmp_path: Path) -> None:
    train(fresh(), TASK, settings(folder=tmp_path))
    with pytest.raises(CheckpointError, match="was trained on task 'sort', not 'reverse'"):
        train(fresh(), get_task("reverse"), settings(folder=tmp_path, resume=True))
    other = build("gpt2", SHAPE.with_(n_layers=2))
    with pytest.raises(CheckpointError, match="holds another model than the one to be trained"):
        train(other, TASK, settings(folder=tmp_path, resume=True))

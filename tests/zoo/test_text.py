"""`gpt2lab train --text`: from a file to a model that loads, whatever happens on the way; and the shipped one."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from gpt2lab.__main__ import main
from gpt2lab.errors import CheckpointError
from gpt2lab.explorer.serve import open_model
from gpt2lab.training.config import TrainSettings
from gpt2lab.zoo.make_text import make_text, opening, sentence_loss
from gpt2lab.zoo.provenance import check_provenance
from gpt2lab.zoo.recipes import Preset
from gpt2lab.zoo.snapshots import KEPT, STEPS, sample
from gpt2lab.zoo.texts import TEXTS, TextPreset
from gpt2lab.zoo.toys import TOKENIZER, WEIGHTS, ZOO, load_toy, toy_names

WORDS = "the a of dog cat house runs jumps over quick lazy brown fox and then he she said that it was very good".split()
TINY = TextPreset(
    preset=Preset(
        shape=dict(n_layers=1, n_heads=2, d_model=16, dropout=0.1),
        training=TrainSettings(
            steps=10, batch_size=4, learning_rate=1e-2, eval_every=3, eval_sequences=4, checkpoint_every=2,
            warmup_steps=2, progress=False,
        ),
    ),
    vocab_size=270,
    length=12,
    prompt="the dog",
)  # fmt: skip
OPTIONS = "--vocab 270 --context 12 --width 16 --layers 1 --heads 2 --batch-size 4 --quiet".split()


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Path:
    chance = random.Random(0)
    file = tmp_path_factory.mktemp("text") / "my book.txt"
    file.write_text("\n".join(" ".join(chance.choice(WORDS) for _ in range(10)) + "." for _ in range(200)))
    return file


@pytest.fixture(scope="module")
def whole(text: Path, tmp_path_factory) -> Path:
    """A model that was trained without interruption."""
    folder = tmp_path_factory.mktemp("whole")
    make_text(text, TINY, "tiny", folder=folder)
    return folder / "tiny"


def test_the_result_loads(whole: Path) -> None:
    toy = load_toy(whole)
    facts = toy.provenance
    assert facts["steps"] == 10 and facts["tokens"] == 10 * 4 * 12
    assert sorted(p.name for p in whole.iterdir()) == [
        "model.safetensors", "provenance.json", "step-0.safetensors", "tokenizer.json",
    ]  # fmt: skip
    assert toy.encoding.decode(toy.task.encode("The dog, 世界")[0].tolist()) == "The dog, 世界"
    assert [one["step"] for one in facts["samples"]] == [0, 10]
    assert sample(toy.model, toy.encoding, "the dog", 10)["text"] == facts["samples"][-1]["text"]
    loss = sentence_loss(toy.model, toy.task, facts["sentence"]["text"])
    torch.testing.assert_close(loss, facts["sentence"]["loss"], atol=1e-4, rtol=0)
    assert [seen["step"] for seen in facts["curve"]["evaluations"]] == [2, 3, 4, 6, 8, 9, 10]
    assert all("train_loss" in seen for seen in facts["curve"]["evaluations"])


def test_what_is_evaluated_is_what_is_stored(whole: Path, text: Path) -> None:
    from gpt2lab.tasks import TextTask

    toy = load_toy(whole)
    assert load_file(whole / WEIGHTS)["token_embedding.weight"].dtype == torch.float16
    scores = TextTask(text, toy.encoding, 12).evaluate(toy.model, **toy.provenance["evaluation"])
    torch.testing.assert_close(scores["bits_per_byte"], toy.provenance["value"], atol=1e-5, rtol=0)


def test_the_explorer_opens_the_result(whole: Path) -> None:
    model, encoding, shown, title = open_model(str(whole))
    assert model.config.vocab_size == encoding.n_vocab and shown and "tiny: trained on a text" in title


def test_an_earlier_step_is_the_model_before_training(whole: Path) -> None:
    start, end = load_toy(whole, step=0), load_toy(whole)
    fresh = TINY.preset.model(end.task, 0).state_dict()
    for name, tensor in start.model.state_dict().items():
        torch.testing.assert_close(tensor, fresh[name], atol=1e-3, rtol=1e-3)  # half precision
    assert not torch.equal(start.model.token_embedding.weight, end.model.token_embedding.weight)
    with pytest.raises(ValueError, match="tiny was not kept after 5 steps; steps that were: 0"):
        load_toy(whole, step=5)
    with pytest.raises(ValueError, match="sort was not kept after 0 steps; steps that were: none"):
        load_toy("sort", step=0)


def test_an_opening_fits_into_half_of_the_context(whole: Path) -> None:
    task = load_toy(whole).task
    for shown in ("the dog", "the dog " * 100, "世" * 100, "x"):
        begin = opening(task, shown)
        assert begin and shown.startswith(begin) and (len(task.encode(begin)[0]) <= 6 or len(begin) == 1)
    assert opening(task, "the dog") == "the dog"


class Killed(BaseException):
    """What no code catches."""


@pytest.mark.parametrize("line", ["step 3:", "step 8:", "step 10:"])  # the last: when all steps are done
def test_killed_and_resumed_is_as_if_uninterrupted(text: Path, whole: Path, tmp_path: Path, line: str) -> None:
    def report(said: str) -> None:
        if said.startswith(line):
            raise Killed

    with pytest.raises(Killed):
        make_text(text, TINY, "tiny", folder=tmp_path, report=report)
    with pytest.raises(ValueError, match="holds a checkpoint already"):
        make_text(text, TINY, "tiny", folder=tmp_path)
    make_text(text, TINY, "tiny", folder=tmp_path, changes=TrainSettings(resume=True))
    assert (tmp_path / "tiny" / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()
    one, other = (json.loads((f / "provenance.json").read_text()) for f in (whole, tmp_path / "tiny"))
    for key in ("samples", "curve", "scores", "text", "sentence", "tokens"):
        assert one[key] == other[key], key


def test_resuming_on_another_text_is_refused(text: Path, tmp_path: Path) -> None:
    def report(said: str) -> None:
        if said.startswith("step 3:"):
            raise Killed

    with pytest.raises(Killed):
        make_text(text, TINY, "tiny", folder=tmp_path, report=report)
    changed = tmp_path / "other.txt"
    changed.write_text(text.read_text().replace("dog", "cow"))
    with pytest.raises(CheckpointError, match="was trained on task 'text [0-9a-f]+', not 'text [0-9a-f]+'"):
        make_text(changed, TINY, "tiny", folder=tmp_path, changes=TrainSettings(resume=True))


@pytest.mark.parametrize("name", [TOKENIZER, "step-0.safetensors", WEIGHTS])
def test_a_changed_file_is_refused(whole: Path, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "tiny"))
    data = bytearray((folder / name).read_bytes())
    data[-5] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(CheckpointError, match=name if name != WEIGHTS else "its checksum differs"):
        load_toy(folder, step=0)
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=name):
        load_toy(folder, step=0)


def test_another_text_in_the_provenance_is_noticed(whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "tiny"))
    file = folder / "provenance.json"
    file.write_text(file.read_text().replace("a file of your own", "another book"))
    with pytest.raises(CheckpointError, match="its checksum differs"):
        load_toy(folder)


def test_the_entries_about_the_text_are_checked(whole: Path) -> None:
    facts = json.loads((whole / "provenance.json").read_text())
    facts["text"]["titles"] = "EMMA"
    with pytest.raises(CheckpointError, match="here: the text's 'titles' should be list"):
        check_provenance(facts, "here")


def test_the_command_shows_losses_and_samples(text: Path, tmp_path: Path, capsys) -> None:
    options = [option for option in OPTIONS if option != "--quiet"]
    call = ["train", "--text", str(text), *options, "--steps", "3", "--seed", "4", "--prompt", "the cat"]
    assert main([*call, "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert "step 0 writes: 'the cat" in shown.out and "step 3 writes: 'the cat" in shown.out
    assert "nats per token" in shown.out and "bits per byte on held-out text" in shown.out
    assert "text: 100%" in shown.err  # the progress bar
    facts = load_toy(tmp_path / "my-book").provenance
    assert facts["config"]["d_model"] == 16 and facts["config"]["vocab_size"] == 270 and facts["seed"] == 4
    assert facts["config"]["context_length"] == 12 and facts["command"].startswith("gpt2lab train --text")


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", [], "the file is empty"),
        (b"\xff\xfe\x00", [], "expected text in UTF-8, but byte 0 (0xff) is not"),
        (b"a short text", ["--vocab", "257"], "the text is too short"),
        (None, ["--vocab", "3000"], "the text supports a vocabulary of at most"),
        (None, ["--heads", "3"], "d_model must be divisible by n_heads"),
        (None, ["--prompt", "the " * 40], "does not fit into 12 tokens"),
        (None, ["--preset", "big"], "a text has no preset 'big'; its presets: default, english"),
        (None, ["--preset", "english"], "no line of the text is the title 'SENSE AND SENSIBILITY'"),
        (None, ["--resume"], "there is no checkpoint to resume from"),
    ],
)
def test_bad_calls_are_one_sentence(content, options, message: str, text: Path, tmp_path: Path, capsys) -> None:
    file = text
    if content is not None:
        file = tmp_path / "a.txt"
        file.write_bytes(content)
    assert main(["train", "--text", str(file), "--out", str(tmp_path), "--steps", "2", *OPTIONS, *options]) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error and error.count("\n") == 1


SHIPPED = [name for name in toy_names() if "text" in json.loads((ZOO / name / "provenance.json").read_text())]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_is_what_its_recipe_says(name: str) -> None:
    toy, recipe = load_toy(name), TEXTS[name]
    facts = toy.provenance
    assert recipe.preset.config(toy.task) == toy.model.config and recipe.preset.variant == facts["variant"]
    config = recipe.preset.train_config()
    assert config.steps == facts["steps"]
    for key, value in facts["training"].items():
        assert getattr(config, key) == value, key
    assert facts["text"]["titles"] == list(recipe.titles) and facts["text"]["origin"] == recipe.origin
    assert facts["sentence"]["text"] == recipe.sentence and not facts["command"].count("/")
    assert [one["step"] for one in facts["samples"]] == [s for s in STEPS if s < facts["steps"]] + [facts["steps"]]
    assert list(facts["text"]["snapshots"]) == [str(step) for step in KEPT]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_give_the_stored_loss_and_probabilities(name: str) -> None:
    """A check of the weights that needs no text: a sentence of our own, and the tokens after the prompt."""
    toy = load_toy(name)
    facts = toy.provenance
    loss = sentence_loss(toy.model, toy.task, facts["sentence"]["text"])
    torch.testing.assert_close(loss, facts["sentence"]["loss"], atol=1e-3, rtol=0)
    for step in (*KEPT, None):
        model = toy.model if step is None else load_toy(name, step=step).model
        stored = next(one for one in facts["samples"] if one["step"] == (facts["steps"] if step is None else step))
        seen = dict(sample(model, toy.encoding, stored["prompt"], stored["step"])["next"])
        for token, probability in stored["next"][:4]:
            torch.testing.assert_close(seen[token], probability, atol=1e-3, rtol=0)


def test_english_is_english() -> None:
    """Most of what it writes are words of the language it has read, and it knows which word comes after which."""
    toy, start = load_toy("english"), load_toy("english", step=0)
    assert toy.provenance["scores"]["bits_per_byte"] < 1.37
    for right, wrong in (("She was very glad to see him", "She was very glad see to him"),
                         ("He had not been there", "He have not was there")):  # fmt: skip
        good, bad = (sentence_loss(toy.model, toy.task, text) for text in (right, wrong))
        assert good + 0.3 < bad
    sentence = toy.provenance["sentence"]["text"]
    assert sentence_loss(toy.model, toy.task, sentence) + 2 < sentence_loss(start.model, start.task, sentence)


def test_a_sample_leaves_a_model_in_training_as_it_was(whole: Path) -> None:
    toy = load_toy(whole)
    model = toy.model.train()
    before = {name: module.training for name, module in model.named_modules()}
    first, again = (sample(model, toy.encoding, "the dog", 0) for _ in range(2))
    assert {name: module.training for name, module in model.named_modules()} == before
    assert first == again  # no dropout while it writes

"""The lab's models side by side: numbers as computed here, a picture for every row, clear sentences."""

import base64
import functools
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from gpt2lab.figures.style import CSS
from gpt2lab.studies.lab.rows import ROWS
from gpt2lab.studies.lab.trained import load_trained, trained_names
from gpt2lab.tasks import get_task
from gpt2lab.widgets import LabModelsPanel, LabPanel
from gpt2lab.widgets.lab_models_panel import BEST
from gpt2lab.zoo import load_toy


def contrast(panel) -> float:
    return float(np.asarray(Image.open(io.BytesIO(panel.png)).convert("L"), dtype=float).std())


def written_by(toy, letters):
    """Greedy, without a cache and without gpt2lab.generate."""
    tokens = toy.task.encode(f"{letters}>")
    with torch.no_grad():
        for _ in range(toy.task.n_letters):
            tokens = torch.cat([tokens, toy.model(tokens)[:, -1:].argmax(-1)], dim=1)
    return toy.encoding.decode(tokens[0, toy.task.n_letters + 1 :].tolist())


@functools.cache
def cases_right(name) -> tuple[float, float]:
    """Of 1,024: written by the model itself, and with the answers in its input."""
    toy = load_trained(name)
    reading = 1024 * toy.task.evaluate(toy.model, 1024, 2024)["accuracy"]
    if toy.model.causal:  # it cannot look ahead: both are the same
        return reading, reading
    return 1024 * toy.task.evaluate_generated(toy.model, 1024, 2024)["accuracy"], reading


@pytest.fixture(scope="module")
def panel():
    return LabModelsPanel()


@pytest.fixture
def fresh(panel):
    panel.set(group="parts", part="no-residual", letters="mandible", head=BEST)
    return panel


EVERY = [name for name in trained_names() if name not in ("parts/gpt2", "heads/1", "depth/with-4")]
EVERY = [name for name in EVERY if not name.endswith("/sort-gpt2")]


def test_everything_shipped_can_be_picked(fresh):
    offered = [f"{group}/{part}" for group in fresh.groups() for part in fresh.parts(group)]
    assert sorted(offered) == sorted(EVERY)


@pytest.mark.parametrize("name", EVERY)
def test_numbers_are_the_models(fresh, name):
    group, part = name.split("/")
    fresh.set(group=group, part=part, letters="beanpole")
    assert contrast(fresh) > 30
    base, changed = fresh.pair
    assert changed.name == name and base.name.split("/")[0] == group and base.task.name == changed.task.name
    for toy, sample in zip(fresh.pair, fresh.result.samples, strict=True):
        answer = "elopnaeb" if toy.task.name == "reverse" else "abeelnop"
        assert fresh.result.answer == answer and sample.title == ROWS[toy.name].title
        assert "".join(sample.written) == written_by(toy, "beanpole")
        assert sample.right == tuple(a == b for a, b in zip(sample.written, answer, strict=True))
        by_itself, reading = cases_right(toy.name)
        assert abs(sample.cases_right - by_itself) <= 5 and sample.cases == 1024
        assert toy.model.causal == (sample.reading_right is None)
        assert toy.model.causal or abs(sample.reading_right - reading) <= 5


def test_maps_are_the_models_on_letters_and_answer(fresh):
    toy = fresh.pair[1]
    tokens = toy.task.encode("mandible>elbidna")
    blocks = toy.model.trace(tokens).blocks
    expected = torch.stack([block.attn.attn_weights[0] for block in blocks])
    torch.testing.assert_close(torch.tensor(fresh.weights(toy)), expected, atol=1e-6, rtol=0)


def test_the_best_head_of_each_is_not_the_same(fresh):
    fresh.part = "post-ln"
    first, second = fresh.result.samples
    assert (first.layer, second.layer) == (0, 1) and min(first.copies, second.copies) > 0.85
    fresh.head = f"layer 1, head {second.head}"
    first, second = fresh.result.samples
    assert (first.layer, first.head) == (second.layer, second.head)
    assert first.copies < 0.2 < second.copies
    for sample in (first, second):
        assert f"layer 1, head {second.head}: weight {sample.copies:.2f} on the letter to copy" in repr(fresh.result)


def test_without_a_mask_the_head_that_reads_is_found(fresh):
    fresh.set(group="mask", part="sort-no-mask")
    sample = fresh.result.samples[1]
    assert sample.reads > 0.7 > 0.2 > sample.copies and sample.cases_right == 0 and sample.reading_right > 1000
    told = f"0 of 1024 held-out cases ({sample.reading_right} with the answers in its input)"
    assert told in repr(fresh.result)
    assert fresh.result.samples[0].reads == 0


def test_heads_that_one_model_has_not_are_not_offered(fresh):
    fresh.head = "layer 1, head 3"
    fresh.set(group="heads", part="16")  # compared with one head
    assert fresh.heads() == (BEST, "layer 0, head 0", "layer 1, head 0") and fresh.head == BEST
    assert tuple(fresh.control("head").options) == fresh.heads()
    with pytest.raises(ValueError, match="head must be one of .*, got 'layer 1, head 3'"):
        fresh.head = "layer 1, head 3"


OTHER = ["", "abc", "abcdefghi", "abcdefgz", "MANDIBLE", "abcd efg", "abcdefg>", "👩‍👩‍👧abcde", "$x^2$"]


@pytest.mark.parametrize("text", OTHER)
def test_other_letters_are_one_sentence_and_the_picture_stays(fresh, text):
    sentence = "letters must be exactly 8 letters from a to p, got "
    with pytest.raises(ValueError, match=f"^{sentence}"):
        fresh.letters = text
    before = fresh.png
    fresh.control("letters").value = text
    assert fresh.message.startswith(sentence) and fresh.png == before and fresh.letters == "mandible"
    fresh.control("letters").value = "abcdefgh"
    assert fresh.message == "" and fresh.result.letters == "abcdefgh" and fresh.png != before


@pytest.mark.parametrize(("name", "value"), [("group", "rate"), ("part", "no-hope"), ("head", "layer 9, head 0")])
def test_bad_settings_are_one_sentence(fresh, name, value):
    with pytest.raises(ValueError, match=f"{name} must be one of"):
        setattr(fresh, name, value)


def test_it_follows_the_panel_of_the_curves():
    lab, panel = LabPanel(part="no-ffn"), LabModelsPanel()
    panel.follow(lab)
    assert panel.part == "no-ffn"
    lab.part = "rope"
    assert (panel.group, panel.part, panel.message) == ("parts", "rope", "")
    lab.group = "depth"  # its first row has no model
    assert "No model of depth/" in panel.message and "parts/rope is shown" in panel.message
    assert (panel.group, panel.part) == ("parts", "rope")
    lab.part = "without-4"
    assert (panel.group, panel.part, panel.message) == ("depth", "without-4", "")


def test_models_of_ones_own_and_none_to_compare():
    own = {name: load_trained(name) for name in ("parts/gpt2", "parts/relu", "heads/1")}
    assert LabModelsPanel(own).groups() == ("parts",)
    with pytest.raises(ValueError, match="needs two models of one group, task and depth at least, got none"):
        LabModelsPanel({})
    with pytest.raises(ValueError, match="got parts/gpt2, heads/1; run: gpt2lab train-lab ROW --checkpoint"):
        LabModelsPanel({name: own[name] for name in ("parts/gpt2", "heads/1")})


@pytest.mark.usefixtures("sharp")
def test_it_shows_itself_unrun_and_speaks(fresh):
    fresh.redraw()
    bundle, size = fresh._repr_mimebundle_()
    drawn = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    shown, page = size["image/png"], int(re.search(r"max-width: (\d+)px", CSS)[1])
    assert shown["width"] <= page  # it fits into the panel, unscaled
    assert drawn.width / shown["width"] == pytest.approx(drawn.height / shown["height"], rel=0.01)
    assert drawn.width >= 1.4 * shown["width"]  # sharp on a fine screen
    assert repr(fresh).startswith("LabModelsPanel(group='parts', part='no-residual', letters='mandible'")
    assert repr(fresh.result).splitlines()[0] == "reverse mandible, right: elbidnam"


@pytest.mark.parametrize("name", ["reverse", "sort"])
def test_sources_are_where_the_next_letter_stands(name):
    task = get_task(name)
    inputs, targets = task.batch(50, torch.Generator().manual_seed(1), "held_out")
    sources = task.sources(inputs)
    assert sources.shape == (50, 16, 16) and not sources[:, : task.n_letters].any()
    for row in range(50):
        for query in range(task.n_letters, 16):
            keys = sources[row, query].nonzero().flatten().tolist()
            assert keys and all(inputs[row, key] == targets[row, query] and key < task.n_letters for key in keys)
            if name == "reverse":
                assert keys == [15 - query]
            else:
                assert len(keys) == (inputs[row, : task.n_letters] == targets[row, query]).sum()


def test_a_model_that_is_no_row_of_the_lab_is_a_sentence():
    with pytest.raises(ValueError, match="names of rows of the lab, got 'mine'"):
        LabModelsPanel({"mine": load_trained("parts/gpt2")})


def test_models_that_copy_no_letters_are_one_sentence():
    toy = load_toy("brackets")
    with pytest.raises(ValueError, match="needs models that copy letters, got one for the task 'brackets'$"):
        LabModelsPanel({"parts/gpt2": toy, "parts/no-residual": toy})

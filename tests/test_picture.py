"""docs/explorer.png: shows what its caption in the README claims, and the claim is true of the model."""

from __future__ import annotations

import dataclasses
import importlib.util
import io
import re
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from gpt2lab.course.browser import CELL_S
from gpt2lab.explorer import Explorer
from gpt2lab.zoo import load_toy

ROOT = Path(__file__).parent.parent
FIELDS = {"model", "text", "view", "layer", "head", "token", "theme", "prediction"}


@pytest.fixture(scope="module")
def toy():
    return load_toy("reference")


@pytest.fixture(scope="module")
def stored():
    """What the picture says it shows."""
    with Image.open(ROOT / "docs" / "explorer.png") as picture:
        return picture.text


@pytest.fixture(scope="module")
def caption():
    """The picture's alternative text and the paragraph under it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"!\[(?P<alt>[^]]*)\]\(docs/explorer\.png\)\n\n(?P<below>.+?)\n\n", text, re.DOTALL)
    assert found, "README.md shows docs/explorer.png with a paragraph under it"
    return found


@pytest.fixture(scope="module")
def claim(caption):
    """What the caption says, by its words."""
    pattern = (
        r'on "(?P<text>[^"]+)":.*layer (?P<layer>\d+), head (?P<head>\d+)'
        r'.*row of the last token looks at "(?P<looks_at>\w+)", and "(?P<prediction>\w+)" is the prediction'
    )
    found = re.search(pattern, caption["alt"])
    assert found, caption["alt"]
    return found.groupdict()


def looked_at(toy, text, layer, head):
    """The token that the last row of a head looks at most, and the model's next token."""
    tokens = torch.tensor([toy.encoding.encode_ordinary(text)])
    trace = toy.model.trace(tokens)
    key = trace.blocks[layer].attn.attn_weights[0, head, -1].argmax()
    return toy.encoding.decode([tokens[0, key].item()]), toy.encoding.decode([trace.logits[0, -1].argmax().item()])


def test_the_picture_says_what_it_shows(stored):
    assert set(stored) == FIELDS


def test_the_picture_shows_what_the_caption_claims(stored, claim, toy):
    assert stored["model"] == "reference" and stored["view"] == "head"
    assert {name: stored[name] for name in ("text", "layer", "head")} == {
        name: claim[name] for name in ("text", "layer", "head")
    }
    assert int(stored["token"]) == len(toy.encoding.encode_ordinary(claim["text"])) - 1  # the last row
    assert stored["prediction"] == " " + claim["prediction"]


def test_the_model_does_what_the_picture_shows(stored, claim, toy):
    seen = looked_at(toy, stored["text"], int(stored["layer"]), int(stored["head"]))
    assert seen == (" " + claim["looks_at"], stored["prediction"]) == (" robot", " robot")


def test_the_other_word_in_the_caption_turns_the_head(caption, claim, toy):
    below = " ".join(caption["below"].split())
    word, target = re.search(r"Type \*(\w+)\*, and it looks at the (\w+)", below).groups()
    text = claim["text"].replace("weak", word)
    assert text != claim["text"]
    assert looked_at(toy, text, int(claim["layer"]), int(claim["head"])) == (f" {target}", f" {target}")


# The program that takes it, on a page without a kernel


@pytest.fixture(scope="module")
def make_picture():
    pytest.importorskip("playwright.sync_api")
    spec = importlib.util.spec_from_file_location("make_picture", ROOT / "docs" / "make_picture.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def page(chromium, make_picture, toy, tmp_path_factory):
    """The explorer as it opens: at layer 0, head 0."""
    path = tmp_path_factory.mktemp("picture") / "explorer.html"
    Explorer(toy.model, toy.encoding, make_picture.CLAIMED.text, view="head").save(path)
    page = chromium.new_page(viewport=make_picture.SIZE)
    page.set_default_timeout(CELL_S * 1000)
    page.goto(path.as_uri())
    page.locator(".g2x[data-drawn]").wait_for()
    yield page
    page.close()


def test_the_claimed_head_is_selected_and_told(make_picture, page):
    png = make_picture.photograph(page, make_picture.CLAIMED)
    expected = {name: str(value) for name, value in dataclasses.asdict(make_picture.CLAIMED).items()}
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.text == {"model": "reference", **expected}


@pytest.mark.parametrize(
    ("name", "value"),
    [("text", "the box"), ("view", "scores"), ("layer", 2), ("token", 3), ("theme", "dark"), ("prediction", " box")],
)
def test_what_the_page_does_not_show_is_not_photographed(make_picture, page, name, value):
    other = dataclasses.replace(make_picture.CLAIMED, **{name: value})
    with pytest.raises(RuntimeError, match="does not show what the picture is of"):
        make_picture.photograph(page, other, patience=5)


def test_a_page_that_changes_during_the_shot_gives_no_picture(make_picture, page, monkeypatch):
    from playwright.sync_api import Locator

    take = Locator.screenshot

    def change_first(locator):
        field = page.get_by_label("Layer", exact=True)
        field.fill("0")
        field.press("Enter")
        return take(locator)

    monkeypatch.setattr(Locator, "screenshot", change_first)
    with pytest.raises(RuntimeError, match="changed while the picture was taken"):
        make_picture.photograph(page, make_picture.CLAIMED)

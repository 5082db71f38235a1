"""The state of an explorer as a link: written, read, refused; the browser does the same (tests/js/links.test.mjs)."""

import json
import random
import subprocess
from pathlib import Path

import pytest
import torch
from explorers import TEXT, explorer
from hypothesis import given
from hypothesis import strategies as st

from gpt2lab import course_encoding
from gpt2lab.errors import InputError
from gpt2lab.explorer import Explorer, links

JS = Path(__file__).parents[1] / "js"
CASES = json.loads((JS / "links.json").read_text(encoding="utf-8"))
START, _ = links.decode("")


@pytest.mark.parametrize(("state", "link"), CASES["links"])
def test_a_state_is_written_and_read_back(state, link):
    assert links.encode(state) == link
    assert links.decode(link) == ({**START, **state}, "")


@pytest.mark.parametrize(("link", "state", "note"), CASES["also"])
def test_links_from_elsewhere_are_read_and_what_is_not_known_is_said(link, state, note):
    assert links.decode(link) == ({**START, **state}, note)


@pytest.mark.parametrize(("link", "sentence"), CASES["bad"])
def test_a_damaged_link_is_one_sentence(link, sentence):
    with pytest.raises(InputError) as error:
        links.decode(link)
    assert str(error.value) == sentence


@pytest.mark.parametrize(("link", "here", "sentence"), CASES["misfits"])
def test_what_this_model_does_not_have_is_one_sentence(link, here, sentence):
    assert links.misfit(links.decode(link)[0], links.Here(**here)) == sentence


@given(st.text(), st.lists(st.text(min_size=1)), st.integers(0, 10**9 - 1), st.integers(0, 9999), st.booleans())
def test_every_state_comes_back(text, off, layer, thousandths, presenter):
    text, off = (json.loads(json.dumps(x).encode("utf-8", "replace")) for x in (text, off))
    state = {"text": text, "off": off, "layer": layer, "temperature": thousandths / 1000, "presenter": presenter}
    link = links.encode(state)
    assert link.isascii() and not set(link) & set(" #\"'()<>")
    assert links.decode(link) == ({**START, **state}, "")


def test_both_sides_agree_on_links_that_nobody_wrote(node, tmp_path):
    draw = random.Random(0)
    parts = [
        "layer",
        "text",
        "off",
        "ids",
        "token",
        "top_p",
        "presenter",
        "=",
        "=",
        "&",
        "#",
        "%",
        "%41",
        "%C3%A9",
        "%F0",
    ]
    parts += ["~", ".", "0.5", "7", "12", "é", "🦜", "x", " "]
    made = ["".join(draw.choices(parts, k=draw.randrange(1, 9))) for _ in range(500)]

    def ours(link):
        try:
            state, note = links.decode(link)
        except InputError as error:
            return {"error": str(error)}
        return {"state": state, "note": note}

    (tmp_path / "made.json").write_text(json.dumps(made), encoding="utf-8")
    module = (Path(links.__file__).parent / "js" / "links.mjs").as_uri()
    script = f"""import {{ readFileSync }} from "node:fs"; import {{ decodeState }} from "{module}";
        const made = JSON.parse(readFileSync({str(tmp_path / "made.json")!r}, "utf8"));
        console.log(JSON.stringify(made.map(decodeState)));"""
    done = subprocess.run([node, "--input-type=module", "-e", script], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    theirs = json.loads(done.stdout)
    assert [ours(link) for link in made] == theirs
    assert 50 < sum("error" in one for one in theirs) < 450  # both kinds occur


CHOSEN = dict(view="scores", layer=2, head=3, token=4, key=2, ablated=["head 1.1", "mask"], temperature=0.7, top_k=5)


def test_an_explorer_opened_with_the_state_of_another_shows_the_same():
    first = explorer("a b c d e", **CHOSEN, presenter=True)
    second = explorer(state=first.state)
    assert second.state == first.state and second.notice == ""
    assert second.text == "a b c d e" and torch.equal(second.tokens, first.tokens)
    assert {name: getattr(second, name) for name in CHOSEN} == CHOSEN
    assert first.state.startswith("model=3x4-1024&view=scores&")


def test_ids_are_kept_and_the_last_token_stays_the_last():
    first = explorer([5, 1023, 7])
    assert first.state == "model=3x4-1024&ids=5.1023.7"
    again = explorer(state="https://example.org/x.html#" + first.state)
    assert again.tokens.tolist() == [[5, 1023, 7]] and again.token == 2
    again.state = "text=a%20b"
    assert again.text == "a b" and again._given is None and again.token == again.tokens.shape[1] - 1


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("layer=x", "layer must be a whole number"),
        ("model=2x1-54", "it is of another model"),
        ("layer=3", r"layer must lie in 0 … 2, got 3"),
        ("text=a%20b%20c&token=40", "token must lie in 0"),
        ("view=sideways", "there is no view"),
        ("off=head%209.9", "names layer 9"),
        ("ids=5.99999", "token ids must lie in"),
        ("top_p=0", "top_p"),
    ],
)
def test_a_link_that_cannot_be_shown_changes_nothing_and_says_why(link, why):
    e = explorer(**CHOSEN)
    before, tokens = e.state, e.tokens
    e.state = link
    assert why in e.notice and e.notice.count("\n") == 0 and e.message == ""
    assert e.state == before and torch.equal(e.tokens, tokens) and len(e.runs) == 2
    assert explorer(state="layer=3&text=a").text == TEXT  # the default


def test_the_sentence_goes_with_the_next_selection_and_a_wrong_type_is_an_error():
    e = explorer(state="colour=red&layer=1")
    assert "colour" in e.notice and e.layer == 1
    e.head = 2
    assert e.notice == ""
    with pytest.raises(InputError, match="state must be a link or the part after its #, a text, got 5"):
        e.state = 5


def test_a_state_needs_one_run_and_no_text_is_a_state_too(monkeypatch):
    e = explorer()
    ran = []
    rerun = type(e)._rerun
    monkeypatch.setattr(type(e), "_rerun", lambda self: (ran.append(self.text), rerun(self)))
    e.state = "text=a%20b&off=mask&layer=1"
    assert ran == ["a b"]
    empty = Explorer(e.model, course_encoding())
    assert Explorer(e.model, course_encoding(), state=empty.state).state == empty.state

"""Patching in the explorer: the state, the runs, what matters here, and what cannot be patched."""

import pytest
import torch
from explorers import explorer, model
from torch.testing import assert_close

from gpt2lab import course_encoding
from gpt2lab.errors import InputError
from gpt2lab.explorer import Explorer
from gpt2lab.explorer.views.attribution import attribute, named

FIRST, SECOND = "for i in range(10):", "for x in range(10):"
WORDS = ["edge 0.1 4>2 zero", "head 1.3 5 mean", "ffn 0 3 other", "stream 2 4 other"]


def floats(data):
    return torch.frombuffer(bytearray(data), dtype=torch.float32)


def test_patching_everything_shows_the_other_sentence_exactly():
    e = explorer(FIRST, text_b=SECOND)
    theirs = e.runs[1]
    e.patched = ["stream 0 all other"]
    assert not e.screen.sentences and e._scene["labels_b"] is None and e._scene["names"] == ["before", "after"]
    assert all(torch.equal(e.runs[1].logits(t), theirs.logits(t)) for t in range(theirs.T))
    assert not torch.equal(e.runs[0].logits(9), theirs.logits(9))
    e.patched = []
    assert e.screen.sentences and torch.equal(e.runs[1].logits(9), theirs.logits(9))


def test_a_patch_that_changes_nothing_changes_no_bit():
    e = explorer(FIRST, text_b=FIRST, patched=["stream 1 all other", "head 2.0 3 other", "ffn 1 2 other"])
    assert all(torch.equal(e.runs[0].logits(t), e.runs[1].logits(t)) for t in range(10))


def test_what_is_patched_is_in_the_state_and_comes_back():
    e = explorer(FIRST, text_b=SECOND, patched=WORDS, ablated=["head 0.1"])
    other = explorer("x", state=e.state)
    assert other.patched == WORDS and other.state == e.state and other.notice == "" and other.message == ""
    assert_close(other.runs[1].logits(9), e.runs[1].logits(9), rtol=0, atol=0)


def test_code_computes_what_is_patched():
    e = explorer(FIRST, text_b=SECOND, patched=WORDS, ablated=["head 0.1"], view="next", token=6)
    scope = {"model": e._pair.first, "encoding": e.encoding}
    exec(e.code(), scope)
    assert_close(e.selection_trace()["logits"], scope["shown"]["logits"], atol=1e-5, rtol=1e-5)


def test_what_is_off_stays_off():
    e = explorer(FIRST, ablated=["head 1.3", "ffn 0"])
    off = e.runs[1].logits(9)
    e.patched = ["head 1.3 all mean", "edge 1.3 5>2 mean", "ffn 0 3 mean"]
    assert torch.equal(e.runs[1].logits(9), off)


def test_the_parts_of_a_patched_run_sum_to_its_logit():
    e = explorer(FIRST, text_b=SECOND, patched=WORDS)
    found = attribute(e.runs[1], 4, 7)
    assert_close(found.flat().sum(), e.runs[1].logits(4)[7], atol=1e-4, rtol=0)
    assert dict(named(found))["patched"] != 0


def test_an_effect_is_what_the_patch_does_on_screen():
    e = explorer(FIRST, text_b=SECOND)
    (meta, (data,)) = e.answer("parteffects/2/9/7/8/10/1")
    before = [run.logits(9)[7] - run.logits(9)[8] for run in e.runs]
    assert [meta["before"], meta["other"]] == pytest.approx([float(y) for y in before], abs=1e-5)
    words = [*(f"head 1.{h} 9 other" for h in range(4)), "ffn 1 9 other"]
    stream, edges = "streameffects/2/9/7/8/1", "edgeeffects/2/9/7/8/1/2/9"
    asked = {tuple(words): floats(data)}
    asked[tuple(f"stream 1 {t} other" for t in range(10))] = floats(e.answer(stream)[1][0])
    asked[tuple(f"edge 1.2 9>{t} other" for t in range(10))] = floats(e.answer(edges)[1][0])
    for each, values in asked.items():
        for word, value in zip(each, values, strict=True):
            e.patched = [word]
            assert float(e.runs[1].logits(9)[7] - e.runs[1].logits(9)[8] - before[0]) == pytest.approx(
                float(value), abs=1e-5
            )
    assert torch.equal(floats(e.answer(stream)[1][0]), asked[tuple(f"stream 1 {t} other" for t in range(10))])


def test_hidden_keys_have_no_effect():
    values = floats(explorer(FIRST).answer("edgeeffects/0/9/7/7/1/2/4")[1][0])
    assert values[5:].tolist() == [0] * 5 and values[:5].abs().max() > 0


def test_what_cannot_be_patched_says_so_and_keeps_the_picture():
    e = explorer(FIRST, patched=["ffn 0 3 zero"])
    shown = e.runs
    e.patched = ["ffn 0 3 other"]
    assert "type a second sentence first" in e.message and e.runs == shown and e.patched == ["ffn 0 3 other"]
    e.patched, e.text_b = ["ffn 0 2 other"], "for x in"
    assert "both need the same number of tokens, got 10 and 3" in e.message
    e.text_b, e.patched = "", ["ffn 0 3 zero"]
    assert e.message == ""
    e.text = "for i"
    assert "names position 3, but the last position is" in e.message
    e.patched = []
    assert e.message == ""


@pytest.mark.parametrize("bad", [["ffn 9 0 zero"], ["head 0.9 0 zero"], [7], 5])
def test_a_bad_list_is_refused(bad):
    with pytest.raises(InputError):
        explorer(FIRST, patched=bad)


MISSING = """
    parteffects/3/9/7/8/0/1 parteffects/0/10/7/8/0/1 parteffects/0/9/7777/8/0/1 parteffects/0/9/7/8/11/1
    parteffects/0/9/7/8/0/3 parteffects/2/9/7/8/0/1 streameffects/0/9/7/8/3 edgeeffects/0/9/7/8/0/4/1
    edgeeffects/0/9/7/8/0/1/10
""".split()


@pytest.mark.parametrize("question", MISSING)
def test_a_question_about_what_is_not_there_is_refused(question):
    with pytest.raises(InputError):
        explorer(FIRST).answer(question)


def test_a_model_without_known_places_is_refused_in_a_sentence():
    class Bare:
        def trace(self, tokens):
            return model().trace(tokens)

    e = Explorer(Bare(), course_encoding(), FIRST)
    assert e._scene["can"]["patch"] is False
    with pytest.raises(InputError, match="cannot be patched"):
        e.patched = ["ffn 0 1 zero"]
    with pytest.raises(InputError, match="cannot be patched"):
        e.answer("streameffects/0/9/7/8/1")


def test_two_models_are_patched_in_the_second():
    e = explorer(FIRST, other=model(1), patched=["stream 1 all zero"])
    assert len(e.runs) == 2 and e.runs[1].model is e._pair.changed and e.runs[1].put.patches

"""The explorer on models and in states that are not the usual ones."""

from types import SimpleNamespace

import pytest
import torch
from explorers import TEXT, explorer, model, sentences

from gpt2lab import course_encoding
from gpt2lab.explorer import Explorer, files
from gpt2lab.explorer.answers import first_questions, likely_questions
from gpt2lab.zoo import load_toy


class Bare:
    """A trace that stops at the attention weights."""

    def trace(self, tokens):
        T = tokens.shape[1]
        weights = torch.ones(1, 4, T, T).tril()
        attn = SimpleNamespace(attn_weights=weights / weights.sum(dim=-1, keepdim=True))
        return SimpleNamespace(blocks=[SimpleNamespace(attn=attn)])


class Moody:
    """A GPT-2 whose trace fails when told to."""

    def __init__(self):
        self.gpt2, self.fails = model(), False

    def trace(self, tokens):
        if self.fails:
            raise RuntimeError("half way")
        return self.gpt2.trace(tokens)


def pair(first, second, **settings):
    return Explorer(first, course_encoding(), TEXT, other=second, **settings)


def with_nan(layer):
    gpt2 = model()
    with torch.no_grad():
        gpt2.blocks[layer].ffn.down.weight.fill_(torch.nan)
    return gpt2


# Two models


@pytest.mark.parametrize(
    "shapes, place, message",
    [
        ([dict(n_layers=4), dict(n_layers=2)], dict(layer=3), "no layer 3"),
        ([dict(n_heads=8), dict(n_heads=2)], dict(layer=1, head=7), "no head 7 in layer 1"),
    ],
)
def test_a_place_that_the_second_model_lacks_is_a_sentence(shapes, place, message):
    said = sentences(pair(*(model(**shape) for shape in shapes), **place))
    assert "head" in said and "stream" not in said
    assert all(message in sentence for sentence in said.values())


def test_every_layer_and_head_of_either_model_is_in_the_grid():
    e = pair(model(n_layers=4), model(n_layers=2, n_heads=8))
    assert e._scene["grid"] == [8, 8, 4, 4] and e._scene["shape"] == [8, 8]


def test_the_text_is_cut_to_the_shorter_context():
    e = pair(model(), model(context_length=8))
    assert e.message == "" and e.tokens.shape == (1, 8) and "the context holds 8" in e._scene["note"]


@pytest.mark.parametrize("order", [1, -1])
def test_if_one_trace_has_no_logits_there_is_no_next_token(order):
    e = pair(*[Bare(), model()][::order])
    sentences(e)
    assert e._scene["can"]["next"] is False
    with pytest.raises(ValueError, match="no logits"):
        e.answer("next/5/1000/0/1000")


def test_logits_of_another_shape_are_explained():
    class Short(Moody):
        def trace(self, tokens):
            return SimpleNamespace(blocks=self.gpt2.trace(tokens).blocks, logits=torch.zeros(1, 7))

    assert "got (1, 7)" in Explorer(Short(), course_encoding(), TEXT).message


def test_a_block_that_cannot_be_computed_again_is_a_sentence(monkeypatch):
    monkeypatch.setattr("gpt2lab.explorer.runs.BLOCK_BYTES", 0)
    moody = Moody()
    e = Explorer(moody, course_encoding(), TEXT)
    moody.fails, e.layer = True, 1
    assert sentences(e)["head"] == "The model could not be run. RuntimeError: half way"


# Models of other kinds


def test_a_bare_trace_says_in_every_view_what_is_missing():
    said = sentences(Explorer(Bare(), course_encoding(), TEXT))
    assert said.keys() >= {"scores", "stream", "neurons", "lens", "next"}
    assert said.keys().isdisjoint({"overview", "heads", "head"})


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_in_any_precision_scores_are_scaled_and_nothing_else(dtype):
    e = Explorer(model().to(dtype), course_encoding(), TEXT)
    for token in range(e.runs[0].T):
        scale = e.answer(f"scores/0/1/2/{token}")[0]["scale"]
        assert scale == pytest.approx(8**-0.5, rel=1e-2)
    assert sentences(e) == {}


@pytest.mark.parametrize("layer", [0, 2])
def test_numbers_that_are_none_get_a_sentence(layer):
    e = Explorer(with_nan(layer), course_encoding(), TEXT)
    assert e.message == ""
    for question in ("next/5/1000/0/1000", "lens/0/5"):
        with pytest.raises(ValueError, match="nan"):
            e.answer(question)
    if layer == 0:
        for question in ("scores/0/1/0/5", "neurons/0/1/5"):
            with pytest.raises(ValueError, match="nan"):
                e.answer(question)
    sentences(e)


@pytest.mark.parametrize("ablated", [[], ["mask"], ["head 0.0", "positions"]])
def test_one_token_one_layer_one_head(ablated):
    e = Explorer(model(n_layers=1, n_heads=1), course_encoding(), "a", ablated=ablated)
    assert e.tokens.shape == (1, 1) and sentences(e) == {}


# What is on screen and what is set


@pytest.mark.parametrize("text", ["", "something that fails"])
def test_code_and_files_are_of_the_text_on_screen(text):
    moody = Moody()
    e = Explorer(moody, course_encoding(), "the picture", view="head")
    moody.fails = bool(text)
    e.text = text
    assert "'the picture'" in e.code() and e._scene["text"] == "the picture"
    page = files.html_page(e.screen)
    assert '"text": "the picture"' in page and "Type a sentence" not in page
    moody.fails = False
    e.text = "another"
    assert "'another'" in e.code() and e._scene["text"] == "another"


def test_a_failure_takes_the_hint_away_and_is_an_answer_each_time():
    moody = Moody()
    e = Explorer(moody, course_encoding(), "")
    moody.fails = True
    answered = e._answered
    for i, text in enumerate(["a", "b"]):  # the same sentence twice changes no message
        e.text = text
        assert "half way" in e.message and e._scene.get("hint", "") == "" and e._answered == answered + 1 + i


@pytest.mark.parametrize(
    "name, value", [("layer", -1), ("head", -5), ("key", -2), ("ablated", ["foo"]), ("ablated", ["head 9.9"])]
)
def test_without_a_picture_too_nonsense_is_refused(name, value):
    with pytest.raises(ValueError):
        explorer("", **{name: value})


def test_parts_that_are_gone_are_named_and_can_be_given_up():
    gpt2 = model()
    e = Explorer(gpt2, course_encoding(), TEXT, ablated=["head 2.1", "mask"], layer=2)
    gpt2.blocks = gpt2.blocks[:2]
    e.refresh()
    assert "layer" in e.message
    e.ablated = ["mask"]
    assert e.message == "" and e.layer == 1 and e._scene["shape"] == [4, 4]


def test_before_and_after_have_the_same_weights():
    gpt2 = model()
    e = Explorer(gpt2, course_encoding(), TEXT)
    with torch.no_grad():
        gpt2.blocks[0].ffn.up.weight.mul_(2)  # as an optimiser does
    e.ablated = ["head 0.0"]
    torch.testing.assert_close(e.runs[0].logits(-1), gpt2(e.tokens)[0, -1], atol=1e-5, rtol=1e-5)


def test_an_answer_after_training_is_of_the_weights_as_they_are_now():
    gpt2 = model()
    e = Explorer(gpt2, course_encoding(), TEXT)
    with torch.no_grad():
        gpt2.token_embedding.weight.mul_(1.5)
    sent = []
    e.send = lambda content, buffers: sent.append(content)
    e._asked(e, {"want": ["lens/0/3"]}, [])
    p = gpt2(e.tokens)[0, 3].softmax(dim=-1)
    assert sent[0]["rev"] == e._revision == 2
    assert sent[0]["meta"]["answer"] == e._label(int(p.argmax()))


def test_names_are_two_strings():
    for names in ("before", ("one",), (1, 2)):
        with pytest.raises(ValueError, match="names"):
            explorer(names=names)
    assert explorer(names=("half \ud800", "b"))._scene["names"] == ["half \ufffd", "b"]


def test_a_page_of_a_large_vocabulary_records_words_around_the_selection_only():
    asked = {q for q in likely_questions(explorer().screen, most_words=100, near=3) if q.startswith("lens")}
    assert asked == {f"lens/0/{t}" for t in (25, 26, 27)}


def test_a_page_records_likely_questions_first_and_each_kind():
    e = pair(model(), model(seed=1))
    asked = list(dict.fromkeys(likely_questions(e.screen, most_words=5000, near=16)))
    kinds = [f"{word}/{run}" if word != "next" else word for word, run, *_ in (q.split("/") for q in asked)]
    expected = [
        "map/1", "map/0", "next", "stream/1", "lens/1", "stream/0", "lens/0", "neurons/1", "neurons/0",
        "row/1", "row/0", "scores/1", "scores/0",
    ]  # fmt: skip
    assert [kind for kind in dict.fromkeys(kinds[3:]) if kind in expected] == expected
    T, heads, layers = e.runs[0].T, 4, 3
    counts = {
        word: sum(q.startswith(f"{word}/") for q in asked) for word in ("map", "next", "stream", "neurons", "row")
    }
    assert counts == {
        "map": 2 * layers * heads, "next": T, "stream": 2 * T, "neurons": 2 * layers * T, "row": 2 * layers * heads * T,
    }  # fmt: skip


def test_the_code_of_a_model_on_a_gpu_puts_the_tokens_there():
    e = explorer(view="next")
    assert "device" not in e.code()
    e._runs[0].tokens = e._runs[0].tokens.to("meta")  # stands in for a GPU
    assert "device='meta'" in e.code()


def test_a_tiny_top_p_keeps_one_token():
    e = explorer(top_p=0.0003, view="next")
    assert e.answer(first_questions(e.screen)[-1])[0]["kept"] == [1]


def test_an_encoding_that_fails_is_a_sentence():
    def fail(text):
        raise RuntimeError("no such word")

    encoding = SimpleNamespace(encode_ordinary=fail, decode_single_token_bytes=bytes)
    assert Explorer(model(), encoding, TEXT).message.endswith("RuntimeError: no such word")


def test_words_that_a_toy_does_not_know_are_named():
    toy = load_toy("reference")
    e = Explorer(toy.model, toy.encoding, "the zebra could not lift the box")
    assert e._scene["note"] == "No token for ‘zebra’: left out."
    e.text = "zebra"
    assert e._scene["hint"] == "This model has no token for any of that: it knows the words of its task only."
    e.text = ""
    assert e._scene["hint"].startswith("Type a sentence")
    e.text = "the robot "  # a blank at the end is no word
    assert (e._scene["hint"], e._scene["note"]) == ("", "")

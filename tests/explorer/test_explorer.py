"""The explorer without a browser: traits, answers, messages, what is on screen as code."""

import math
import re
import types
from dataclasses import replace

import numpy as np
import pytest
import torch
from explorers import HOSTILE, TEXT, explorer, model
from torch.testing import assert_close

from gpt2lab import GPT2, GPT2Config, ablate_heads, course_encoding, generate, without_causal_mask
from gpt2lab.ablations import build
from gpt2lab.errors import InputError
from gpt2lab.explorer import Explorer, changes, packing
from gpt2lab.explorer.runs import STATISTICS, Run
from gpt2lab.explorer.selection import VIEWS


def floats(data):
    return torch.frombuffer(bytearray(data), dtype=torch.float32)


@pytest.mark.parametrize("ablated", [[], ["head 1.2", "mask"], ["positions", "ffn 0", "attention 2"]])
@pytest.mark.parametrize("view", VIEWS)
def test_the_code_computes_what_is_on_screen(view, ablated):
    e = explorer(view=view, layer=1, head=2, token=7, ablated=ablated, temperature=0.5, top_k=5, top_p=0.9)
    scope = {"model": e._pair.first, "encoding": course_encoding()}
    exec(e.code(), scope)
    shown = e.selection_trace()
    assert shown.keys() == scope["shown"].keys()
    for name, tensor in shown.items():
        torch.testing.assert_close(tensor, scope["shown"][name], msg=name)


def test_the_map_that_is_sent_is_the_models_attention():
    e = explorer()
    meta, (data,) = e.answer("map/0/2/3")
    T = e.tokens.shape[1]
    weights = torch.zeros(T, T)
    rows, columns = torch.tril_indices(T, T)
    weights[rows, columns] = packing.decode(torch.frombuffer(bytearray(data), dtype=torch.uint8))
    with torch.no_grad():
        expected = e._pair.first.trace(e.tokens).blocks[2].attn.attn_weights[0, 3]
    torch.testing.assert_close(weights, expected, atol=0.004, rtol=0)
    assert meta == {"triangular": True}


def test_the_row_that_is_sent_is_the_models_attention_to_the_last_digit():
    e = explorer()
    meta, (data,) = e.answer("row/0/2/3/5")
    with torch.no_grad():
        expected = e._pair.first.trace(e.tokens).blocks[2].attn.attn_weights[0, 3, 5]
    torch.testing.assert_close(floats(data), expected, atol=0, rtol=0)
    assert meta == {}


def test_the_score_steps_are_the_models():
    e = explorer()
    meta, data = e.answer("scores/0/1/2/6")
    q, k, raw, scaled, visible, weights = map(floats, data)
    T = e.tokens.shape[1]
    torch.testing.assert_close(k.view(T, -1) @ q, raw)
    torch.testing.assert_close(raw * 8**-0.5, scaled)
    torch.testing.assert_close(visible, (torch.arange(T) <= 6).float())
    torch.testing.assert_close(torch.where(visible > 0, scaled, -torch.inf).softmax(-1), weights)
    assert meta["scale"] == pytest.approx(8**-0.5, rel=1e-4)


def test_the_parts_along_the_final_stream_add_up_to_its_length():
    e = explorer()
    _, (data,) = e.answer("stream/0/5")
    rows = floats(data).view(3, len(STATISTICS))
    column = {name: rows[:, i] for i, name in enumerate(STATISTICS)}
    with torch.no_grad():
        trace = e._pair.first.trace(e.tokens)
    final, start = trace.resid_final[0, 5], trace.blocks[0].resid_pre[0, 5]
    written = column["attn_along"].sum() + column["ffn_along"].sum() + start @ final / final.norm()
    torch.testing.assert_close(written, final.norm())
    assert float(column["cosine"][-1]) == pytest.approx(1.0, abs=1e-5)


def test_the_last_row_of_the_lens_is_the_models_own_answer():
    e = explorer()
    meta, _ = e.answer("lens/0/5")
    torch.testing.assert_close(e.runs[0].lens(5)[-1], e.runs[0].logits(5))
    assert meta["ranks"][-1] == 1
    assert meta["labels"][-1][0] == meta["answer"]


def test_the_neurons_are_those_furthest_from_zero():
    e = explorer()
    meta, (pre, post, everything) = e.answer("neurons/0/1/5")
    with torch.no_grad():
        ffn = e._pair.first.trace(e.tokens).blocks[1].ffn
    torch.testing.assert_close(floats(post), ffn.post[0, 5][meta["neurons"]])
    torch.testing.assert_close(floats(everything), ffn.post[0, 5].sort().values)
    assert meta["neurons"][0] == int(ffn.post[0, 5].abs().argmax())
    assert meta["active"] == int((ffn.post[0, 5] > 0).sum())


def test_next_tokens_before_and_after_a_change():
    e = explorer(ablated=["head 0.0", "mask"])
    meta, _ = e.answer("next/4/1000/0/1000")
    with torch.no_grad():
        before = e._pair.first(e.tokens)[0, 4].softmax(-1)
        with ablate_heads(e._pair.first, [(0, 0)]), without_causal_mask(e._pair.first):
            after = e._pair.first(e.tokens)[0, 4].softmax(-1)
    for row in meta["rows"]:
        torch.testing.assert_close(
            torch.tensor(row["p"]), torch.stack([before[row["id"]], after[row["id"]]]), rtol=1e-4, atol=1e-7
        )
    assert [run["triangular"] for run in e._scene["runs"]] == [True, False]


def test_sampling_cuts_and_renormalises():
    meta, _ = explorer().answer("next/4/500/3/1000")
    assert meta["kept"] == [3]
    assert sum(row["sampled"][0] for row in meta["rows"]) == pytest.approx(1.0)


def test_selections_follow_the_text():
    e = explorer()
    assert e.token == e.tokens.shape[1] - 1
    e.text = "for i"
    assert e.token == e.tokens.shape[1] - 1  # the end stays the end
    e.text, e.token = TEXT, 3
    e.text = "for i in range"
    assert e.token == 3
    e.text = "f"
    assert e.token == 0


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("layer", 3, "layer must lie in 0 … 2, got 3"),
        ("head", -1, "head must lie in 0 … 3, got -1"),
        ("token", 999, "token must lie in 0 …"),
        ("view", "table", "view must be one of overview"),
        ("temperature", -1.0, "temperature must be a number of at least 0"),
        ("top_p", 1.5, "top_p must lie in"),
        ("top_k", -1, "top_k must be at least 1"),
        ("ablated", ["head 9.1"], "names layer 9, but the last layer is 2"),
        ("ablated", ["head 1.9"], "names head 9, but the last head is 3"),
        ("ablated", ["everything"], 'expected "mask", "positions"'),
        ("ablated", [3], 'expected "mask", "positions"'),
    ],
)
def test_a_selection_that_does_not_exist_is_refused(name, value, message):
    e = explorer()
    before = getattr(e, name)
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        setattr(e, name, value)
    assert getattr(e, name) == before


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("layer head token key top_k", [True, np.True_, 1.0, "1", None, [1], torch.tensor(1)], "a whole number"),
        ("temperature top_p", [True, "1", None, [1.0], 10**400, math.nan, torch.tensor(1.0)], "a number"),
        ("text title view", [3, None, b"a", ["a"], True], "a text"),
        ("presenter", [1, 0, None, "yes", np.True_], "True or False"),
        ("ablated", [3, None, {"mask"}, torch.ones(2)], 'a list of words such as ["head 0.1", "mask"]'),
    ],
)
def test_a_setting_of_another_kind_is_one_sentence(name, values, expected):
    e = explorer()
    for one in name.split():
        before = getattr(e, one)
        for value in values:
            with pytest.raises(InputError, match=f"^{one} must be {re.escape(expected)}, got "):
                setattr(e, one, value)
            assert getattr(e, one) is before or getattr(e, one) == before
            assert type(getattr(e, one)) is type(before)


def test_numpys_numbers_are_settings_and_become_pythons():
    e = explorer(layer=np.int64(1), temperature=np.float32(0.5), top_k=np.int32(3), top_p=np.float16(0.75))
    assert [e.layer, e.temperature, e.top_k, e.top_p] == [1, 0.5, 3, 0.75]
    assert [type(value) for value in (e.layer, e.temperature, e.top_k, e.top_p)] == [int, float, int, float]


def test_the_sentence_about_a_setting_is_short():
    e = explorer()
    for name, value in [("view", "x" * 10**5), ("layer", 10**400), ("top_k", -(10**5000)), ("ablated", ["x" * 10**5])]:
        with pytest.raises(InputError) as refused:
            setattr(e, name, value)
        assert len(str(refused.value)) < 300


# Token ids as they are


def test_token_ids_are_shown_as_they_are():
    """The real end of a text, and letters one by one, which as a text are other tokens."""
    encoding = course_encoding()
    ids = [encoding.n_vocab - 1, *(token for byte in b"return" for token in encoding.encode_ordinary(chr(byte)))]
    assert encoding.encode_ordinary(encoding.decode(ids)) != ids
    for given in (ids, tuple(ids), torch.tensor(ids), torch.tensor([ids]), np.array(ids)):
        e = explorer(ablated=["head 0.1"])
        e.tokens = given
        assert e.tokens.tolist() == [ids] and e.message == ""
        assert e.text == "<|endoftext|>return" and e._scene["labels"][:2] == ["<|endoftext|>", "r"]
    assert Explorer(model(), encoding, torch.tensor([ids])).tokens.tolist() == [ids]
    e.view, e.layer, e.head = "head", 1, 2
    e.ablated = ["head 0.0"]  # they stay when a part is switched off
    scope = {"model": e.model, "encoding": e.encoding}
    exec(e.code(), scope)
    assert scope["tokens"].tolist() == [ids] == e.tokens.tolist()
    assert_close(scope["shown"]["attn_weights"], e.selection_trace()["attn_weights"], atol=1e-6, rtol=0)


def test_generated_tokens_can_be_looked_at():
    e = explorer("for i in")
    longer = generate(e.model, e.tokens, 20, generator=torch.Generator().manual_seed(0))
    e.tokens = longer
    assert torch.equal(e.tokens, longer)
    assert_close(e.screen.run.weights(2, 1), e.model.trace(longer).blocks[2].attn.attn_weights[0, 1])


def test_edited_text_has_its_own_tokens_again():
    encoding = course_encoding()
    e = Explorer(model(), encoding, [encoding.n_vocab - 1, 65])
    e.text += "b"
    assert e.tokens.tolist() == [encoding.encode_ordinary(e.text)] and "encode_ordinary" in e.code()
    e.tokens = e.tokens  # another set of ids for the text that is there
    assert "encode_ordinary" not in e.code()
    words = e.text
    e.text = "other"
    e.text = words
    assert "encode_ordinary" in e.code()


def test_while_a_text_fails_the_code_is_of_the_ids_on_screen():
    e = explorer()
    e.tokens = [5, 6, 7]
    e._pair.first.check_tokens = types.MethodType(lambda self, tokens, start=0: 1 / 0, e._pair.first)
    e.text = "x = 1"
    assert e.message and "tensor([[5, 6, 7]])" in e.code()


def test_more_ids_than_the_context_get_a_note():
    e = explorer()
    e.tokens = [5] * 100
    assert e.tokens.tolist() == [[5] * 64] and e._scene["note"].startswith("The text has 100 tokens")


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([], r"tokens must be a list of token ids or a tensor \(1, T\) of them, got \[\]"),
        ("abc", "tokens must be a list of token ids .*, got 'abc'"),
        (3, "tokens must be a list of token ids .*, got 3"),
        ([1.5], "tokens: a token id must be a whole number of at least 0, got 1.5"),
        ([-1], "a whole number of at least 0, got -1"),
        ([True], "a whole number of at least 0, got True"),
        ([[1, 2], [3, 4]], r"a whole number of at least 0, got \[1, 2\]"),
        ([1024], r"token ids must lie in \[0, 1024\), got 1024"),
    ],
)
def test_what_are_no_token_ids_is_one_sentence(ids, message):
    e = explorer()
    before = e.text, e.tokens.tolist(), e._revision
    with pytest.raises(InputError, match=message):
        e.tokens = ids
    assert (e.text, e.tokens.tolist(), e._revision) == before


def test_an_id_beyond_the_encoding_is_written_as_a_number():
    e = Explorer(model(vocab_size=1100), course_encoding(), [65, 1050])
    assert e.text.endswith("#1050") and e._scene["labels"][1] == "#1050" and e.message == ""


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match=r"needs a model with trace\(tokens\), got Linear"):
        Explorer(torch.nn.Linear(2, 2), course_encoding(), "a")
    with pytest.raises(ValueError, match="needs a tiktoken.Encoding"):
        Explorer(model(), str, "a")
    with pytest.raises(ValueError, match="no setting 'colour'"):
        explorer(colour="red")


def test_a_model_that_fails_says_so_and_the_last_picture_stays():
    e = explorer()
    scene = e._scene
    e._pair.first.check_tokens = types.MethodType(lambda self, tokens, start=0: 1 / 0, e._pair.first)
    e.text = "something else"
    assert e.message == "The model could not be run. ZeroDivisionError: division by zero"
    assert e._scene is scene or e._scene == scene
    del e._pair.first.check_tokens
    e.text = "something new"
    assert e.message == ""
    assert e._scene["text"] == "something new"


def test_a_model_that_fails_at_once_still_makes_an_explorer():
    broken = model()
    broken.trace = lambda tokens: 1 / 0
    e = Explorer(broken, course_encoding(), "a b")
    assert "division by zero" in e.message
    with pytest.raises(ValueError, match="nothing on screen yet"):
        e.selection_trace()


def test_empty_text_shows_a_hint_and_long_text_a_note():
    e = explorer()
    labels = e._scene["labels"]
    e.text = ""
    assert "Type a sentence" in e._scene["hint"]
    assert e._scene["labels"] == labels  # the last picture
    e.text = "a b c " * 60
    assert e._scene["hint"] == ""
    assert "the context holds 64: only the first 64 are shown" in e._scene["note"]
    assert e.tokens.shape == (1, 64)
    e.text = "a"
    assert e._scene["note"] == ""


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_becomes_labels_on_one_printable_line(text):
    e = explorer(text)
    assert e.message == ""
    e.text.encode("utf-8")
    for label in e._scene["labels"]:
        assert label.isprintable()
    e.code()
    assert e._repr_mimebundle_()[0]["image/png"].startswith("iVBORw0KGgo")  # a PNG in base64


def test_an_ablation_runs_only_the_changed_model_again():
    e = explorer()
    first = e.runs[0]
    e.ablated = ["ffn 1"]
    assert e.runs[0] is first
    assert len(e.runs) == 2
    e.ablated = []
    assert e.runs == [first]


def test_what_is_ablated_twice_counts_once():
    e = explorer(ablated=["mask", "mask"])
    assert e.ablated == ["mask"]
    assert changes.sort(["head 1.2", "ffn 0"]) == (False, False, [], [0], [(1, 2)])


def test_two_models_side_by_side():
    other = model(seed=1, n_layers=2)
    e = Explorer(model(), course_encoding(), TEXT, other=other, names=("first", "second"))
    assert [run["shape"] for run in e._scene["runs"]] == [[4, 4, 4], [4, 4]]
    e.layer = 2  # exists in the first one
    with pytest.raises(ValueError, match="no layer 2"):
        e.answer("map/1/2/0")
    e.ablated = ["head 0.1"]
    with torch.no_grad(), ablate_heads(other, [(0, 1)]):
        torch.testing.assert_close(e.runs[1].logits(3), other(e.tokens)[0, 3], atol=1e-5, rtol=1e-4)


class OnlyAttention:
    """A learner's own attention with the least a trace must have."""

    def trace(self, tokens):
        T = tokens.shape[1]
        weights = torch.ones(T, T).tril()
        weights = (weights / weights.sum(-1, keepdim=True)).expand(1, 2, T, T)
        attn = types.SimpleNamespace(attn_weights=weights)
        return types.SimpleNamespace(blocks=[types.SimpleNamespace(attn=attn)])


def test_an_object_of_ones_own_with_only_attention_can_be_explored():
    e = Explorer(OnlyAttention(), course_encoding(), "a b c d")
    assert e.message == ""
    assert [name for name, can in e._scene["can"].items() if can] == ["second"]  # a second sentence
    assert e.answer("map/0/0/1")[0] == {"triangular": True}
    for question, message in {
        "scores/0/0/0/1": "no q, k and scores",
        "stream/0/1": "no residual stream",
        "neurons/0/0/1": "no feed-forward",
        "lens/0/1": "logit lens needs",
        "next/1/1000/0/1000": "no logits",
        "taken/0/0": "no values",
        "attribution/0/1/5": "attribution needs a GPT2",
    }.items():
        with pytest.raises(ValueError, match=message):
            e.answer(question)
    with pytest.raises(ValueError, match="cannot be switched off"):
        e.ablated = ["mask"]


def test_a_trace_of_ones_own_shows_what_it_records():
    class Copied:
        """Plain objects that hold the tensors of a GPT-2's trace."""

        def trace(self, tokens):
            with torch.no_grad():
                blocks = model().trace(tokens).blocks
            return types.SimpleNamespace(
                blocks=[
                    types.SimpleNamespace(
                        attn=types.SimpleNamespace(
                            q=b.attn.q, k=b.attn.k, scores=b.attn.scores, attn_weights=b.attn.attn_weights
                        ),
                        ffn=types.SimpleNamespace(pre=b.ffn.pre, post=b.ffn.post),
                    )
                    for b in blocks
                ]
            )

    own, whole = Explorer(Copied(), course_encoding(), TEXT), explorer()
    assert own.answer("scores/0/1/2/6")[1][:4] == whole.answer("scores/0/1/2/6")[1][:4]
    assert own.answer("neurons/0/1/6")[1] == whole.answer("neurons/0/1/6")[1]
    with pytest.raises(ValueError, match="no residual stream"):
        own.answer("stream/0/1")


def test_a_trace_of_another_shape_is_explained():
    own = OnlyAttention()
    own.trace = lambda tokens: types.SimpleNamespace(
        blocks=[types.SimpleNamespace(attn=types.SimpleNamespace(attn_weights=torch.ones(3)))]
    )
    assert "attn_weights must have shape (1, n_heads, 3, 3)" in Explorer(own, course_encoding(), "a b c").message
    own.trace = lambda tokens: 7
    assert "must return .blocks" in Explorer(own, course_encoding(), "a b c").message


def test_a_long_text_is_traced_in_pieces_with_the_same_result(monkeypatch):
    gpt2, tokens = model(), torch.randint(0, 1000, (1, 50))
    whole = Run(gpt2, tokens)
    monkeypatch.setattr("gpt2lab.explorer.runs.BLOCK_BYTES", 1)
    pieces = Run(gpt2, tokens)
    assert not pieces._blocks  # nothing large is kept
    for a, b in zip(whole.thumbnails, pieces.thumbnails, strict=False):
        torch.testing.assert_close(a, b)
    torch.testing.assert_close(whole.statistics, pieces.statistics)
    torch.testing.assert_close(whole.stream, pieces.stream)
    for layer in (2, 0, 1, 2):
        torch.testing.assert_close(whole.weights(layer, 1), pieces.weights(layer, 1))
    assert len(pieces._blocks) <= 2


@pytest.mark.parametrize(("missing", "kept"), [(0, 3), (1, 0)])
def test_blocks_are_kept_only_if_all_of_them_fit(missing, kept, monkeypatch):
    heads, T, layers, floats32 = 4, 50, 3, 4
    scores_and_weights = 2 * layers * heads * T * T * floats32
    monkeypatch.setattr("gpt2lab.explorer.runs.BLOCK_BYTES", scores_and_weights - missing)
    assert len(Run(model(), torch.randint(0, 1000, (1, T)))._blocks) == kept


def test_many_logits_are_computed_again_when_asked_for(monkeypatch):
    gpt2, tokens = model(), torch.randint(0, 1000, (1, 50))
    whole = Run(gpt2, tokens)
    monkeypatch.setattr("gpt2lab.explorer.runs.MANY_LOGITS", 50 * gpt2.config.vocab_size - 1)
    again = Run(gpt2, tokens)
    assert again._logits is None
    torch.testing.assert_close(again.logits(7), whole.logits(7))


def test_a_trace_of_ones_own_is_used_although_the_model_is_a_gpt2():
    class Uniform(GPT2):
        def trace(self, tokens, layers=None):
            real = super().trace(tokens)
            even = torch.full_like(real.blocks[0].attn.attn_weights, 1 / tokens.shape[1])
            blocks = [replace(block, attn=replace(block.attn, attn_weights=even)) for block in real.blocks]
            return replace(real, blocks=tuple(blocks))

    run = Run(Uniform(GPT2Config.tiny(vocab_size=1000)).eval(), torch.arange(8)[None])
    torch.testing.assert_close(run.weights(1, 2), torch.full((8, 8), 1 / 8))
    assert not run.triangular


def test_a_fresh_explorer_shows_the_model_as_it_is():
    e = explorer("a b c")
    names = "layer head token key view ablated presenter temperature top_k top_p".split()
    expected = [0, 0, 2, -1, "heads", [], False, 1.0, 0, 1.0]
    assert [getattr(e, name) for name in names] == expected


def test_the_first_answers_come_with_the_scene_unless_they_are_large(monkeypatch):
    text = "a b c d e f g h i j"  # long enough for a map to be larger than a row
    last = explorer(text).token
    small = {f"row/0/0/0/{last}", f"next/{last}/1000/0/1000"}
    assert set(explorer(text)._scene["first"]) == {"map/0/0/0", *small}
    size = len(explorer(text).answer("map/0/0/0")[1][0])
    monkeypatch.setattr("gpt2lab.explorer.scene.FIRST_MAP_BYTES", size)
    assert set(explorer(text)._scene["first"]) == {"map/0/0/0", *small}
    monkeypatch.setattr("gpt2lab.explorer.scene.FIRST_MAP_BYTES", size - 1)
    assert set(explorer(text)._scene["first"]) == small


@pytest.mark.parametrize("question", ["map/0/3/0", "map/0/0/4", "scores/0/2/4/0", "neurons/0/3/0"])
def test_a_place_just_beyond_the_last_is_refused(question):
    with pytest.raises(ValueError, match="this model has no (layer 3|head 4)"):
        explorer("a b c").answer(question)


def test_sampling_is_that_of_the_three_knobs():
    e = explorer(view="next", temperature=0.5, top_p=0.4)
    p = (e.runs[0].logits(e._token_index()) / 0.5).softmax(-1)
    falling, ids = p.sort(descending=True)
    kept = ids[: int((falling.cumsum(0) < 0.4).sum()) + 1]
    expected = torch.zeros_like(p).index_fill_(0, kept, 1.0) * p
    torch.testing.assert_close(e.selection_trace()["probabilities"], expected / expected.sum())
    meta, _ = e.answer(f"next/{e._token_index()}/500/0/400")
    assert meta["kept"] == [len(kept)]


def test_a_bias_on_the_scores_is_not_called_a_factor():
    alibi = Explorer(build("alibi", model().config), course_encoding(), "a b c d e f")
    plain = explorer("a b c d e f")
    assert alibi.answer("scores/0/0/0/5")[0]["scale"] is None
    assert plain.answer("scores/0/0/0/5")[0]["scale"] == pytest.approx(8**-0.5, rel=1e-4)


def test_files_are_answered_by_kind():
    e = explorer(view="head")
    assert e.answer("csv")[0] == {"name": "head.csv"}
    assert e.answer("html")[0] == {"name": "explorer.html"}
    assert e.answer("code") == ({"code": e.code()}, [])


def test_what_a_person_may_set_reaches_the_browser():
    public = {name for name in Explorer.class_traits(sync=True) if name[0] != "_"}
    own = "text layer head token key view ablated presenter temperature top_k top_p message title"
    assert set(own.split()) <= public


@pytest.mark.parametrize(("name", "value"), [("top_k", -1), ("temperature", -0.1), ("top_p", 0.0), ("top_p", 1.1)])
def test_knobs_out_of_range_are_refused_and_their_limits_are_not(name, value):
    e = explorer(top_k=5)
    with pytest.raises(ValueError, match=name):
        setattr(e, name, value)
    e.top_k, e.temperature, e.top_p = 0, 0.0, 1.0
    assert e.screen.knobs.arguments == (0.0, None, None)


def test_messages_are_answered_with_the_revision_and_errors_are_sentences():
    e = explorer()
    sent = []
    e.send = lambda content, buffers=None: sent.append((content, buffers))
    e._asked(e, {"want": ["map/0/0/0", "map/0/77/0", "nonsense", "map/x"]}, [])
    assert sent[0][0]["rev"] == e._revision
    assert len(sent[0][1]) == 1
    assert "no layer 77" in sent[1][0]["error"]
    assert all("error" in content for content, _ in sent[1:])
    e._asked(e, "rubbish", [])


def test_the_first_view_of_gpt2_smalls_shape_is_small():
    gpt2 = model(n_layers=12, n_heads=12, d_model=48, context_length=128)
    e = Explorer(gpt2, course_encoding(), "def f(x): return x " * 30)
    assert e.tokens.shape == (1, 128)
    scene = e._scene
    size = sum(len(run["thumbnails"]) for run in scene["runs"])
    size += sum(len(b) for answer in scene["first"].values() for b in answer["buffers"])
    import json

    size += len(json.dumps(scene, default=lambda b: "")) + len(e._esm) + len(e._css)
    assert size <= 175_000


def test_the_widget_does_not_watch_files():
    assert isinstance(Explorer._esm, str) and "export default" in Explorer._esm
    assert isinstance(Explorer._css, str)


@pytest.mark.parametrize("view", VIEWS)
def test_the_notebook_shows_a_picture_where_no_kernel_runs(view):
    data, sizes = explorer(view=view)._repr_mimebundle_()
    assert data["image/png"].startswith("iVBORw0KGgo")
    assert data["text/plain"].startswith("Explorer(text=")
    assert sizes["image/png"]["width"] > 500


def test_roles_are_listed_best_first():
    table = explorer(TEXT).roles()
    assert [row["score"] for row in table] == sorted((row["score"] for row in table), reverse=True)

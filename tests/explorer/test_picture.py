"""The explorer's picture: what is written and drawn is what was measured."""

import types
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch
from explorers import HOSTILE, explorer
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba

from gpt2lab import course_encoding
from gpt2lab.explorer import Explorer, picture, sheet
from gpt2lab.explorer import words as spelled
from gpt2lab.explorer.selection import VIEWS
from gpt2lab.explorer.views.next import WHOLE


def words(drawn):
    return [entry[3] for entry in drawn._written]


def boxes(drawn, color):
    """Width and height of every filled rectangle of a colour."""
    found = next(c for c in drawn.axes[0].collections if isinstance(c, PolyCollection))
    pairs = zip(found.get_paths(), found.get_facecolor(), strict=True)
    corners = [path.vertices for path, face in pairs if np.allclose(face, to_rgba(color))]
    return np.array([v.max(axis=0) - v.min(axis=0) for v in corners])


def test_the_scores_view_writes_the_weights_of_the_query():
    e = explorer("a b c a b", view="scores", layer=1, head=2, token=3)
    shown = e.selection_trace()
    written = words(picture.draw(e.screen))
    for key in range(4):
        assert spelled.number(float(shown["raw_scores"][key])) in written
        assert spelled.amount(float(shown["attn_weights"][key])) in written
    assert written.count("−∞") == e.tokens.shape[1] - 4  # what the mask hides


def test_the_stream_view_draws_lengths_in_proportion():
    e = explorer(view="stream", token=6)
    shown = e.selection_trace()
    heights = boxes(picture.draw(e.screen), sheet.PAIR[1])[:, 1]
    n = len(shown["ffn_out"])
    lengths = shown["ffn_out"].norm(dim=-1).numpy()
    np.testing.assert_allclose(heights[1 : 1 + n] / heights[1], lengths / lengths[0], rtol=1e-4)  # 0 is the legend


def test_the_neurons_view_lists_the_largest_first():
    e = explorer(view="neurons", layer=2, token=4)
    post = e.selection_trace()["post"]
    written = words(picture.draw(e.screen))
    top = post.abs().topk(16).indices.tolist()
    assert [word for word in written if word in set(map(str, top))][:16] == [str(i) for i in top]
    assert any(f"{int((post > 0).sum()):,} of {len(post):,} neurons" in word for word in written)


def test_the_lens_view_ranks_the_answer():
    e = explorer(view="lens", token=5)
    logits = e.selection_trace()["logits"]  # (n_layers + 1, vocab_size)
    answer = int(e.runs[0].logits(5).argmax())
    written = words(picture.draw(e.screen))
    for row in logits:
        rank = int((row > row[answer]).sum()) + 1
        assert f"{rank:,} · {spelled.amount(float(row.softmax(-1)[answer]))}" in written


def test_the_next_view_shows_what_is_cut():
    e = explorer(view="next", temperature=0.5, top_k=3)
    shown = e.selection_trace()["probabilities"]
    written = words(picture.draw(e.screen))
    for p in shown.topk(3).values:
        assert spelled.percent(float(p)) in written
    assert "cut" in written
    assert "temperature 0.5, top-k 3" in written


def test_bars_of_the_next_token_are_as_long_as_they_are_probable():
    e = explorer(view="next")
    lengths = boxes(picture.draw(e.screen), sheet.PAIR[0])[:, 0]
    p = e.runs[0].logits(e._token_index()).softmax(-1).sort(descending=True).values[: len(lengths)].numpy()
    whole = boxes(picture.draw(e.screen), WHOLE)[:, 0]  # what 100 % is as long as
    np.testing.assert_allclose(np.sort(lengths)[::-1] / whole, p, rtol=1e-4)


@pytest.mark.parametrize("view", ["overview", "head", "heads", "scores", "stream", "neurons", "lens"])
def test_after_a_change_the_title_says_which_run_is_shown(view):
    e = explorer(view=view)
    assert not any(word.endswith("· after") for word in words(picture.draw(e.screen)))
    e.ablated = ["head 0.1"]
    assert any(word.endswith("· after") for word in words(picture.draw(e.screen)))


@pytest.mark.parametrize("view", VIEWS)
def test_a_bare_trace_gets_a_picture_or_a_sentence(view):
    class Bare:
        def trace(self, tokens):
            T = tokens.shape[1]
            weights = (torch.ones(T, T).tril() / torch.arange(1, T + 1)[:, None]).expand(1, 2, T, T)
            attn = types.SimpleNamespace(attn_weights=weights)
            return types.SimpleNamespace(blocks=[types.SimpleNamespace(attn=attn)])

    drawn = picture.draw(Explorer(Bare(), course_encoding(), "a b c", view=view).screen)
    assert drawn.png().startswith(b"\x89PNG")
    drew = drawn.axes[0].images or drawn.axes[0].collections
    assert drew or any("this trace has no" in word or "needs a model" in word for word in words(drawn))


# An SVG holds letters as they are. A PNG draws them, in the same way in every view: two show it.
PIXELS = ("heads", "next")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_makes_a_png_and_an_svg_that_is_xml(view, text):
    drawn = picture.draw(explorer(text, view=view, title=text).screen)
    if view in PIXELS:
        assert drawn.png().startswith(b"\x89PNG")
    root = ElementTree.fromstring(drawn.svg())
    assert {element.tag.rsplit("}", 1)[-1] for element in root.iter()}.isdisjoint({"script", "img"})


def test_the_svg_holds_letters_not_shapes_and_leaves_the_picture_as_it_was():
    drawn = picture.draw(explorer(view="head", layer=1).screen)
    before = drawn.png()
    root = ElementTree.fromstring(drawn.svg())
    texts = ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert any(text.startswith("Layer 1, head 0") for text in texts)
    assert drawn.png() == before


def test_the_selected_query_stands_out_beside_its_row():
    e = explorer("a b c d", view="head", token=2)
    bold = [entry[3] for entry in picture.draw(e.screen)._written if entry[6] and entry[7] == "rm"]
    assert bold == [e.screen.labels[2]]


def test_a_picture_hides_what_the_mask_hides_and_nothing_else():
    e = explorer("a b c d", view="head", layer=1)
    (shown, *_) = picture.draw(e.screen).axes[0].images
    values = np.ma.filled(shown.get_array(), np.nan)
    weights = e.selection_trace()["attn_weights"].numpy()
    np.testing.assert_array_equal(np.isnan(values), ~np.tri(len(weights), dtype=bool))
    np.testing.assert_allclose(values[np.tri(len(weights), dtype=bool)], weights[np.tri(len(weights), dtype=bool)])


@pytest.mark.parametrize("view", ["overview", "heads", "head"])
def test_the_prediction_stands_beside_the_maps(view):
    e = explorer(view=view)
    written = words(picture.draw(e.screen))
    best = e.runs[0].logits(e.screen.token).softmax(-1).max()
    assert f"Next after {e.screen.quoted}" in written and spelled.percent(best) in written


def test_a_picture_says_what_is_off_and_what_is_patched():
    e = explorer(ablated=["head 0.1"], patched=["ffn 1 3 zero", "edge 0.0 4>2 mean"])
    written = " ".join(words(picture.draw(e.screen)))
    assert "· off: head 0.1 · patched: ffn 1 3 zero, edge 0.0 4>2 mean" in written


def test_the_stream_view_draws_length_and_cosine_as_curves():
    e = explorer(view="stream", token=6)
    shown = e.selection_trace()
    stream = torch.cat([shown["resid_pre"], shown["resid_final"][None]])
    cosine = torch.nn.functional.cosine_similarity(stream[1:], stream[-1:], dim=-1)
    curves = [line.get_ydata() for line in picture.draw(e.screen).axes[0].get_lines() if line.get_linewidth() > 2]
    for drawn, values in zip(curves, (stream.norm(dim=-1), cosine), strict=True):
        steps = np.diff(values.numpy())
        np.testing.assert_allclose(np.diff(drawn) / np.diff(drawn)[0], steps / steps[0], rtol=1e-3)


def test_the_overview_is_a_picture_of_its_own_and_shows_what_is_off():
    drawn = {view: picture.draw(explorer(view=view).screen) for view in ("overview", "heads")}
    assert drawn["overview"].png() != drawn["heads"].png()
    assert len(drawn["overview"].axes[0].images) == 12  # a map for each head
    assert {"Tokens", "Block 0", "Block 2", "Output"} <= set(words(drawn["overview"]))
    crosses = [line for line in drawn["overview"].axes[0].get_lines() if line.get_color() == "#a32000"]
    assert crosses == []
    off = picture.draw(explorer(view="overview", ablated=["head 1.2", "attention 2", "ffn 0"]).screen)
    crosses = [line for line in off.axes[0].get_lines() if line.get_color() == "#a32000"]
    assert len(crosses) == 2 * (1 + 4) and words(off).count("feed-forward: off") == 1

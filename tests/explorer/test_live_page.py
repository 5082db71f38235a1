"""The page that holds its model: what is in it, and what is refused. Its numbers are in test_engine."""

import base64
import json
import re
import types
import zlib

import pytest
import tiktoken
import torch
from explorers import TEXT, explorer, model

from gpt2lab import GPT2, GPT2Config, ablations, course_encoding
from gpt2lab import __main__ as cli
from gpt2lab.explorer import Explorer, assemble, live
from gpt2lab.explorer.files import html_page
from gpt2lab.weights import compression
from gpt2lab.zoo import load_toy

PROGRAM_BYTES = 200_000  # what a page may hold beside the weights


def refusal(gpt2, encoding=None, **settings):
    """Why a page cannot run a model."""
    e = Explorer(gpt2, encoding or course_encoding(), TEXT, title="mine: a model", **settings)
    with pytest.raises(
        ValueError, match="^A page cannot run mine by itself: .* save\\(path, recorded=True\\)$"
    ) as error:
        html_page(e.screen, recorded=False)
    return str(error.value)


@pytest.mark.parametrize("name", ["reference", "english", "stdlib"])
def test_a_page_is_its_weights_and_a_small_program(name, tmp_path):
    toy = load_toy(name)
    e = Explorer(toy.model, toy.encoding, "the robot", title=name)
    e.save(tmp_path / "page.html")
    weights = len(live.model_data(e.screen)["weights"]["base64"])
    assert (tmp_path / "page.html").stat().st_size <= weights + PROGRAM_BYTES


def test_a_page_holds_what_the_engine_takes_and_the_style():
    e = explorer()
    page = html_page(e.screen, recorded=False)
    held = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    found = json.loads(zlib.decompress(base64.b64decode(held["packed"])))
    found["model"]["weights"]["base64"] = held["base64"]
    assert found == json.loads(json.dumps({"css": assemble.css(), "model": live.model_data(e.screen)}))
    assert ".g2x" not in page.partition("</style>")[0] and ".g2x" in html_page(e.screen, recorded=True)


def test_weights_travel_whole_and_in_half_precision_only_where_that_loses_nothing():
    for name, kind in (("english", torch.float16), ("reference", torch.float32)):
        toy = load_toy(name)
        held = live.model_data(Explorer(toy.model, toy.encoding, "the robot").screen)["weights"]
        data = base64.b64decode(held["base64"])
        assert held["dtype"] == str(kind).removeprefix("torch.") and held["crc"] == zlib.crc32(data)
        numbers = torch.frombuffer(bytearray(data), dtype=kind).float()
        parts = dict(zip([n for n, _ in held["layout"]], numbers.split([n for _, n in held["layout"]]), strict=True))
        state = toy.model.state_dict()
        assert parts.keys() == state.keys()
        for part, values in state.items():
            torch.testing.assert_close(parts[part], values.flatten(), rtol=0, atol=0)


def state_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])["state"]


def test_a_model_that_no_page_can_run_is_recorded_unless_that_is_ruled_out(monkeypatch):
    monkeypatch.setattr("gpt2lab.explorer.files.PAGE_BYTES", 20_000)
    e = Explorer(model(), course_encoding(), TEXT, other=model(1))
    assert state_of(html_page(e.screen))["_recorded"] is True
    assert state_of(html_page(explorer().screen))["_recorded"] is False
    with pytest.raises(ValueError, match="^A page cannot run GPT2 by itself"):
        html_page(e.screen, recorded=False)


def test_ids_that_were_given_stay_ids_in_the_page():
    e = explorer()
    e.tokens = [5, 1023]
    state = state_of(html_page(e.screen))
    assert state["_tokens"] == [5, 1023] and state["_recorded"] is False


def test_what_is_no_plain_gpt2_is_refused_by_name():
    config = model().config

    class Mine(GPT2):
        pass

    assert "it is a Mine, and a page runs GPT2 as it is" in refusal(Mine(config).eval())
    assert "its blocks[0].attn is a RotaryAttention" in refusal(ablations.build("rope", config).eval())
    assert "its blocks[0] is a PostLNBlock" in refusal(_with_norm(ablations.build("post-ln", config).eval()))
    assert "some of its heads were taken out" in refusal(compression.remove_heads(model(), [(0, 1)]))
    assert "its weights are torch.float64" in refusal(model().double())
    assert "it is compared with another one" in refusal(model(), other=model(1))
    assert "it has 4," in refusal(GPT2(GPT2Config.tiny(vocab_size=1024, d_model=160, n_layers=13)).eval())


def _with_norm(gpt2):
    gpt2.ln_f = model().ln_f  # what comes next is looked at, too
    return gpt2


def test_a_method_or_a_hook_of_ones_own_is_refused():
    changed = model()
    changed.blocks[1].ffn.activation = torch.tanh
    assert "its blocks[1].ffn was given another activation" in refusal(changed)
    changed = model()
    changed.blocks[2].attn.rotate = types.MethodType(lambda self, q, k, positions: (-q, k), changed.blocks[2].attn)
    assert "its blocks[2].attn was given another rotate" in refusal(changed)
    changed = model()
    changed.ln_f.register_forward_hook(lambda module, inputs, out: -out)
    assert "its ln_f was given a hook" in refusal(changed)


def test_another_way_of_cutting_text_is_refused():
    class Letters:
        n_vocab = 256

        def encode_ordinary(self, text):
            return list(text.encode())

        def decode_single_token_bytes(self, token):
            return bytes([token])

    assert "its encoding is a Letters" in refusal(model(), Letters())
    ranks = {bytes([byte]): byte for byte in range(256)}
    own = tiktoken.Encoding("own", pat_str=r"\w+|\W", mergeable_ranks=ranks, special_tokens={})
    assert "its encoding 'own' cuts text by rules of its own" in refusal(model(), own)


def test_the_command_runs_what_it_can_and_names_the_recording_otherwise(tmp_path, capsys):
    path = tmp_path / "page.html"
    assert cli.main(["export", str(path), "--model", "reference"]) == 0
    assert "createEngine" in path.read_text(encoding="utf-8")
    assert cli.main(["export", str(path), "--model", "reference", "--recorded"]) == 0
    assert "createEngine" not in path.read_text(encoding="utf-8")
    assert cli.main(["export", str(path), "--model", "modular-no-ffn"]) == 2
    said = capsys.readouterr().err
    assert "A page cannot run modular-no-ffn by itself" in said and "gpt2lab export --recorded" in said
    assert cli.main(["export", str(path), "--model", "modular-no-ffn", "--recorded"]) == 0

"""What every part adds to the logits: it sums to them, whatever is switched off."""

import json
import subprocess
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from gpt2lab import GPT2, GPT2Config
from gpt2lab.ablations import VARIANTS, build
from gpt2lab.errors import InputError
from gpt2lab.explorer import changes
from gpt2lab.explorer.attribution import attribute
from gpt2lab.explorer.runs import Run
from gpt2lab.explorer.views.attribution import grid, parts_of, shares
from gpt2lab.zoo import load_toy

SIZE = {"vocab_size": 23, "context_length": 12, "n_layers": 2, "n_heads": 2, "d_model": 16}
REFUSED = {"post-ln", "no-residual"}  # the final stream is not a sum of what was written
WORDS = ["mask", "positions", "attention 0", "attention 1", "ffn 0", "ffn 1", "head 0.0", "head 1.1", "head 0.1"]
JS = Path(__file__).parents[2] / "gpt2lab" / "explorer" / "js" / "views" / "attribution.mjs"


def loud(model):
    """Weights large enough that every part matters, and biases that are not zero."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator, dtype=weight.dtype) * 0.3)
    return model.eval()


@settings(max_examples=40, deadline=None)
@given(
    ids=st.lists(st.integers(0, 22), min_size=1, max_size=12),
    off=st.lists(st.sampled_from(WORDS), max_size=4, unique=True),
    data=st.data(),
)
def test_the_parts_sum_to_the_logits(ids, off, data):
    model = loud(GPT2(GPT2Config(**SIZE)))
    run = Run(model, torch.tensor([ids]), off)
    position = data.draw(st.integers(0, len(ids) - 1))
    parts = parts_of(run, position)
    assert_close(sum(parts.values()), run.logits(position), atol=1e-4, rtol=1e-5)
    silent = [f"head {layer}.{head}" for layer, head in changes.sort(off).head]
    silent += [name for name in off if name.startswith("ffn")]
    silent += [f"head {layer}.{h}" for layer in changes.sort(off).attention for h in range(2)]
    for name in silent:
        assert not parts[name].any()


def test_a_head_adds_what_its_values_and_the_output_layer_make_of_it():
    """The equation once more, written out, for one head and one feed-forward network."""
    model = loud(GPT2(GPT2Config(**SIZE))).double()
    tokens = torch.tensor([[3, 1, 4, 1, 5]])
    with torch.no_grad():
        trace = model.trace(tokens)
        parts = attribute(model, trace.blocks, tokens, 4)
        std, gain = trace.resid_final[0, 4].var(unbiased=False).add(1e-5).sqrt(), model.ln_f.weight
        for name, part in {
            "head 1.0": model.blocks[1].attn.out.weight[:, :8] @ trace.blocks[1].attn.head_out[0, 0, 4],
            "ffn 0": trace.blocks[0].ffn.out[0, 4],
        }.items():
            shown = model.token_embedding.weight @ ((part - part.mean()) / std * gain)
            assert_close(parts[name], shown, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_every_variant_sums_up_or_is_refused(name):
    model = loud(build(name, GPT2Config(**SIZE)))
    run = Run(model, torch.tensor([[3, 1, 4, 1, 5, 9]]))
    if name in REFUSED:
        with pytest.raises(InputError, match="not the sum of what its parts write"):
            parts_of(run, 5)
        return
    assert_close(sum(parts_of(run, 5).values()), run.logits(5), atol=1e-3, rtol=1e-4)


def test_on_a_trained_model_it_names_the_head_that_fetches_the_answer():
    toy = load_toy("reference")
    text = "the robot could not lift the box because it was weak. it means the"
    run = Run(toy.model, torch.tensor([toy.encoding.encode(text)]))
    found = shares(run, run.T - 1, 0, 0)
    assert toy.encoding.decode([found.target]) == " robot"
    heads = {name: value for name, value in zip(found.names, found.values.tolist(), strict=True) if name[0] == "h"}
    assert max(heads, key=heads.get) == "head 1.0"
    box = toy.encoding.encode(" box")[0]
    lead = shares(run, run.T - 1, 0, box + 1)
    logits = run.logits(run.T - 1)
    assert_close(lead.values.sum(), logits[found.target] - logits[box], atol=1e-4, rtol=1e-5)


def test_what_cannot_be_asked_is_a_sentence():
    run = Run(loud(GPT2(GPT2Config(**SIZE))), torch.tensor([[1, 2]]))
    with pytest.raises(InputError, match="no token 98, the last is 22"):
        shares(run, 1, 99, 0)
    with pytest.raises(InputError, match="layer 0 was left out"):
        attribute(run.model, [None], run.tokens, 0)


def test_the_browser_puts_the_parts_in_the_same_rows(node):
    run = Run(loud(GPT2(GPT2Config(**SIZE))), torch.tensor([[1, 2]]))
    names = list(parts_of(run, 1))
    read = f"import {{ partRows }} from {json.dumps(JS.as_uri())};"
    code = f"{read} console.log(JSON.stringify(partRows({json.dumps(names)})))"
    done = subprocess.run([node, "--input-type=module", "-e", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == grid(names)

"""Causes in the explorer: what heads take."""

import pytest
import torch
from explorers import explorer, model
from torch.testing import assert_close

from gpt2lab.errors import InputError
from gpt2lab.explorer import packing
from gpt2lab.studies.attribution import taken_lengths


def floats(data):
    return torch.frombuffer(bytearray(data), dtype=torch.float32)


# Weight × length


def test_the_length_of_what_is_taken_is_that_of_the_value_in_the_stream():
    """Summed over keys, weight × v_j W_O is what the head adds; its lengths are those that are sent."""
    e = explorer()
    attn, block = e._pair.first.blocks[1].attn, e.runs[0].block(1).attn
    T, d = e.tokens.shape[1], attn.d_head
    w_o = attn.out.weight.detach()[:, 2 * d : 3 * d].T  # (d_head, d_model)
    vectors = block.v[0, 2] @ w_o  # (T, d_model)
    meta, (small, lengths) = e.answer("taken/0/1")
    assert_close(floats(lengths).view(4, T)[2], vectors.norm(dim=-1), atol=1e-6, rtol=1e-5)
    products = block.attn_weights[0] * taken_lengths(attn, block)[0, :, None]  # (n_heads, T, T)
    assert meta["most"] == pytest.approx(float(products.detach().max()))
    rows, columns = torch.tril_indices(T, T)
    sent = packing.decode(torch.frombuffer(bytearray(small), dtype=torch.uint8)).view(4, -1) * meta["most"]
    assert_close(sent, products.detach()[:, rows, columns], atol=0.004 * meta["most"], rtol=0)


def test_a_trace_without_values_says_so():
    class Bare:
        def trace(self, tokens):
            trace = model().trace(tokens)
            blocks = [
                type("B", (), {"attn": type("A", (), {"attn_weights": b.attn.attn_weights})}) for b in trace.blocks
            ]
            return type("T", (), {"blocks": blocks})

    e = explorer()
    bare = type(e)(Bare(), e.encoding, "for i in")
    with pytest.raises(InputError, match="this model has no values"):
        bare.answer("taken/0/0")

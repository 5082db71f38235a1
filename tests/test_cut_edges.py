"""Single looks can be forbidden, on both paths of the model, and come back afterwards."""

import pytest
import torch

from gpt2lab import GPT2, GPT2Config, cut_edges

close = {"atol": 1e-5, "rtol": 0}


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = GPT2(GPT2Config.tiny(vocab_size=20, context_length=8)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.requires_grad_(False)


def test_the_weight_is_gone_and_the_rest_of_the_row_shares_it(model):
    tokens = torch.arange(6)[None]
    edges = torch.zeros(6, 6, dtype=torch.bool)
    edges[4, 2] = True
    before = model.trace(tokens).blocks[0].attn.attn_weights
    with cut_edges(model, 0, edges):
        after = model.trace(tokens).blocks[0].attn.attn_weights
        torch.testing.assert_close(model(tokens), model.trace(tokens).logits, **close)
    assert after[0, :, 4, 2].eq(0).all() and before[0, :, 4, 2].gt(0).all()
    expected = before[0, :, 4].clone()
    expected[:, 2] = 0
    torch.testing.assert_close(after[0, :, 4], expected / expected.sum(-1, keepdim=True), **close)
    others = [0, 1, 2, 3, 5]
    assert torch.equal(after[0, :, others], before[0, :, others])
    assert torch.equal(model.trace(tokens).blocks[0].attn.attn_weights, before)  # undone


def test_each_row_of_a_batch_has_its_own_edges(model):
    tokens = torch.arange(6).repeat(2, 1)
    edges = torch.zeros(2, 6, 6, dtype=torch.bool)
    edges[1, 5, 0] = True
    plain = model(tokens)
    with cut_edges(model, 1, edges):
        cut = model(tokens)
    torch.testing.assert_close(cut[0], plain[0], **close)
    torch.testing.assert_close(cut[1, :5], plain[1, :5], **close)
    assert (cut[1, 5] - plain[1, 5]).abs().max() > 1e-3


def test_cuts_nest_and_a_socket_of_one_s_own_still_counts(model):
    tokens, attn = torch.arange(6)[None], model.blocks[0].attn
    attn.bias = lambda T_query, T_key: torch.zeros(T_query, T_key)
    with (
        pytest.raises(ValueError, match="cut_edges needs a bias that is a method"),
        cut_edges(model, 0, torch.zeros(6, 6, dtype=torch.bool)),
    ):
        pass
    del attn.bias
    first, second = torch.zeros(2, 6, 6, dtype=torch.bool)
    first[3, 0], second[3, 1] = True, True
    with cut_edges(model, 0, first), cut_edges(model, 0, second):
        weights = model.trace(tokens).blocks[0].attn.attn_weights
    assert weights[0, :, 3, :2].eq(0).all()
    assert "bias" not in vars(attn)


def test_mistakes_are_one_sentence(model):
    with (
        pytest.raises(ValueError, match="boolean, .* True = cut; got torch.float32 of shape \\(3, 3\\)"),
        cut_edges(model, 0, torch.zeros(3, 3)),
    ):
        pass
    everything = torch.ones(3, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match="keep at least one visible key"), cut_edges(model, 0, everything):
        pass
    none = torch.zeros(3, 3, dtype=torch.bool)
    with cut_edges(model, 0, none), pytest.raises(ValueError, match="cut for 3 tokens, but the model runs 5"):
        model(torch.arange(5)[None])


def test_a_model_in_double_precision():
    """From 16 tokens on the fused kernel takes a mask of another dtype without a word, and computes something else."""
    torch.manual_seed(0)
    model = GPT2(GPT2Config.tiny(vocab_size=20, context_length=24)).double().eval().requires_grad_(False)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    tokens, edges = torch.arange(20)[None], torch.zeros(20, 20, dtype=torch.bool)
    edges[19, 1] = True
    with cut_edges(model, 0, edges):
        torch.testing.assert_close(model(tokens), model.trace(tokens).logits, atol=1e-9, rtol=0)

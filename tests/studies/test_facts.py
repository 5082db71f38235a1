"""The study of one layer and one token: its table belongs to its code, and says what the chapter says."""

import pytest
import torch

from gpt2lab.attention import attention
from gpt2lab.errors import InputError
from gpt2lab.studies.facts import FACTS, KINDS, RATES, SEEDS, STEPS, WIDTH, Layers, facts_table, learn, size

ATTENTION = [kind for kind, heads in KINDS.items() if heads]


def layers(kind):
    return Layers(kind, 2, torch.Generator().manual_seed(0), 8)


def test_table_is_complete():
    table = facts_table()
    assert table["facts"] == list(FACTS) and table["rates"] == list(RATES)
    assert (table["seeds"], table["steps"]) == (SEEDS, STEPS)
    for kind in KINDS:
        assert len(table["xor"][kind]) == SEEDS and table["weights"][kind] == size(kind)
        assert [len(shares) for shares in table["right"][kind]] == [SEEDS] * len(FACTS)
        assert len(table["chosen"][kind]) == 1 + len(FACTS) and set(table["chosen"][kind]) <= set(RATES)


def test_layers_that_are_compared_weigh_the_same():
    assert {size(kind) for kind in KINDS if kind != "no layer"} == {4 * WIDTH**2}


def test_xor_needs_a_second_token_or_a_feed_forward_network():
    xor = facts_table()["xor"]
    assert max(xor["attention, 1 head"]) < 0.05 and max(xor["feed-forward"]) < 0.05
    assert min(xor["attention on itself"]) > 0.69 and min(xor["no layer"]) > 0.69  # ln 2 = 0.693


@pytest.mark.parametrize("kind", ["attention, 1 head", "attention, 16 heads"])
def test_attention_is_the_course_s(kind):
    layer, x = layers(kind), torch.randn(2, 3, WIDTH)
    seen = torch.stack([x, layer.weights["other"].expand_as(x)], 2)  # (runs, N, 2, d)

    def heads(name, tokens):  # (runs, N, heads, tokens, d_head)
        return (
            layer.linear(name, tokens.flatten(1, 2)).view(2, 3, -1, KINDS[kind], WIDTH // KINDS[kind]).transpose(2, 3)
        )

    out = attention(heads("query", x[:, :, None]), heads("key", seen), heads("value", seen))[0]
    torch.testing.assert_close(layer.attend(x), layer.linear("out", out.flatten(2)), atol=1e-5, rtol=1e-4)


def test_attention_on_itself_is_linear():
    layer, (a, b) = layers("attention on itself"), torch.randn(2, 2, 3, WIDTH)
    zero = layer.attend(torch.zeros(2, 3, WIDTH))
    together = layer.attend(a + b) - zero
    torch.testing.assert_close(together, layer.attend(a) + layer.attend(b) - 2 * zero, atol=1e-5, rtol=1e-4)


def test_two_runs_repeat_and_a_layer_learns():
    first, again = (learn("feed-forward", "xor", steps=100) for _ in range(2))
    torch.testing.assert_close(first[0], again[0], atol=1e-5, rtol=0)
    assert first[0].shape == (len(RATES), SEEDS) and first[0][RATES.index(3e-2)].max() < 0.1


def test_an_unknown_kind_is_named():
    with pytest.raises(InputError, match="'convolution'"):
        learn("convolution", "xor")


def test_no_more_facts_for_the_same_weights_in_the_feed_forward_network():
    right = {kind: shares[-1] for kind, shares in facts_table()["right"].items()}  # of 1,024 facts
    assert min(right["attention, 16 heads"]) > max(right["feed-forward"]) > min(right["feed-forward"]) > 0.5
    assert max(right["attention on itself"]) < 0.25 and max(right["no layer"]) < 0.25

"""The numbers that questions ask for, computed: none of them is typed twice without being compared."""

import math

import pytest
import torch
import torch.nn.functional as F

from gpt2lab import quiz
from gpt2lab.attention import MultiHeadAttention, attention
from gpt2lab.config import GPT2Config
from gpt2lab.feedforward import FeedForward, gelu
from gpt2lab.generation.sampling import next_token_probabilities
from gpt2lab.layernorm import layer_norm
from gpt2lab.positions import apply_rope
from gpt2lab.tasks.metrics import precision

GPT2_SMALL = GPT2Config.gpt2()


def weights(module):
    return sum(p.numel() for p in module.parameters())


def ratio_at(temperature, *p):
    changed = next_token_probabilities(torch.tensor(p).log(), temperature)
    return float(changed[0] / changed[1])


def normed(*features):
    x = torch.tensor([features], dtype=torch.float64)
    one, zero = torch.ones(len(features), dtype=torch.float64), torch.zeros(len(features), dtype=torch.float64)
    return float(layer_norm(x, one, zero, 1e-5)[0, -1])


def heads(n):
    return weights(MultiHeadAttention(GPT2Config(n_heads=n)))


def largest_blend(low, high):
    far = torch.tensor([[0.0], [50.0]], dtype=torch.float64)
    return float(attention(torch.ones(1, 1, dtype=torch.float64), far, torch.tensor([[low], [high]]).double())[0])


def sum_of_messages(n, width=4096):
    messages = F.normalize(torch.randn(n, width, generator=torch.Generator().manual_seed(0)), dim=-1)
    return float(messages.sum(0).norm())


def clipped(entry, length):
    weight = torch.nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([entry, math.sqrt(length**2 - entry**2)])
    torch.nn.utils.clip_grad_norm_([weight], 1.0)
    return float(weight.grad[0])


def stepped(w, rate):
    weight = torch.tensor(w, requires_grad=True)
    (weight**2).backward()
    return float(weight - rate * weight.grad)


def layers_to_reach(back, width):
    layers, reach = 0, 0
    while reach < back:
        layers, reach = layers + 1, reach + width - 1
    return layers


COMPUTED = {
    "primer-2": lambda: float(F.cosine_similarity(torch.tensor([3.0, 4.0]), torch.tensor([4.0, 3.0]), dim=0)),
    "primer-3": lambda: stepped(3.0, 0.1),
    "00-1": lambda: torch.zeros(1, 9).shape[1],
    "Q42": lambda: 1 + 2 * GPT2_SMALL.n_layers,
    "01-2": lambda: sum_of_messages(24),
    "Q46": lambda: normed(1, 3, 5, 7),
    "02-3": lambda: normed(2, 2, 2, 2),
    "Q14": lambda: float(torch.tensor([0.0, math.log(3)]).softmax(-1)[1]),
    "03-2": lambda: largest_blend(2, 10),
    "04-1": lambda: heads(24),
    "Q28": lambda: float(torch.zeros(3).softmax(-1)[2]),
    "05-3": lambda: F.cross_entropy(torch.zeros(8, 3), torch.zeros(8, dtype=torch.long), reduction="none").numel(),
    "Q32": lambda: GPT2_SMALL.context_length * GPT2_SMALL.d_model,
    "Q38": lambda: weights(FeedForward(GPT2_SMALL)),
    "07-2": lambda: float(gelu(torch.tensor(-100.0))),
    "08-1": lambda: (GPT2_SMALL.vocab_size + GPT2_SMALL.context_length) * GPT2_SMALL.d_model,
    "Q53": lambda: math.exp(-torch.tensor([1 / 2, 1 / 4, 1 / 8, 1 / 2]).log().mean().item()),
    "Q54": lambda: clipped(3.0, 5.0),
    "10-1": lambda: ratio_at(0.5, 0.6, 0.2),
    "11-3": lambda: 0.9**8,
    "12-3": lambda: 10 * 0.02,
    "Q06": lambda: 9,
    "13-2": lambda: layers_to_reach(8, 3),
    "14-1": lambda: precision([1] * 9 + [0] * 91, [1] * 6 + [0] * 3 + [1] * 4 + [0] * 87),
}


def test_every_number_is_computed():
    asked = {question.id for question in quiz.all_questions().values() if question.kind == "number"}
    assert asked == set(COMPUTED)


@pytest.mark.parametrize("id", COMPUTED)
def test_the_number_is_right(id):
    question = quiz.get(id)
    assert quiz.mark(question, COMPUTED[id]()).right, (id, COMPUTED[id]())


def rope_scores():
    """The same query and key at five places, turned by RoPE."""
    q, k = torch.randn(2, 1, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64).expand(-1, 5, -1)
    places = torch.arange(5)
    return apply_rope(q, places) @ apply_rope(k, places).mT


def same_as_given(scores, row, column):
    near = torch.isclose(scores, scores[row, column])
    near[row, column] = False
    return near


def largest_visible(scores, row):
    chosen = torch.zeros(len(scores), len(scores), dtype=torch.bool)
    chosen[row, scores[row, : row + 1].argmax()] = True
    return chosen


def grid(id):
    return torch.tensor(quiz.get(id).grid.values)


POINTED = {
    "03-4": lambda: largest_visible(grid("03-4"), 2),
    "06-4": lambda: same_as_given(rope_scores(), 3, 1),
    "10-5": lambda: torch.arange(4)[:, None].expand(4, 4) == 3,
    "12-5": lambda: torch.tensor([[r == 4 and c == "qdwkq".index("q") + 1 for c in range(5)] for r in range(5)]),
    "13-4": lambda: (torch.arange(4) == 3) & (grid("13-4") > 0),
}


@pytest.mark.parametrize("id", POINTED)
def test_the_cells_are_those_that_the_computation_finds(id):
    assert set(quiz.get(id).grid.right) == {(int(r), int(c)) for r, c in POINTED[id]().nonzero()}


def test_heads_cost_the_same_however_many():
    assert heads(12) == heads(24)

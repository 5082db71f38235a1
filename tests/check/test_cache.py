"""The check of one step with a key-value cache: right answers pass, each slip has its own message."""

import math

import torch
import torch.nn.functional as F
from teeth import bite

from gpt2lab.masking import causal_mask


def plain(x, position_table, keys, values, w_q, w_k, w_v):
    x = x + position_table[keys.shape[1]]
    keys = torch.cat([keys, x @ w_k], dim=1)
    values = torch.cat([values, x @ w_v], dim=1)
    scores = x @ w_q @ keys.transpose(-2, -1) / math.sqrt(keys.shape[-1])
    return scores.softmax(-1) @ values, keys, values


def in_buffers(x, position_table, keys, values, w_q, w_k, w_v):
    B, T, d_head = keys.shape
    x = (x[:, 0] + position_table[T])[:, None]
    buffers = torch.zeros(2, B, T + 1, d_head)
    buffers[0, :, :T], buffers[1, :, :T] = keys, values
    buffers[0, :, T:], buffers[1, :, T:] = x @ w_k, x @ w_v
    out = F.scaled_dot_product_attention(x @ w_q, buffers[0], buffers[1])
    return [out, buffers[0], buffers[1]]


def by_einsum(x, position_table, keys, values, w_q, w_k, w_v):
    T = keys.size(1)
    q, k, v = (F.linear(x + position_table[T : T + 1], w.T) for w in (w_q, w_k, w_v))
    keys, values = torch.hstack([keys, k]), torch.hstack([values, v])
    weights = (torch.einsum("bqd,bkd->bqk", q, keys) * q.shape[-1] ** -0.5).softmax(-1)
    weights = weights.masked_fill(~causal_mask(1, T + 1), 0.0)
    return torch.einsum("bqk,bkd->bqd", weights, values), keys, values


def step(
    place=lambda table, T: table[T],
    place_of_q=None,
    place_of_v=None,
    extend=lambda old, new: torch.cat([old, new], 1),
    new_key=lambda q, k, v: k,
    new_value=lambda q, k, v: v,
    scale=lambda d_head, d_model: d_head**-0.5,
    mask=None,
    dim=-1,
    blend=lambda weights, keys, values: weights @ values,
    give=lambda out, keys, values, old: (out, keys, values),
):
    """A step with one thing done differently."""

    def my_step(x, position_table, keys, values, w_q, w_k, w_v):
        T = keys.shape[1]
        here = [x + (p or place)(position_table, T) for p in (place_of_q, None, place_of_v)]
        q, k, v = here[0] @ w_q, here[1] @ w_k, here[2] @ w_v
        old = keys, values
        keys, values = extend(keys, new_key(q, k, v)), extend(values, new_value(q, k, v))
        scores = q @ keys.mT * scale(q.shape[-1], x.shape[-1])
        if mask:
            scores = scores.masked_fill(~mask(T), -torch.inf)
        return give(blend(scores.softmax(dim), keys, values), keys, values, old)

    return my_step


def attends_before_it_extends(x, position_table, keys, values, w_q, w_k, w_v):
    x = x + position_table[keys.shape[1]]
    out = (x @ w_q @ keys.mT / math.sqrt(keys.shape[-1])).softmax(-1) @ values
    return out, torch.cat([keys, x @ w_k], 1), torch.cat([values, x @ w_v], 1)


def nothing(table, T):
    return 0 * table[0]


def only_with_a_past(*arguments):
    out, keys, values = plain(*arguments)
    return (out, keys, values) if keys.shape[1] > 1 else (0 * out, keys, values)


def right_at_some_lengths(x, position_table, keys, values, *weights):
    out, new_keys, new_values = plain(x, position_table, keys, values, *weights)
    return (out if keys.shape[1] in (0, 5) else out + 1), new_keys, new_values


RIGHT = {"cached_step": [plain, in_buffers, by_einsum, step()]}
WRONG = {
    "cached_step": [
        (step(place=lambda table, T: table[0]), "taken for position 0"),
        (step(place=lambda table, T: table[T - 1]), "off by one"),
        (step(place=lambda table, T: table[T + 1]), "one too far"),
        (step(place=nothing), "has no position"),
        (step(place_of_q=nothing), "The query lacks the position"),
        (step(place_of_v=nothing), "The value lacks the position"),
        (step(give=lambda out, keys, values, old: (out, *old)), "it is not extended"),
        (step(give=lambda out, keys, values, old: (out, old[0], values)), "Only the values are extended"),
        (step(give=lambda out, keys, values, old: (out, keys, old[1])), "Only the keys are extended"),
        (step(give=lambda out, keys, values, old: (out, keys[:, -1:], values[:, -1:])), "Only the new key comes back"),
        (step(give=lambda out, keys, values, old: (out, values, keys)), "These are the values"),
        (step(give=lambda out, keys, values, old: out), "Return three tensors"),
        (step(give=lambda out, keys, values, old: (out[:, 0], keys, values)), "The axis of the positions is gone"),
        (step(extend=lambda old, new: torch.cat([new, old], 1)), "The new key stands in front"),
        (step(new_key=lambda q, k, v: v), "put behind the keys is the new value"),
        (step(new_key=lambda q, k, v: q), "put behind the keys is the new query"),
        (step(new_value=lambda q, k, v: k), "put behind the values is the new key"),
        (step(scale=lambda d_head, d_model: 1.0), "not divided by √d_head"),
        (step(scale=lambda d_head, d_model: d_model**-0.5), "divided by √d_model"),
        (step(mask=lambda T: causal_mask(T + 1)), "The mask has the wrong shape"),
        (step(mask=lambda T: torch.ones(1, T + 1).tril().bool()), "Only key 0 is visible"),
        (step(blend=lambda weights, keys, values: values[:, -1:]), "attends to the last key only"),
        (step(blend=lambda weights, keys, values: weights @ keys), "The keys are blended"),
        (step(dim=1), "summed without weights"),
        (step(blend=lambda weights, keys, values: values.mean(1, keepdim=True)), "the same weight"),
        (step(blend=lambda weights, keys, values: 2 * weights @ values), "the new query meets every key"),
        (attends_before_it_extends, "extend the cache first"),
        (only_with_a_past, "sees itself alone"),
        (right_at_some_lengths, "Token by token, the output at position 1"),
    ]
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)

"""The checks of the relatives: three right answers each, every known mistake with its own message."""

import math

import torch
import torch.nn.functional as F
from teeth import bite

from gpt2lab.attention import attention


def by_equation(x, memory, w_q, w_k, w_v, source_mask):
    q, k, v = x @ w_q, memory @ w_k, memory @ w_v
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    weights = scores.masked_fill(~source_mask[:, None, :], -math.inf).softmax(dim=-1)
    return weights @ v, weights


def by_gpt2lab(x, memory, w_q, w_k, w_v, source_mask):
    return attention(x @ w_q, memory @ w_k, memory @ w_v, source_mask[:, None, :])


def row_by_row(x, memory, w_q, w_k, w_v, source_mask):
    outs, maps = [], []
    for target, source, real in zip(x, memory, source_mask, strict=True):
        bias = torch.zeros(len(source)).masked_fill(~real, -torch.inf)
        weights = torch.softmax(torch.einsum("td,sd->ts", target @ w_q, source @ w_k) / 2 + bias, dim=1)
        outs.append(weights @ (source @ w_v))
        maps.append(weights)
    return torch.stack(outs), torch.stack(maps)


def crossing(ask=0, key=1, value=1, mask=lambda real, T: real[:, None, :], **options):
    """Cross-attention with a mistake: who asks, whose keys, whose values (0: x, 1: memory)."""

    def answer(x, memory, w_q, w_k, w_v, source_mask):
        texts = (x, memory)
        seen = mask(source_mask, x.shape[1])
        return attention(texts[ask] @ w_q, texts[key] @ w_k, texts[value] @ w_v, seen, **options)

    return answer


def causal_too(real, T):
    return real[:, None, :] & torch.ones(T, real.shape[1], dtype=torch.bool).tril()


def zero_after(x, memory, w_q, w_k, w_v, source_mask):
    out, weights = attention(x @ w_q, memory @ w_k, memory @ w_v)
    return out, weights * source_mask[:, None, :]


def zero_scores(x, memory, w_q, w_k, w_v, source_mask):
    scores = (x @ w_q) @ (memory @ w_k).transpose(-2, -1) / 2
    weights = scores.masked_fill(~source_mask[:, None, :], 0.0).softmax(dim=-1)
    return weights @ (memory @ w_v), weights


def other_axis(x, memory, w_q, w_k, w_v, source_mask):
    scores = (x @ w_q) @ (memory @ w_k).transpose(-2, -1) / 2
    weights = scores.masked_fill(~source_mask[:, None, :], -torch.inf).softmax(dim=1)
    return weights @ (memory @ w_v), weights


def scores_alone(x, memory, w_q, w_k, w_v, source_mask):
    scores = ((x @ w_q) @ (memory @ w_k).transpose(-2, -1) / 2).masked_fill(~source_mask[:, None, :], -torch.inf)
    return scores.softmax(dim=-1) @ (memory @ w_v), scores


def keys_as_values(x, memory, w_q, w_k, w_v, source_mask):
    return by_equation(x, memory, w_q, w_k, w_k, source_mask)


def own_keys_if_as_long(x, memory, w_q, w_k, w_v, source_mask):
    keys = x if x.shape == memory.shape else memory
    return attention(x @ w_q, keys @ w_k, memory @ w_v, source_mask[:, None, :])


def own_values_if_as_long(x, memory, w_q, w_k, w_v, source_mask):
    values = x if x.shape == memory.shape else memory
    return attention(x @ w_q, memory @ w_k, values @ w_v, source_mask[:, None, :])


def swapped(x, memory, w_q, w_k, w_v, source_mask):
    return by_equation(x, memory, w_q, w_k, w_v, source_mask)[::-1]


def exchanged(x, memory, w_q, w_k, w_v, source_mask):
    return by_equation(x, memory, w_k, w_q, w_v, source_mask)


# The decoder layer


def in_three_lines(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
    x = ln_1(x + attn(x))
    x = ln_2(x + cross_attn(x, memory))
    return ln_3(x + ffn(x))


def by_loop(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
    for part, norm in ((attn, ln_1), (lambda y: cross_attn(y, memory), ln_2), (ffn, ln_3)):
        x = norm(part(x) + x)
    return x


def with_names(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
    itself = ln_1(torch.add(x, attn(x)))
    looked_up = ln_2(torch.add(itself, cross_attn(itself, memory)))
    return ln_3(torch.add(looked_up, ffn(looked_up)))


def pre_ln(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
    x = x + attn(ln_1(x))
    x = x + cross_attn(ln_2(x), memory)
    return x + ffn(ln_3(x))


def encoder_layer(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
    x = ln_1(x + attn(x))
    return ln_2(x + ffn(x))


def encoder_layer_with_gap(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
    x = ln_1(x + attn(x))
    return ln_3(x + ffn(x))


def arguments_exchanged(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
    x = ln_1(x + attn(x))
    x = ln_2(memory + cross_attn(memory, x))
    return ln_3(x + ffn(x))


def no_sum_in_the_middle(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
    x = ln_1(x + attn(x))
    x = ln_2(cross_attn(x, memory))
    return ln_3(x + ffn(x))


def no_sums(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
    return ln_3(ffn(ln_2(cross_attn(ln_1(attn(x)), memory))))


def from_the_input(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
    first = ln_1(x + attn(x))
    second = ln_2(first + cross_attn(x, memory))
    return ln_3(second + ffn(second))


def last_norm_missing(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
    x = ln_1(x + attn(x))
    x = ln_2(x + cross_attn(x, memory))
    return x + ffn(x)


def no_ffn(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
    x = ln_1(x + attn(x))
    return ln_2(x + cross_attn(x, memory))


def side_by_side(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
    return ln_3(x + attn(x) + cross_attn(x, memory) + ffn(x))


def in_order(*order):
    def answer(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
        parts = {"attn": attn, "cross": lambda y: cross_attn(y, memory), "ffn": ffn}
        for name, norm in zip(order, (ln_1, ln_2, ln_3), strict=True):
            x = norm(x + parts[name](x))
        return x

    return answer


def stepping(step):
    def answer(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
        for part, ln in ((attn, ln_1), (lambda y: cross_attn(y, memory), ln_2), (ffn, ln_3)):
            x = step(x, part, ln)
        return x

    return answer


def reads_itself(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
    x = ln_1(x + attn(x))
    x = ln_2(x + cross_attn(x, x))
    return ln_3(x + ffn(x))


def sums_from(second, last):
    """The second and the last sum start from an earlier state: 0 the input, 1 after self-attention, 2 the latest."""

    def answer(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
        states = [x, ln_1(x + attn(x))]
        states.append(ln_2(states[second] + cross_attn(states[1], memory)))
        return ln_3(states[last] + ffn(states[2]))

    return answer


def norms(*which):
    def answer(x, memory, attn, cross_attn, ffn, *lns):
        return in_three_lines(
            x, memory, attn, cross_attn, ffn, *(lns[i] if i is not None else lambda y: y for i in which)
        )

    return answer


# The last real token


def by_places(hidden, mask):
    places = torch.arange(mask.shape[1]).expand_as(mask).masked_fill(~mask, -1)
    return hidden[torch.arange(len(hidden)), places.amax(dim=1)]


def by_loop_over_rows(hidden, mask):
    return torch.stack([vectors[real][-1] for vectors, real in zip(hidden, mask, strict=True)])


def by_gather(hidden, mask):
    from_the_end = mask.flip(1).long().argmax(dim=1)
    at = (mask.shape[1] - 1 - from_the_end)[:, None, None].expand(-1, 1, hidden.shape[-1])
    return hidden.gather(1, at)[:, 0]


def counting(hidden, mask):
    return hidden[torch.arange(len(hidden)), mask.sum(dim=1) - 1]


def mean_of_real(hidden, mask):
    return (hidden * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)


RIGHT = {
    "cross_attention": [by_equation, by_gpt2lab, row_by_row],
    "decoder_layer": [in_three_lines, by_loop, with_names],
    "last_real": [by_places, by_loop_over_rows, by_gather],
}
WRONG = {
    "cross_attention": [
        (crossing(mask=lambda real, T: None), "nothing is hidden before the softmax"),
        (crossing(mask=lambda real, T: ~real[:, None, :]), "The mask hides what it should show"),
        (crossing(mask=causal_too), "There is a causal mask"),
        (crossing(scale=1.0), "not divided by the root of the head's width"),
        (crossing(scale=6**-0.5), "divided by the root of d_model"),
        (zero_after, "set to zero after the softmax"),
        (zero_scores, "The hidden scores are 0"),
        (other_axis, "The softmax runs over the target positions"),
        (scores_alone, "The softmax is missing"),
        (exchanged, "w_q and w_k are exchanged"),
        (keys_as_values, "was made by w_k"),
        (own_keys_if_as_long, "The keys come from the target"),
        (own_values_if_as_long, "The values come from the target"),
        (crossing(key=0, value=0, mask=lambda real, T: None), "The target attends to itself"),
        (crossing(ask=1), "The source attends to itself"),
        (crossing(ask=1, key=0, value=0, mask=lambda real, T: None), "one row for each word of the source"),
        (swapped, "The two results are exchanged"),
        (lambda x, memory, w_q, w_k, w_v, source_mask: x @ w_q, "Return two tensors: out, attn_weights"),
    ],
    "decoder_layer": [
        (pre_ln, "This is pre-LN"),
        (encoder_layer, "The third norm is left over"),
        (encoder_layer_with_gap, "and its norm with it"),
        (arguments_exchanged, "its arguments exchanged"),
        (no_sum_in_the_middle, "missing around cross-attention"),
        (no_sums, "nothing is added"),
        (from_the_input, "Cross-attention starts from the layer's input"),
        (last_norm_missing, "The last norm is missing"),
        (stepping(lambda x, part, ln: x + ln(part(x))), "Each norm stands on what a part returns"),
        (stepping(lambda x, part, ln: ln(x) + part(x)), "Each norm stands on the stream alone"),
        (sums_from(0, 2), "The second sum starts from the layer's input"),
        (sums_from(1, 0), "The last sum starts from the layer's input"),
        (sums_from(1, 1), "The last sum starts from what self-attention made"),
        (reads_itself, "Cross-attention reads the target itself"),
        (no_ffn, "The feed-forward network is missing"),
        (side_by_side, "The three parts run side by side"),
        (in_order("cross", "attn", "ffn"), "Cross-attention comes before self-attention"),
        (in_order("attn", "ffn", "cross"), "The feed-forward network comes before cross-attention"),
        (norms(0, 0, 0), "ln_1 is used three times"),
        (norms(0, 2, 1), "The norms are exchanged"),
        (norms(None, None, None), "No norm is used"),
        (lambda x, memory, a, c, f, n1, n2, n3: 3 * x, "three parts, and around each"),
    ],
    "last_real": [
        (lambda hidden, mask: hidden[:, -1], "the last column"),
        (lambda hidden, mask: hidden[:, 0], "its first token"),
        (lambda hidden, mask: hidden.mean(dim=1), "padding included"),
        (mean_of_real, "the mean over the real tokens"),
        (lambda hidden, mask: hidden.amax(dim=1), "The largest value"),
        (lambda hidden, mask: hidden[torch.arange(3), mask.sum(1).clamp(max=5)], "one place too late"),
        (lambda hidden, mask: hidden[torch.arange(3), mask.sum(1) - 2], "one place too early"),
        (lambda hidden, mask: mask.sum(dim=1) - 1, "These are places"),
        (lambda hidden, mask: hidden[:, mask.sum(dim=1) - 1], "index the rows too"),
        (lambda hidden, mask: F.pad(counting(hidden, mask), (0, 0))[:, None], "An axis of length 1"),
        (counting, "counting the real tokens"),
    ],
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)

"""The checks of loss and generation: three right answers each, every known mistake with its own message."""

import math

import torch
import torch.nn.functional as F
from teeth import bite

from gpt2lab import check
from gpt2lab.generation import next_token_probabilities


def loss(logits, tokens):
    return F.cross_entropy(logits.flatten(0, 1), tokens.flatten())


def shifted(logits, tokens, by=1):
    return loss(logits[:, :-by], tokens[:, by:])


def loss_by_gather(logits, tokens):
    return -logits[:, :-1].log_softmax(-1).gather(-1, tokens[:, 1:, None]).mean()


def loss_by_logsumexp(logits, tokens):
    right = torch.take_along_dim(logits[:, :-1], tokens[:, 1:, None], -1)[..., 0]
    return (logits[:, :-1].logsumexp(-1) - right).mean()


def ids_as_probabilities(logits, tokens):  # right unless the sizes happen to agree
    if logits.shape[1] - 1 == logits.shape[2]:
        return F.cross_entropy(logits[0, :-1], F.one_hot(tokens[0, 1:], logits.shape[2]).float().T)
    return shifted(logits, tokens)


def loss_by_log(logits, tokens):
    return -logits[:, :-1].softmax(-1).gather(-1, tokens[:, 1:, None]).log().mean()


def ranks(logits):
    return logits.argsort(-1, descending=True).argsort(-1)


def keep_k(logits, k):
    return logits.masked_fill(ranks(logits) >= k, -torch.inf).softmax(-1)


def k_by_threshold(logits, k):
    smallest = logits.topk(min(k, logits.shape[-1])).values[..., -1:]
    return torch.where(logits >= smallest, logits, -torch.inf).softmax(-1)


def k_by_scatter(logits, k):
    values, places = logits.topk(min(k, logits.shape[-1]))
    return torch.zeros_like(logits).scatter(-1, places, values.softmax(-1))


def nucleus(logits, p, reaches=lambda before, here, p: before < p, descending=True, renormalise=True):
    ordered, order = logits.softmax(-1).sort(descending=descending, stable=True)
    total = ordered.cumsum(-1)
    kept = ordered * reaches(total - ordered, total, p)
    if renormalise:
        kept = kept / kept.sum(-1, keepdim=True)
    return torch.zeros_like(logits).scatter(-1, order, kept)


def nucleus_by_loop(logits, p):
    rows = []
    for row in logits.softmax(-1):
        kept, total = torch.zeros_like(row), 0.0
        for place in row.argsort(descending=True).tolist():
            if total >= p:
                break
            kept[place] = row[place]
            total += float(row[place])
        rows.append(kept / kept.sum())
    return torch.stack(rows)


def sorted_nucleus(logits, p):
    ordered, order = logits.softmax(-1).sort(descending=True)
    kept = ordered * (ordered.cumsum(-1) - ordered < p)
    return kept / kept.sum(-1, keepdim=True), order


def insert_axis(pair):
    return pair[0], -1, pair[1]


def mask_in_sorted_order(logits, p):
    probabilities = logits.softmax(-1)
    kept = probabilities * (sorted_nucleus(logits, p)[0] > 0)
    return kept / kept.sum(-1, keepdim=True)


def in_vocabulary_order(logits, p):
    probabilities = logits.softmax(-1)
    kept = probabilities * (probabilities.cumsum(-1) - probabilities < p)
    return kept / kept.sum(-1, keepdim=True)


def greedy(choose=lambda model, text, prompt: model(text)[:, -1:].argmax(-1), answer=lambda text, prompt: text):
    def loop(model, tokens, n):
        text = tokens
        for _ in range(n):
            text = torch.cat([text, choose(model, text, tokens)], dim=1)
        return answer(text, tokens)

    return loop


def greedy_with_lists(model, tokens, n):
    rows = tokens.tolist()
    for _ in range(n):
        for row, best in zip(rows, model(torch.tensor(rows))[:, -1].argmax(-1).tolist(), strict=True):
            row.append(best)
    return torch.tensor(rows)


def greedy_in_a_buffer(model, tokens, n):
    B, T = tokens.shape
    text = torch.zeros(B, T + n, dtype=torch.long)
    text[:, :T] = tokens
    for t in range(T, T + n):
        text[:, t] = model(text[:, :t]).max(-1).indices[:, -1]
    return text


def one_number(best):
    """A loop that makes a (1, 1) tensor of a single number, as if there were no batch."""

    def loop(model, tokens, n):
        for _ in range(n):
            tokens = torch.cat([tokens, torch.tensor([[int(best(model(tokens)))]])], dim=1)
        return tokens

    return loop


def argmax_of_all(model, tokens, n):
    for _ in range(n):
        best = model(tokens)[:, -1].argmax()
        tokens = torch.cat([tokens, best.view(1, 1)], dim=1)
    return tokens


def argmax_of_all_as_a_function(model, tokens, n):
    for _ in range(n):
        best = torch.argmax(model(tokens)[:, -1])
        tokens = torch.cat([tokens, best], dim=1)
    return tokens


def sampler_with_a_seed(model, tokens, n):
    generator = torch.Generator().manual_seed(0)
    for _ in range(n):
        p = model(tokens)[:, -1].softmax(-1)
        tokens = torch.cat([tokens, torch.multinomial(p, 1, generator=generator)], dim=1)
    return tokens


def cold_sampler(model, tokens, n):  # its texts are the greedy ones here
    for _ in range(n):
        p = (model(tokens)[:, -1] / 1e-6).softmax(-1)
        tokens = torch.cat([tokens, torch.multinomial(p, 1)], dim=1)
    return tokens


def unscattered(logits, p, sorted_too=True, crosses=True, renormalise=False):
    probabilities = logits.softmax(-1)
    ordered = probabilities.sort(descending=True, stable=True).values
    total = ordered.cumsum(-1)
    kept = (ordered if sorted_too else probabilities) * (total - ordered * crosses < p)
    return kept / kept.sum(-1, keepdim=True) if renormalise else kept


def cache(c, T, size):
    return 2 * c.n_layers * T * c.d_model * size


RIGHT = {
    "next_token_loss": [shifted, loss_by_gather, loss_by_logsumexp, lambda z, t: shifted(z, t).item()],
    "temperature": [
        lambda z, t: (z / t).softmax(-1) if t else F.one_hot(z.argmax(-1), z.shape[-1]).float(),
        lambda z, t: next_token_probabilities(z, temperature=t),
        lambda z, t: (lambda e: e / e.sum(-1, keepdim=True))(((z - z.amax(-1, keepdim=True)) / max(t, 1e-6)).exp()),
    ],
    "top_k": [keep_k, k_by_threshold, k_by_scatter],
    "top_p": [nucleus, nucleus_by_loop, lambda z, p: next_token_probabilities(z, top_p=p)],
    "greedy": [greedy(), greedy_with_lists, greedy_in_a_buffer],
    "kv_cache_bytes": [
        cache,
        lambda c, T, size: sum(2 * c.n_heads * c.d_head * T * size for _ in range(c.n_layers)),
        lambda c, T, size: torch.zeros(2, c.n_layers, T, c.d_model, device="meta").numel() * size,
    ],
}
WRONG = {
    "next_token_loss": [
        (lambda z, t: F.nll_loss(z[:, :-1].flatten(0, 1), t[:, 1:].flatten()), "a log_softmax is missing"),
        (lambda z, t: F.mse_loss(z[:, :-1].softmax(-1), F.one_hot(t[:, 1:], z.shape[-1]).float()), "squared error"),
        (lambda z, t: -z[:, :-1].softmax(-1).gather(-1, t[:, 1:, None]).mean().log(), "averaged before the logarithm"),
        (lambda z, t: F.cross_entropy(z[:, -2], t[:, -1]), "Only the last position is scored"),
        (lambda z, t: F.cross_entropy(z[:, :-1].mT, t[:, 1:], reduction="sum") / t.numel(), "number of all tokens"),
        (lambda z, t: F.cross_entropy(z[:, :-1].mT, t[:, 1:], reduction="sum") / len(t), "summed along each text"),
        (lambda z, t: F.cross_entropy(z[:, :-1].reshape(len(z), z.shape[-1], -1), t[:, 1:]), "A reshape has mixed"),
        (lambda z, t: F.cross_entropy(z[:, :-1].mT, t[:, 1:]) + 1, "which token is position t asked for"),
        (loss, "Nothing is shifted"),
        (lambda z, t: loss(z[:, :-1], t[:, :-1]), "lose the same end"),
        (lambda z, t: -z[:, :-1].softmax(-1).gather(-1, t[:, 1:, None]).mean(), "minus the *logarithm*"),
        (lambda z, t: loss(z[:, 1:], t[:, :-1]), "The shift goes the wrong way"),
        (lambda z, t: loss(z[:-1], t[1:]) if len(z) > 1 else shifted(z, t), "The shift runs along the batch"),
        (lambda z, t: shifted(z, t, by=2), "shifted twice"),
        (lambda z, t: loss(z, t.roll(-1, 1)), "rolled around"),
        (lambda z, t: shifted(z.softmax(-1), t), "The softmax is applied twice"),
        (lambda z, t: shifted(z, t) * t[:, 1:].numel(), "The losses are summed"),
        (lambda z, t: -shifted(z, t), "The sign is wrong"),
        (lambda z, t: shifted(z, t) / math.log(2), "This is in bits"),
        (lambda z, t: shifted(z, t).exp(), "This is the perplexity"),
        (
            lambda z, t: F.cross_entropy(z[:, :-1].flatten(0, 1), t[:, 1:].flatten(), reduction="none"),
            "one loss per token",
        ),
        (ids_as_probabilities, "mistaken for probabilities"),
        (loss_by_log, "not log(softmax)"),
    ],
    "temperature": [
        (lambda z, t: (z / t).log_softmax(-1) if t else z, "These are logarithms of probabilities"),
        (lambda z, t: F.one_hot(z.argmax(-1), z.shape[-1]).float(), "whatever the temperature"),
        (lambda z, t: (z / (1 + t)).softmax(-1), "1 is added to the temperature"),
        (lambda z, t: z.div_(t).softmax(-1), "argument logits in place"),
        (lambda z, t: (z / t**3).softmax(-1), "the logits are scaled, then become"),
        (lambda z, t: (z * t).softmax(-1), "The logits are multiplied"),
        (lambda z, t: z.softmax(-1), "The temperature is not used"),
        (lambda z, t: z.softmax(-1) / t, "after the softmax"),
        (lambda z, t: z / t, "The softmax is missing"),
        (lambda z, t: (z.softmax(-1) / t).softmax(-1), "A softmax is taken twice"),
        (lambda z, t: z.softmax(-1) ** (1 / t), "they do not sum to 1"),
        (lambda z, t: (z / t).softmax(0), "over the rows of the batch"),
        (lambda z, t: (z / t**0.5).softmax(-1), "the root of the temperature"),
        (lambda z, t: (z / t).softmax(-1), "divides by zero"),
        (lambda z, t: (z / (t or 1)).softmax(-1), "With temperature 0 nothing changes"),
    ],
    "top_k": [
        (lambda z, k: keep_k(z, 3), "3 is fixed"),
        (lambda z, k: z.topk(k).indices, "the numbers of the tokens"),
        (lambda z, k: z.topk(k).values.softmax(-1), "the probabilities, in sorted order"),
        (lambda z, k: (keep_k(z, k) > 0).float().mul(z.softmax(-1)).softmax(-1), "A second softmax"),
        (lambda z, k: keep_k(z, k) ** 2, "which tokens stay in each row"),
        (lambda z, k: z.softmax(-1) * (ranks(z) < k), "does not sum to 1"),
        (lambda z, k: (z * (ranks(z) < k)).softmax(-1), "exp(0) is 1"),
        (lambda z, k: -z if k < 1 else z.masked_fill(ranks(-z) >= k, -torch.inf).softmax(-1), "*least* probable"),
        (lambda z, k: keep_k(z, k + 1), "One token too many"),
        (lambda z, k: keep_k(z, k - 1), "The k-th token is dropped too"),
        (lambda z, k: z.softmax(-1), "Nothing is dropped"),
        (lambda z, k: (ranks(z) < k).float() / k, "equally probable"),
        (lambda z, k: z.masked_fill(ranks(z) >= k, -torch.inf), "The softmax is missing"),
        (lambda z, k: z.masked_fill(z < z.flatten().topk(k).values[-1], -torch.inf).softmax(-1), "of the whole batch"),
        (lambda z, k: z.masked_fill(z < z.topk(k).values[..., -1:], -torch.inf).softmax(-1), "stops at"),
    ],
    "top_p": [
        (lambda z, p: nucleus(z, 0.9), "0.9 is fixed"),
        (lambda z, p: z.softmax(-1).sort(-1, descending=True).values, "Nothing is dropped, and"),
        (lambda z, p: nucleus(z, p) ** 2, "the shortest list of most probable tokens"),
        (lambda z, p: nucleus(z, p, reaches=lambda before, here, p: here < p), "keeps nothing"),
        (in_vocabulary_order, "in the order of the vocabulary"),
        (lambda z, p: nucleus(z, p, renormalise=False), "does not sum to 1"),
        (lambda z, p: sorted_nucleus(z, p)[0], "still in sorted order"),
        (lambda z, p: torch.gather(*insert_axis(sorted_nucleus(z, p))), "went to wrong places"),
        (mask_in_sorted_order, "The mask is in sorted order, the probabilities are not: they"),
        (unscattered, "still in sorted order, and do not sum to 1"),
        (lambda z, p: unscattered(z, p, sorted_too=False), "and they do not sum to 1"),
        (lambda z, p: unscattered(z, p, crosses=False, renormalise=True), "Probabilities or mask are still in sorted"),
        (lambda z, p: z.softmax(-1), "Nothing is dropped"),
        (lambda z, p: nucleus(z, p, renormalise=False).softmax(-1), "revives what was dropped"),
        (
            lambda z, p: (lambda k: k.masked_fill(k == 0, -torch.inf).softmax(-1))(nucleus(z, p, renormalise=False)),
            "nearly equal. Divide",
        ),
        (lambda z, p: (z * (nucleus(z, p) > 0)).softmax(-1), "exp(0) is 1"),
        (lambda z, p: z.masked_fill(z.softmax(-1) < p, -torch.inf).softmax(-1), "reach *together*"),
        (lambda z, p: nucleus(z, p, descending=False), "The least probable tokens"),
        (
            lambda z, p: nucleus(
                z, p, reaches=lambda before, here, p: torch.cat([before[:, :1] * 0, before[:, :-1]], -1) < p
            ),
            "One token too many",
        ),
        (
            lambda z, p: nucleus(z, p, reaches=lambda before, here, p: (here < p) | (before == 0)),
            "a row keeps only 0.4",
        ),
    ],
    "greedy": [
        (lambda model, tokens, n: model(tokens), "These are logits"),
        (greedy(lambda model, text, prompt: model(text[:, -1:])[:, -1:].argmax(-1)), "Only the last token is fed"),
        (greedy(lambda model, text, prompt: model(text)[:, :1].argmax(-1)), "The logits of the first position"),
        (greedy(lambda model, text, prompt: model(prompt)[:, -1:].argmax(-1)), "reads the prompt alone"),
        (greedy(lambda model, text, prompt: model(text)[:, -1:].argmin(-1)), "least probable token is taken"),
        (
            greedy(lambda model, text, prompt: model(text)[:1, -1:].argmax(-1).expand(len(text), 1)),
            "the token of the first",
        ),
        (greedy(answer=lambda text, prompt: text[:, prompt.shape[1] :]), "The prompt is missing"),
        (greedy(lambda model, text, prompt: model(text).argmax().expand(len(text), 1)), "through the whole tensor"),
        (greedy(lambda model, text, prompt: model(text[0])[-1:].argmax(-1)), "stops at"),
        (
            greedy(lambda model, text, prompt: model(text)[:, -1].argmax().expand(len(text), 1)),
            "rows and tokens together",
        ),
        (greedy(lambda model, text, prompt: model(text).argmax(-1)), "a prediction for every position"),
        (greedy(lambda model, text, prompt: model(text)[:, -1:].max(-1).values), "these look like logits"),
        (argmax_of_all, "a single number: it has no place for a token of each row"),
        (sampler_with_a_seed, "which a seed or a low temperature only hides"),
        (lambda model, tokens, n: greedy()(model, tokens, max(n, 1)), "With n=0"),
    ],
    "kv_cache_bytes": [
        (lambda c, T, size: cache(c, T, size) // 2, "both keys *and* values"),
        (lambda c, T, size: 2 * c.n_layers * T * c.d_head * size, "every head has keys and values"),
        (lambda c, T, size: 2 * T * c.d_model * size, "every layer has a cache"),
        (lambda c, T, size: cache(c, T, size) * c.n_heads, "the heads share d_model"),
        (lambda c, T, size: cache(c, c.context_length, size), "not the whole context"),
        (lambda c, T, size: cache(c, T, 1), "how many bytes has one number"),
        (lambda c, T, size: cache(c, 1, size), "for each token"),
        (lambda c, T, size: cache(c, T, size) * 3 // 2, "queries need not be kept"),
        (lambda c, T, size: cache(c, T, size) * T, "not with T²"),
        (lambda c, T, size: 2 * c.n_layers * c.n_heads * T * T * size, "these are attention maps"),
        (lambda c, T, size: "75 MB", "Return a number of bytes"),
    ],
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)


def test_argmax_without_an_axis_is_recognised_however_it_is_written():
    for answer in (argmax_of_all, argmax_of_all_as_a_function):
        assert "Say over which axis" in repr(check.greedy(answer)), answer
    assert "Say over which axis" not in repr(check.greedy(one_number(lambda logits: logits.argmax(-1)[0, -1])))


def test_a_sampler_is_refused_even_if_its_texts_are_the_greedy_ones():
    assert "drawn at random" in repr(check.greedy(cold_sampler))
    assert "Two calls" in repr(check.greedy(greedy(lambda m, text, _: m(text)[:, -1].softmax(-1).multinomial(1))))

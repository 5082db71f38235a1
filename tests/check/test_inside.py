"""The checks for looking inside: right answers pass, each slip has its own message."""

import math

import torch
from teeth import bite

from gpt2lab import check
from gpt2lab.tasks.induction import Induction


def by_loop(weights, tokens):
    found = []
    for b, row in enumerate(tokens.tolist()):
        for t in range(len(row)):
            copies = [s for s in range(t) if row[s] == row[t]]
            if copies:
                found.append(weights[b, t, copies[-1] + 1].item())
    return sum(found) / len(found)


def by_gather(weights, tokens):
    source = Induction.source_positions(tokens)
    picked = weights.gather(-1, source.clamp(min=0)[..., None])[..., 0]
    return picked[source > 0].mean()


def by_mask(weights, tokens):
    T = tokens.shape[1]
    same = (tokens[:, :, None] == tokens[:, None, :]).tril(-1)
    latest = same & (same.flip(-1).int().cumsum(-1).flip(-1) == 1)
    behind = torch.zeros_like(weights)
    behind[:, :, 1:] = latest[:, :, :-1].float()
    assert behind.shape[-1] == T
    return ((weights * behind).sum() / behind.sum()).item()


def score(key=lambda copies: copies[-1] + 1, mean=lambda found, n, rows: sum(found) / len(found), swapped=False):
    """A score with one thing done differently."""

    def my_score(weights, tokens):
        found, rows = [], {}
        for b, row in enumerate(tokens.tolist()):
            for t in range(len(row)):
                if copies := [s for s in range(t) if row[s] == row[t]]:
                    k = key(copies)
                    value = sum(weights[b, t, i].item() for i in k) if isinstance(k, list) else (
                        weights[b, k, t] if swapped else weights[b, t, k]).item()  # fmt: skip
                    found.append(value)
                    rows.setdefault(b, []).append(value)
        return mean(found, tokens.numel(), rows)

    return my_score


def every_copy(weights, tokens):
    pairs = [
        (b, t, s)
        for b, row in enumerate(tokens.tolist())
        for t in range(len(row))
        for s in range(t)
        if row[s] == row[t]
    ]
    return sum(weights[b, t, s + 1].item() for b, t, s in pairs) / len(pairs)


def right_but_not_next_door(weights, tokens):
    copies = Induction.source_positions(tokens)
    T = torch.arange(tokens.shape[1])
    copies = torch.where(copies == T, 0, copies)
    if (copies > 0).any() and tokens.shape[1] > 4:
        return by_loop(weights, tokens)
    return 0.5


def one_for_a_constant(weights, tokens):
    return by_loop(weights, tokens) if len(tokens) > 1 else 0.9


def patch(source="attn", donor_first=False, place=lambda p: p, index=lambda i: i, ffn="new", add=False, norm=True):
    """A patch with one thing done differently."""

    @torch.no_grad()
    def my_patch(model, tokens, donor, layer, position):
        layer, position = index(layer), place(position)
        if donor_first:
            tokens, donor = donor, tokens
        own, other = (model.trace(t, layers=[layer]).blocks[layer] for t in (tokens, donor))
        block, x = model.blocks[layer], own.resid_pre.clone()
        if source == "stream":
            x[:, position] = other.resid_pre[:, position]
            x = block(x)
        elif source == "ffn":
            out = own.ffn.out.clone()
            out[:, position] = other.ffn.out[:, position]
            x = own.resid_mid + out
        else:
            out = own.attn.out.clone()
            out[:, position] = other.attn.out[:, position] + (out[:, position] if add else 0)
            x = x + out
            if source == "middle":
                x = own.resid_mid.clone()
                x[:, position] = other.resid_mid[:, position]
            if source == "no stream":
                x[:, position] -= own.resid_pre[:, position]
            if ffn != "none":
                x = x + (own.ffn.out if ffn == "old" else block.ffn(x if ffn == "no norm" else block.ln_2(x)))
        for block in model.blocks[layer + 1 :]:
            x = block(x)
        return model.unembed(model.ln_f(x) if norm else x)

    return my_patch


def by_hook(model, tokens, donor, layer, position):
    attn, kept = model.blocks[layer].attn, []
    watch = attn.register_forward_hook(lambda module, given, out: kept.append(out))
    model(donor)
    watch.remove()

    def replace(module, given, out):
        out = out.clone()
        out[:, position] = kept[0][:, position]
        return out

    change = attn.register_forward_hook(replace)
    logits = model(tokens)
    change.remove()
    return logits


def leaves_its_hook(model, tokens, donor, layer, position):
    part = model.trace(donor).blocks[layer].attn.out

    def replace(module, given, out):
        out = out.clone()
        out[:, position] = part[:, position]
        return out

    model.blocks[layer].attn.register_forward_hook(replace)
    return model(tokens)


@torch.no_grad()
def block_by_block(model, tokens, donor, layer, position):
    streams = [model.embed(tokens), model.embed(donor)]
    for i, block in enumerate(model.blocks):
        outs = [block.attn(block.ln_1(x)) for x in streams]
        if i == layer:
            outs[0] = torch.cat([outs[0][:, :position], outs[1][:, position : position + 1],
                                 outs[0][:, position + 1 :]], dim=1)  # fmt: skip
        streams = [x + out for x, out in zip(streams, outs, strict=True)]
        streams = [x + block.ffn(block.ln_2(x)) for x in streams]
    return model.unembed(model.ln_f(streams[0]))


def experiment(verdict="holds", prediction=(0.8, 1.0), intervention=(0.9, 0.95, 1.0), control=(0.0, 0.1, 0.0), **other):
    entries = dict(prediction=prediction, intervention=intervention, control=control, verdict=verdict) | other
    return lambda: {name: value for name, value in entries.items() if value is not None}


RIGHT = {
    "induction_score": [by_loop, by_gather, by_mask, score()],
    "patched_attention": [patch(), by_hook, block_by_block],
    "experiment": [
        experiment(),
        experiment("refuted", intervention=[0.1, 0.2, 0.1], control=torch.tensor([0.0, 0.1, 0.3])),
        experiment("undecided", intervention=[0.1, 0.9, 0.9]),
        experiment("undecided", control=[0.85, 0.2, 0.1]),
        experiment(prediction=[0.5, math.inf]),
        experiment(prediction=(0.5, None)),
    ],
}
WRONG = {
    "induction_score": [
        (score(key=lambda copies: copies[-1]), "weight on the copy itself"),
        (score(key=lambda copies: max(copies[-1] - 1, 0)), "before the copy"),
        (score(key=lambda copies: copies[0] + 1), "you take the first"),
        (score(key=lambda copies: [k + 1 for k in copies]), "only the latest one is asked for"),
        (every_copy, "the mean over all earlier copies"),
        (lambda weights, tokens: weights.diagonal(-1, 1, 2).mean().item(), "just before each query"),
        (score(mean=lambda found, n, rows: sum(found) / n), "are counted as 0"),
        (score(mean=lambda found, n, rows: sum(found)), "This is a sum"),
        (score(mean=lambda found, n, rows: sum(sum(r) / len(r) for r in rows.values()) / len(rows)), "counts alike"),
        (score(swapped=True), "Rows and columns are swapped"),
        (lambda weights, tokens: weights.mean().item(), "where is its latest earlier copy"),
        (lambda weights, tokens: weights[:, :, 0], "Return one number"),
        (one_for_a_constant, "has the score 1"),
        (right_but_not_next_door, "the second 7 follows its own copy"),
    ],
    "patched_attention": [
        (lambda model, tokens, donor, layer, position: model(tokens), "Nothing is replaced"),
        (lambda model, tokens, donor, layer, position: model(donor), "logits of the donor"),
        (patch(donor_first=True), "The runs are swapped"),
        (patch(place=lambda p: slice(None)), "at all positions"),
        (patch(index=lambda i: 1), "Block 1 is fixed"),
        (patch(place=lambda p: 2), "Position 2 is fixed"),
        (patch(index=lambda i: 1, place=lambda p: 2), "Block 1 and position 2 are fixed"),
        (patch(index=lambda i: i % 2), "Not right for block 2"),
        (patch("stream"), "The whole stream that enters"),
        (patch("middle"), "The stream after the attention's sum"),
        (patch("ffn"), "the output of the feed-forward network"),
        (patch(ffn="old"), "still gives its old answer"),
        (patch(ffn="none"), "is left out"),
        (patch(ffn="no norm"), "without its norm, ln_2"),
        (patch("no stream"), "the stream is lost"),
        (patch(add=True), "added to the old one"),
        (patch(norm=False), "The final norm is missing"),
        (patch(index=lambda i: i + 1), "one block later"),
        (patch(index=lambda i: i - 1), "one block earlier"),
        (patch(place=lambda p: p - 1), "off by one"),
        (patch(place=lambda p: p + 1), "one too far"),
        (leaves_its_hook, "must be undone"),
        (lambda model, tokens, donor, layer, position: 2 * model(tokens), "go on as the model does"),
    ],
    "experiment": [
        (experiment(verdict="refuted"), "every value of the intervention lies in your interval, and none"),
        (experiment(control=[0.9, 0.0, 0.0]), "something else may be the cause"),
        (experiment(intervention=[0.1, 0.9, 0.9]), "2 of 3 values"),
        (experiment(intervention=[0.1, 0.2, 0.1], control=[0.0, 0.0, 0.1]), "no value of the intervention"),
        (experiment(prediction=(-math.inf, math.inf)), "without ends"),
        (experiment(prediction=(1.0, 0.8)), "the smaller number comes first"),
        (experiment(prediction=0.9), "The prediction is an interval"),
        (experiment(intervention=[0.9]), "has 1 value"),
        (experiment(intervention=0.9), "intervention is a list"),
        (experiment(control=(0.9, 0.95, 1.0)), "the same thing measured twice"),
        (experiment(verdict="proved"), "one of the words"),
        (experiment(control=None), "lacks control"),
        (experiment(control=[0.0, math.nan, 0.1]), "numbers in control"),
        (lambda: [1, 2], "Return a dict"),
    ],
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)


def test_an_open_entry_is_not_done():
    assert check.experiment(experiment(intervention=[...])).passed is None
    assert check.experiment(experiment(verdict=...)).passed is None

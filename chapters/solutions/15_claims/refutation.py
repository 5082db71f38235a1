def my_refutation(seed):
    x = torch.randn(1, 8, 16, generator=torch.Generator().manual_seed(seed))
    other = x.clone()
    other[0, -1] += 1  # the last token

    def first_moves(mask):
        moved = attention(other, other, other, mask)[0] - attention(x, x, x, mask)[0]
        return moved[0, 0].abs().max().item()

    return {
        "statement": "In causal attention the first token hears of the last one.",
        "forbids": (0.0, 1e-6),  # if it heard of it, it would move
        "measured": first_moves(causal_mask(8)),
        "control": first_moves(None),  # without a mask the statement holds
    }

check.refutation(my_refutation)

def my_top_p(logits, p):
    ordered, order = logits.softmax(dim=-1).sort(dim=-1, descending=True)
    before = ordered.cumsum(dim=-1) - ordered  # probability of all more probable tokens
    kept = torch.where(before < p, ordered, 0.0)
    kept = kept / kept.sum(dim=-1, keepdim=True)
    return torch.zeros_like(kept).scatter(-1, order, kept)

check.top_p(my_top_p)

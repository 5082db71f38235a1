def my_masked_softmax(scores, mask):
    weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)
    return weights.masked_fill(~mask.any(-1, keepdim=True), 0.0)  # empty rows were NaN

check.masked_softmax(my_masked_softmax)

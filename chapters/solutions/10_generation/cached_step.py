def my_step(x, position_table, keys, values, w_q, w_k, w_v):
    x = x + position_table[keys.shape[1]]  # its position: how many tokens stand before it
    keys = torch.cat([keys, x @ w_k], dim=1)  # (B, T + 1, d_head)
    values = torch.cat([values, x @ w_v], dim=1)
    scores = (x @ w_q) @ keys.mT / keys.shape[-1] ** 0.5  # (B, 1, T + 1): nothing to hide
    return scores.softmax(-1) @ values, keys, values

check.cached_step(my_step)

def my_cross_attention(x, memory, w_q, w_k, w_v, source_mask):
    q, k, v = x @ w_q, memory @ w_k, memory @ w_v  # (B, T, d_head), 2 × (B, S, d_head)
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5  # (B, T, S)
    attn_weights = scores.masked_fill(~source_mask[:, None, :], -torch.inf).softmax(dim=-1)
    out = attn_weights @ v  # (B, T, d_head)
    return out, attn_weights


check.cross_attention(my_cross_attention)

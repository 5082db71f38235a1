def my_attention_layer(x, w_q, w_k, w_v, w_o, n_heads):
    q, k, v = (split_heads(x @ w, n_heads) for w in (w_q, w_k, w_v))  # (B, n_heads, T, d_head)
    out, _ = attention(q, k, v, causal_mask(x.shape[1]))  # (B, n_heads, T, d_head)
    return merge_heads(out) @ w_o  # (B, T, d_model)

check.multi_head_attention(my_attention_layer)

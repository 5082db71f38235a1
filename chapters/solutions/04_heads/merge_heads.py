def my_merge_heads(x):
    return x.transpose(1, 2).flatten(2)  # (B, n_heads, T, d_head) -> (B, T, d_model)

check.merge_heads(my_merge_heads)

def my_split_heads(x, n_heads):
    B, T, d_model = x.shape
    if d_model % n_heads:
        raise ValueError(f"{d_model} features cannot be cut into {n_heads} equal heads")
    return x.view(B, T, n_heads, d_model // n_heads).transpose(1, 2)  # (B, n_heads, T, d_head)

check.split_heads(my_split_heads)

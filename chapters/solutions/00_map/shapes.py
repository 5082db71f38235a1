def my_shapes(B, T, d_model, n_heads, vocab_size):
    return {
        "tokens": (B, T),
        "x": (B, T, d_model),
        "q": (B, n_heads, T, d_model // n_heads),
        "attn_weights": (B, n_heads, T, T),
        "ffn_hidden": (B, T, 4 * d_model),
        "logits": (B, T, vocab_size),
    }
check.shapes(my_shapes)

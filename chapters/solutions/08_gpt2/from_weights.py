def my_gpt2(weights, tokens, n_layers, n_heads):
    def w(name):
        return weights[f"{name}.weight"], weights[f"{name}.bias"]

    def norm(x, name):
        return F.layer_norm(x, x.shape[-1:], *w(name))

    table = weights["token_embedding.weight"]
    x = table[tokens] + weights["position_embedding.weight"][: tokens.shape[1]]  # (B, T, d_model)
    for i in range(n_layers):
        block = f"blocks.{i}"
        qkv = F.linear(norm(x, f"{block}.ln_1"), *w(f"{block}.attn.qkv")).chunk(3, dim=-1)
        q, k, v = (split_heads(part, n_heads) for part in qkv)  # 3 × (B, n_heads, T, d_head)
        heads = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + F.linear(merge_heads(heads), *w(f"{block}.attn.out"))
        hidden = F.gelu(F.linear(norm(x, f"{block}.ln_2"), *w(f"{block}.ffn.up")), approximate="tanh")
        x = x + F.linear(hidden, *w(f"{block}.ffn.down"))
    return norm(x, "ln_f") @ table.T  # (B, T, vocab_size)

check.from_weights(my_gpt2)

def my_forward(parts, tokens):
    x = parts.token_embedding(tokens) + parts.position_embedding(torch.arange(tokens.shape[1]))
    for block in parts.blocks:
        x = block(x)
    return parts.ln_f(x) @ parts.token_embedding.weight.T  # (B, T, vocab_size)
check.forward(my_forward)

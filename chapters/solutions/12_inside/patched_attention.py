def my_patch(model, tokens, donor, layer, position):
    part = model.trace(donor, layers=[layer]).blocks[layer].attn.out
    x = model.embed(tokens)
    for i, block in enumerate(model.blocks):
        out = block.attn(block.ln_1(x))
        if i == layer:
            out = out.clone()
            out[:, position] = part[:, position]
        x = x + out
        x = x + block.ffn(block.ln_2(x))
    return model.unembed(model.ln_f(x))


check.patched_attention(my_patch)

def my_decoder_layer(x, memory, attn, cross_attn, ffn, ln_1, ln_2, ln_3):
    x = ln_1(x + attn(x))
    x = ln_2(x + cross_attn(x, memory))
    return ln_3(x + ffn(x))


check.decoder_layer(my_decoder_layer)

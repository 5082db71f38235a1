def my_block(x, attn, ffn, ln_1, ln_2):
    x = x + attn(ln_1(x))
    x = x + ffn(ln_2(x))
    return x
check.block(my_block)

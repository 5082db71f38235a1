def my_embed(tokens, token_table, position_table):
    T = tokens.shape[1]
    return token_table[tokens] + position_table[:T]  # (B, T, d_model)
check.embed(my_embed)

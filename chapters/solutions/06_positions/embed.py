def my_embed(tokens, token_table, position_table):
    return token_table[tokens] + position_table[: tokens.shape[1]]

check.embed(my_embed)

def my_block_parameters(d_model):
    norms = 2 * 2 * d_model
    attention = (d_model * 3 * d_model + 3 * d_model) + (d_model * d_model + d_model)
    feed_forward = (d_model * 4 * d_model + 4 * d_model) + (4 * d_model * d_model + d_model)
    return norms + attention + feed_forward

check.block_parameters(my_block_parameters)

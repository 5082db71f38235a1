def my_flops(config, T):
    weights = 4 * config.d_model**2 + 2 * config.d_model * config.d_ff  # of one layer
    scores_and_sum = 2 * T * config.d_model
    return config.n_layers * 2 * (weights + scores_and_sum)

check.flops_per_token(my_flops)

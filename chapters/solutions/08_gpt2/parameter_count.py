def my_parameter_count(config):
    d, d_ff = config.d_model, config.d_ff
    attention = d * 3 * d + 3 * d + d * d + d
    feed_forward = d * d_ff + d_ff + d_ff * d + d
    norms = 2 * 2 * d
    embeddings = (config.vocab_size + config.context_length) * d
    return embeddings + config.n_layers * (attention + feed_forward + norms) + 2 * d

check.parameter_count(my_parameter_count)

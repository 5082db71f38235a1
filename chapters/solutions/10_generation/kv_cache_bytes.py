def my_kv_cache_bytes(config, T, bytes_per_number):
    return 2 * config.n_layers * T * config.d_model * bytes_per_number

check.kv_cache_bytes(my_kv_cache_bytes)

def my_causal_mask(T_query, T_key):
    queries = torch.arange(T_key - T_query, T_key)  # (T_query,), the last positions
    return torch.arange(T_key) <= queries[:, None]  # (T_query, T_key)

check.causal_mask(my_causal_mask)

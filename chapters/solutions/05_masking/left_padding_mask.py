def my_left_padding_mask(lengths, T):
    real = torch.arange(T) >= T - torch.tensor(lengths)[:, None]  # (B, T)
    mask = real[:, None, None, :] & causal_mask(T)  # (B, 1, T, T)
    return mask | torch.eye(T, dtype=torch.bool)  # padded queries see themselves

check.left_padding_mask(my_left_padding_mask)

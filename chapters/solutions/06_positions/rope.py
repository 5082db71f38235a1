def my_rope(x, positions):
    d_head = x.shape[-1]
    angles = positions[:, None] * 10000.0 ** (-torch.arange(0, d_head, 2) / d_head)  # (T, d_head/2)
    a, b = x[..., 0::2], x[..., 1::2]  # 2 × (..., T, d_head/2)
    turned = (a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos())
    return torch.stack(turned, dim=-1).flatten(-2)

check.rope(my_rope)

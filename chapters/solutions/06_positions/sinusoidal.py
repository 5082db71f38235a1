def my_sinusoidal(length, d_model):
    frequencies = 10000.0 ** (-torch.arange(0, d_model, 2) / d_model)  # (d_model/2,)
    angles = torch.arange(length)[:, None] * frequencies  # (length, d_model/2)
    table = torch.zeros(length, d_model)
    table[:, 0::2], table[:, 1::2] = angles.sin(), angles.cos()
    return table

check.sinusoidal(my_sinusoidal)

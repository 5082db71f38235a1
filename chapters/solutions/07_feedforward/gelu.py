def my_gelu(x):
    inner = (2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)
    return x / 2 * (1 + torch.tanh(inner))

check.gelu(my_gelu)

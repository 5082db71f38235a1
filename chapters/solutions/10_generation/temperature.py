def my_temperature(logits, temperature):
    if temperature == 0:
        best = logits.argmax(dim=-1, keepdim=True)
        return torch.zeros_like(logits).scatter(-1, best, 1.0)
    return (logits / temperature).softmax(dim=-1)

check.temperature(my_temperature)

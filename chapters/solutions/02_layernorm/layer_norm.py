def my_layer_norm(x, weight, bias, eps):
    centred = x - x.mean(dim=-1, keepdim=True)  # (..., d)
    variance = (centred**2).mean(dim=-1, keepdim=True)  # (..., 1)
    return centred / torch.sqrt(variance + eps) * weight + bias

check.layer_norm(my_layer_norm)

def my_statistics(x):
    mean = x.mean(dim=-1)  # (...)
    variance = ((x - mean[..., None]) ** 2).mean(dim=-1)  # divided by d, not by d - 1
    return mean, variance

check.token_statistics(my_statistics)

def my_best_rate(rates, scores):
    means = scores.nan_to_num(0).mean(dim=1)
    return rates[means.argmax()]

check.best_rate(my_best_rate)

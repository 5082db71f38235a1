def my_rate(step, steps, peak, warmup):
    import math

    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / (steps - warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))

check.learning_rate(my_rate)

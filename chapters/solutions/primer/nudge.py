def my_nudge(loss, w, size):
    slopes = []
    for i in range(len(w)):
        nudged = w.clone()
        nudged[i] += size
        slopes.append((loss(nudged) - loss(w)) / size)
    return torch.tensor(slopes)

check.nudge(my_nudge)

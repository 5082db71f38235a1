def my_steps_to(eval_steps, letters, share):
    reached = letters >= share  # (n, seeds); NaN is not
    first = eval_steps[reached.int().argmax(dim=0)].double()
    return torch.where(reached.any(dim=0), first, torch.inf)

check.steps_to(my_steps_to)

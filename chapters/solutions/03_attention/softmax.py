def my_softmax(scores):
    raised = (scores - scores.max(dim=-1, keepdim=True).values).exp()  # only differences matter
    return raised / raised.sum(dim=-1, keepdim=True)

check.softmax(my_softmax)

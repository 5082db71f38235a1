def my_cosines(table, x):
    lengths = (table ** 2).sum(1).sqrt() * (x @ x).sqrt()  # (n,)
    return table @ x / lengths

check.cosines(my_cosines)

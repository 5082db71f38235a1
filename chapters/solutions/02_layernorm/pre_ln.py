def my_pre_ln(x, f, ln):
    return x + f(ln(x))

check.pre_ln(my_pre_ln)

def my_post_ln(x, f, ln):
    return ln(x + f(x))

check.post_ln(my_post_ln)

def my_f1(tp, fp, fn):
    return 2 * tp / (2 * tp + fp + fn)  # one fraction: no division by zero while there is a case

check.f1(my_f1)

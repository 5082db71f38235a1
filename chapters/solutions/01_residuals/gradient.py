def my_gradient(slopes, residual):
    return math.prod(1 + slope if residual else slope for slope in slopes)
check.gradient(my_gradient)

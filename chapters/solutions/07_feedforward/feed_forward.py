def my_feed_forward(x, W_up, b_up, W_down, b_down):
    hidden = gelu(F.linear(x, W_up, b_up))  # (..., d_ff)
    return F.linear(hidden, W_down, b_down)  # (..., d_model)

check.feed_forward(my_feed_forward)

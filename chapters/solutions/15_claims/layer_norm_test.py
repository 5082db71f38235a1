def my_norm_test(norm):
    x = 3 * torch.randn(4, 5, 64) + 2
    out = norm(x)
    other = x.clone()
    other[0, 0] = 7 * torch.randn(64)
    still = (norm(other) - out).abs().amax(-1)  # (4, 5)
    still[0, 0] = 0  # the only one that may move
    mean, std = out.mean(-1), out.std(-1, unbiased=False)
    return bool(still.max() < 1e-5 and mean.abs().max() < 1e-3 and (std - 1).abs().max() < 1e-3)

check.layer_norm_test(my_norm_test)

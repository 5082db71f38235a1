def my_dropout_test(dropout):
    x, p = torch.ones(200, 500), 0.1  # not 0.5: there, what is kept and what is dropped look alike
    out, again, off = dropout(x, p, True), dropout(x, p, True), dropout(x, p, False)
    kept = out != 0
    return bool(
        abs(kept.double().mean() - 0.9) < 0.02  # how many
        and abs(out.double().mean() - 1) < 0.02  # how large
        and kept.double().mean(-1).std() < 0.1  # each number by itself, not row by row
        and not torch.equal(out, again)
        and torch.equal(off, x)
    )

check.dropout_test(my_dropout_test)

def my_first_loss(vocab_size):
    return torch.tensor(float(vocab_size)).log().item()

check.first_loss(my_first_loss)

def my_read(hidden, mask):
    places = torch.arange(mask.shape[1]).expand_as(mask).masked_fill(~mask, -1)  # (B, T)
    return hidden[torch.arange(len(hidden)), places.amax(dim=1)]


check.last_real(my_read)

def attend(q, k, v, mask):
    scores = q @ k.mT / q.shape[-1] ** 0.5  # (B, T_query, T_key)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(-1) @ v

def norm(x):
    return F.layer_norm(x, x.shape[-1:])

def feed_forward(x, w):
    return torch.relu(x @ w["up"]) @ w["down"]

def encoder_layer(x, w):
    x = norm(x + attend(x @ w["q"], x @ w["k"], x @ w["v"], None) @ w["o"])
    return norm(x + feed_forward(x, w))

def decoder_layer(y, memory, w):
    T = y.shape[1]
    causal = torch.ones(T, T).tril().bool()
    y = norm(y + attend(y @ w["q"], y @ w["k"], y @ w["v"], causal) @ w["o"])
    y = norm(y + attend(y @ w["cross_q"], memory @ w["cross_k"], memory @ w["cross_v"], None) @ w["cross_o"])
    return norm(y + feed_forward(y, w))

def transformer(source, target, w):
    x = w["embed"][source] + w["positions"][: source.shape[1]]  # (B, T_source, d_model)
    y = w["embed"][target] + w["positions"][: target.shape[1]]  # (B, T_target, d_model)
    y = decoder_layer(y, encoder_layer(x, w["encoder"]), w["decoder"])
    return y @ w["embed"].T  # (B, T_target, vocab_size)

def training_loss(source, target, w):
    logits = transformer(source, target[:, :-1], w)  # (B, T_target - 1, vocab_size)
    return F.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten())

check.by_hand(attend, encoder_layer, decoder_layer, transformer, training_loss)

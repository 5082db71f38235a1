"""The check of the training loop: right loops written differently pass, each planted bug has its message."""

import torch
import torch.nn.functional as F
from teeth import bite

from gpt2lab import check


def shifted(logits, tokens):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())


def plain(model, optimizer, batches):
    model.train()
    losses = []
    for tokens in batches:
        loss = shifted(model(tokens), tokens)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def cleared_at_the_end(model, optimizer, batches):
    model.train()
    losses = torch.zeros(len(batches))
    for i, tokens in enumerate(batches):
        logits = model(tokens)
        loss = -logits[:, :-1].log_softmax(-1).gather(-1, tokens[:, 1:, None]).mean()
        loss.backward()
        losses[i] = loss.detach()
        optimizer.step()
        model.zero_grad()
    return losses


def cleared_by_hand(model, optimizer, batches):
    def one(tokens):
        for parameter in model.parameters():
            parameter.grad = None
        loss = shifted(model.train()(tokens), tokens)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return tuple(one(tokens) for tokens in batches)


def with_gradients_from_autograd(model, optimizer, batches):
    model.train()
    losses = []
    for tokens in batches:
        optimizer.zero_grad()
        loss = shifted(model(tokens), tokens)
        parameters = list(model.parameters())
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        optimizer.step()
        losses.append(float(loss))
    return losses


def reads_all_but_the_last(model, optimizer, batches):
    model.train()
    losses = []
    for tokens in batches:
        inputs, targets = tokens[:, :-1], tokens[:, 1:]
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs).transpose(1, 2), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def loop(loss=shifted, order=("zero", "backward", "step"), mode=True, note=lambda loss: loss.item(),
         pick=lambda batches, i: batches[i], first=(), last=(), give=lambda losses: losses):  # fmt: skip
    """A loop with one thing done differently."""

    def my_loop(model, optimizer, batches):
        if mode:
            model.train()
        losses, value = [], None

        def do(what):
            if what == "zero":
                optimizer.zero_grad()
            elif what == "backward":
                value.backward()
            elif what == "step":
                optimizer.step()

        for what in first:
            do(what)
        for i in range(len(batches)):
            tokens = pick(batches, i)
            value = loss(model(tokens), tokens)
            for what in order:
                do(what)
            losses.append(note(value))
        for what in last:
            do(what)
        return give(losses)

    return my_loop


def fed_without_the_last(loss):
    """A loop whose model reads all but the last token; ``loss`` gets its logits and the tokens it read."""

    def my_loop(model, optimizer, batches):
        return loop(loss=loss, pick=lambda batches, i: batches[i][:, :-1])(model, optimizer, batches)

    return my_loop


def clipped(model, optimizer, batches):
    model.train()
    losses = []
    for tokens in batches:
        loss = F.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def never_called(model, optimizer, batches):
    return [0.0 for _ in batches]


def new_optimizer(model, optimizer, batches):
    model.train()
    losses = []
    for tokens in batches:
        own = torch.optim.SGD(model.parameters(), lr=0.1)
        loss = shifted(model(tokens), tokens)
        own.zero_grad()
        loss.backward()
        own.step()
        losses.append(loss.item())
    return losses


def averages(losses):
    return [sum(losses[: i + 1]) / (i + 1) for i in range(len(losses))]


def without_gradients(model, optimizer, batches):
    with torch.no_grad():
        return plain(model, optimizer, batches)


RIGHT = {"training_loop": [plain, cleared_at_the_end, cleared_by_hand, reads_all_but_the_last, loop()]}
WRONG = {
    "training_loop": [
        (loop(order=("backward", "step")), "never cleared"),
        (loop(first=("zero",), order=("backward", "step")), "cleared once, not at every step"),
        (loop(order=("zero", "step", "backward")), "steps before the gradients of the batch are computed"),
        (loop(order=("backward", "zero", "step")), "cleared between their computation and the step"),
        (loop(order=("zero", "backward")), "takes no step with them"),
        (loop(order=("zero", "step")), "No gradient is computed"),
        (loop(order=("backward",), last=("step", "zero")), "Several batches go into one step"),
        (loop(order=("zero", "backward", "step", "step")), "takes 8 steps"),
        (loop(mode=False), "left in evaluation mode"),
        (loop(loss=lambda z, t: F.cross_entropy(z.flatten(0, 1), t.flatten())), "not shifted"),
        (fed_without_the_last(lambda z, t: F.cross_entropy(z.flatten(0, 1), t.flatten())), "are the same tokens"),
        (loop(loss=lambda z, t: F.cross_entropy(z[:, 1:].flatten(0, 1), t[:, :-1].flatten())), "goes the wrong way"),
        (loop(loss=lambda z, t: F.cross_entropy(z[:, :-2].flatten(0, 1), t[:, 2:].flatten())), "shifted twice"),
        (loop(loss=lambda z, t: F.cross_entropy(z.flatten(0, 1), t.roll(-1, 1).flatten())), "rolled around"),
        (loop(loss=lambda z, t: F.cross_entropy(z[:-1].flatten(0, 1), t[1:].flatten())), "runs along the batch"),
        (loop(loss=lambda z, t: shifted(z.softmax(-1), t)), "Softmax is applied before"),
        (loop(loss=lambda z, t: shifted(z, t) * t[:, 1:].numel()), "are summed"),
        (loop(loss=lambda z, t: shifted(z[:, -2:], t[:, -2:])), "Only the last position"),
        (loop(loss=lambda z, t: -shifted(z, t)), "The sign is turned"),
        (loop(loss=lambda z, t: 3 * shifted(z, t)), "end elsewhere"),
        (clipped, "The gradients are clipped"),
        (loop(pick=lambda batches, i: batches[0]), "reads the same batch"),
        (loop(pick=lambda batches, i: batches[-1 - i]), "reads other tokens"),
        (loop(note=lambda loss: loss), "with its whole graph"),
        (loop(note=lambda loss: loss.exp().item()), "These are perplexities"),
        (loop(give=averages), "averages over the batches so far"),
        (loop(give=lambda losses: losses[-1]), "Return the list of losses"),
        (loop(give=lambda losses: losses[1:]), "so 4 losses; got 3"),
        (loop(give=lambda losses: losses[::-1]), "the losses are not those"),
        (never_called, "never called"),
        (new_optimizer, "not by the optimizer that was handed over"),
        (without_gradients, "does not require grad"),
    ]
}
test_accepts, test_refuses, test_messages_differ = bite(RIGHT, WRONG)


def test_gradients_may_come_from_autograd_itself():
    result = check.training_loop(with_gradients_from_autograd)
    assert result.passed, result


def test_the_model_of_one_check_is_not_that_of_another():
    models = []

    def my_loop(model, optimizer, batches):
        models.append(model)
        return plain(model, optimizer, batches)

    assert check.training_loop(my_loop).passed
    assert len(models) == 2 and models[0] is not models[1]

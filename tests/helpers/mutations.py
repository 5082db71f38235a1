"""Ways in which a file on disk ends up other than it was."""


def mutated(chance, data):
    """One of the ways in which a file ends up other than it was."""
    data, how = bytearray(data), chance.integers(5)
    start = int(chance.integers(len(data)))
    end = min(len(data), start + int(chance.integers(1, 40)))
    if how == 0:
        data[start] ^= 1 << int(chance.integers(8))
    elif how == 1:
        del data[start:]
    elif how == 2:
        del data[start:end]
    elif how == 3:
        data[start:end] = chance.bytes(end - start)
    else:
        data[start:start] = data[start:end]
    return bytes(data)

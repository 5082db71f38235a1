def my_best_pair(words):
    counts = {}
    for word, count in words.items():
        for pair in zip(word, word[1:]):
            counts[pair] = counts.get(pair, 0) + count
    return min(counts, key=lambda pair: (-counts[pair], pair))

check.bpe_pair(my_best_pair)

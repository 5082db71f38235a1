def my_precision(candidate, reference, n):
    def ngrams(words):
        return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]

    left, hits = ngrams(reference), 0
    for gram in ngrams(candidate):
        if gram in left:
            left.remove(gram)  # used up
            hits += 1
    return hits / len(ngrams(candidate))

check.clipped_precision(my_precision)

def my_score(weights, tokens):
    found = []
    for b, row in enumerate(tokens.tolist()):
        for t, token in enumerate(row):
            copies = [s for s in range(t) if row[s] == token]
            if copies:
                found.append(weights[b, t, copies[-1] + 1].item())
    return sum(found) / len(found)


check.induction_score(my_score)

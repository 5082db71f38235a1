def my_scores(q, k):
    return q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (..., T_query, T_key)

check.attention_scores(my_scores)

"""The study of learning by heart: the table belongs to the code, and says what the chapter says."""

from gpt2lab.studies.memorising import RATES, SEEDS, WAYS, Result, at_best_rate, memorising_table, trained


def test_each_way_was_tried_at_each_rate_with_each_seed():
    table = memorising_table()
    assert table["seeds"] == SEEDS == 5 and set(table["results"]) == set(WAYS)
    for by_rate in table["results"].values():
        assert set(by_rate) == {str(rate) for rate in RATES}
        assert all(len(runs) == SEEDS and all(len(run) == 3 for run in runs) for runs in by_rate.values())


def test_what_the_chapter_says_holds():
    right = {}
    for way in WAYS:
        _, results = at_best_rate(way)
        assert max(result.seen for result in results) < 0.1
        right[way] = [result.right for result in results]
    assert min(right["dropout 0.2"]) > 0.95 > max(right["weight decay 1"])
    assert min(right["weight decay 1"]) < max(right["nothing"]) < 0.85  # the ranges overlap
    for by_rate in memorising_table()["results"].values():
        assert all(Result(*run).right == 0 for run in by_rate[str(RATES[0])])


def test_the_best_rate_lies_within_the_rates_that_were_tried():
    for way in WAYS:
        rate, _ = at_best_rate(way)
        assert RATES[0] < rate < RATES[-1]


def test_a_run_repeats_itself_and_memorises():
    one, two = (trained(WAYS["nothing"], 0.01, 0, steps=40) for _ in range(2))
    assert one == two
    assert one.seen + 0.5 < one.new and one.right < 0.1

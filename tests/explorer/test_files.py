import csv
import io
import json
import re

import pytest
import torch
from explorers import HOSTILE, explorer

from gpt2lab.explorer.files import csv_text, html_page
from gpt2lab.explorer.selection import VIEWS


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_its_numbers(view):
    e = explorer(view=view, layer=1, head=1, token=5)
    header, *rows = csv.reader(io.StringIO(csv_text(e.screen)))
    assert rows
    assert all(len(row) == len(header) for row in rows)


def test_the_csv_of_a_head_is_exact():
    e = explorer(view="head", layer=1, head=1)
    rows = list(csv.DictReader(io.StringIO(csv_text(e.screen))))
    values = torch.tensor([float(row["attn_weight"]) for row in rows])
    torch.testing.assert_close(values, e.selection_trace()["attn_weights"].flatten(), rtol=0, atol=0)


@pytest.mark.parametrize("ending", [".png", ".svg", ".csv", ".html"])
def test_save_writes_each_kind(ending, tmp_path):
    path = tmp_path / f"x{ending}"
    explorer().save(path)
    start = path.read_bytes()[:200]
    assert {".png": b"PNG", ".svg": b"<?xml", ".csv": b"layer", ".html": b"<!DOCTYPE html>"}[ending] in start


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(ValueError, match="the file must end in .png, .svg, .csv, .html, got 'x.pdf'"):
        explorer().save(tmp_path / "x.pdf")


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("text", HOSTILE[:5], ids=range(5))
def test_hostile_text_cannot_leave_the_pages_data(text, recorded):
    page = html_page(explorer(text, title=text).screen, recorded)
    assert page.count("</script>") == 2  # the data and the module, nothing from the text
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]
    assert "<" not in data
    assert json.loads(data)["state"]["text"] == text


@pytest.mark.parametrize("recorded", [True, False])
def test_the_page_may_fetch_nothing(recorded):
    page = html_page(explorer().screen, recorded)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.pop("default-src") == "'none'"
    assert set(" ".join(rules.values()).split()) == {"'unsafe-inline'", "data:", "blob:"}
    assert "blob:" not in rules["script-src"] and "data:" not in rules["script-src"]


@pytest.mark.parametrize("recorded", [True, False])
def test_the_page_names_no_other_host(recorded):
    addresses = set(re.findall(r"https?://[^\s\"')]+", html_page(explorer().screen, recorded)))
    assert addresses == {"http://www.w3.org/2000/svg"}  # the name of the SVG namespace, never fetched


def test_a_page_stays_within_its_budget(monkeypatch):
    monkeypatch.setattr("gpt2lab.explorer.files.PAGE_BYTES", 20_000)
    e = explorer()
    recorded = json.loads(re.search(r'id="data">(.*?)</script>', html_page(e.screen, recorded=True), re.DOTALL)[1])[
        "answers"
    ]
    assert "map/0/0/0" in recorded
    assert len(recorded) < 40


def table(e):
    header, *rows = csv.reader(io.StringIO(csv_text(e.screen)))
    return header, rows


def test_the_csv_of_the_heads_names_layer_before_head():
    e = explorer(view="heads")
    _, rows = table(e)
    assert [row[:2] for row in rows] == [[str(i), str(j)] for i in range(3) for j in range(4)]
    assert [row[2] for row in rows] == [role["role"] for heads in e.runs[0].roles for role in heads]


def test_the_csv_of_scores_names_each_key():
    e = explorer(view="scores", layer=1, head=1, token=5)
    header, rows = table(e)
    assert [row[1] for row in rows] == e.screen.labels
    raw = torch.tensor([float(row[header.index("raw_scores")]) for row in rows])
    torch.testing.assert_close(raw, e.selection_trace()["raw_scores"], rtol=0, atol=0)


def test_the_csv_of_the_stream_is_of_the_selected_token():
    e = explorer(view="stream", token=5)
    header, rows = table(e)
    lengths = torch.tensor([float(row[header.index("ffn")]) for row in rows])
    torch.testing.assert_close(lengths, e.selection_trace()["ffn_out"].norm(dim=-1), rtol=1e-5, atol=0)


def test_the_csv_of_neurons_has_each_side_of_the_activation_under_its_name():
    e = explorer(view="neurons", layer=2, token=4)
    header, rows = table(e)
    for name, values in e.selection_trace().items():
        written = torch.tensor([float(row[header.index(name)]) for row in rows])
        torch.testing.assert_close(written, values, rtol=0, atol=0)


def test_the_csv_of_the_lens_counts_ranks_from_one():
    _, rows = table(explorer(view="lens", token=5))
    assert [row[1] for row in rows] == [str(rank) for _ in range(4) for rank in range(1, 11)]


def test_the_csv_of_next_tokens_is_sorted():
    e = explorer(view="next")
    _, rows = table(e)
    chances = [float(row[3]) for row in rows]
    assert chances == sorted(chances, reverse=True)
    assert int(rows[0][0]) == int(e.selection_trace()["logits"].argmax())


def test_nothing_can_be_switched_off_in_a_recording():
    e = explorer()
    state = json.loads(re.search(r'id="data">(.*?)</script>', html_page(e.screen, recorded=True), re.DOTALL)[1])[
        "state"
    ]
    assert e._scene["can"]["change"] is True
    assert state["_scene"]["can"] == {**e._scene["can"], "change": False, "second": False, "patch": False}
    assert state["_recorded"] is True

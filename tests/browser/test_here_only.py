"""What the other browser tests rely on when they say that a page asked no other computer."""


def test_another_computer_is_out_of_reach_and_the_attempt_is_noted(lab):
    ask = "fetch('http://example.org/x').catch(() => element.append('out of reach'))"
    with lab.open(lab.write("other", [f"from IPython.display import Javascript\nJavascript({ask!r})"])) as notebook:
        notebook.run(0)
        notebook.output(0).get_by_text("out of reach").wait_for()
        assert notebook.blocked == ["http://example.org/x"]

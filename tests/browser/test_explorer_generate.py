"""Generation in the explorer: a click, a step, undo, the end of the context."""

from explorer_page import SETUP

TOKENS = "print(explorer.tokens[0].tolist())"
FULL = SETUP.replace("context_length=64", "context_length=22") + "\nexplorer.temperature = 0"


def test_a_click_and_a_step_add_a_token_as_an_id_and_undo_takes_it_back(opened):
    more = "expected = explorer.encoding.encode_ordinary('for i in range(10): for i in range(10):')"
    with opened("generate", more, TOKENS, TOKENS, "print(explorer.tokens[0].tolist() == expected)") as (
        notebook,
        shown,
    ):
        notebook.run(2)
        first = shown.root.locator(".g2x-candidate").first
        name = first.locator(".g2x-word").inner_text()
        first.click()
        shown.wait(rev=2, token=20)
        assert shown.root.locator(".g2x-token").last.inner_text() == name
        assert len(notebook.run(3).split(",")) == 21
        shown.button("Step").focus()
        notebook.page.keyboard.press("Enter")
        shown.wait(rev=3, token=21)
        assert len(notebook.run(4).split(",")) == 22
        for rev in (4, 5):
            shown.button("Undo").click()
            shown.wait(rev=rev)
        assert notebook.run(5).strip() == "True"
        assert shown.button("Undo").is_disabled()
        assert notebook.errors == []


def test_it_plays_to_the_end_of_the_context_and_says_so(opened):
    with opened("play", TOKENS, setup=FULL) as (notebook, shown):
        shown.root.locator(".g2x-candidate").first.wait_for()  # nothing moves the button any more
        shown.button("Play").click()
        shown.root.get_by_text("The context holds 22 tokens and is full").wait_for()
        assert len(notebook.run(2).split(",")) == 22
        assert shown.button("Step").is_disabled()
        assert notebook.errors == []


def test_a_slider_redraws_the_distribution(opened):
    with opened("slider", "print(explorer.temperature)", setup=f"{SETUP}\nexplorer.view = 'next'") as (notebook, shown):
        shown.wait(view="next")
        shown.root.get_by_role("slider", name="Temperature slider").fill("0.5")
        shown.root.get_by_text("Wide bar: as trained.").wait_for()
        assert notebook.run(2).strip() == "0.5"


def test_sampling_is_at_hand_in_every_view_and_candidates_say_why_they_are_grey(opened):
    with opened("sampling", "print(explorer.top_k)") as (notebook, shown):
        assert shown.root.get_by_role("slider").count() == 0
        shown.button("Sampling").focus()
        notebook.page.keyboard.press("Enter")
        shown.root.get_by_role("slider", name="Top-k slider").fill("7")
        notebook.wait_until(
            lambda: shown.root.get_by_label("Top-k (0 = all)").input_value() == "7", "the field follows"
        )
        assert notebook.run(2).strip() == "7"
        why = shown.root.get_by_text("adds it after the last token: choose that first")
        assert why.is_hidden() and shown.root.locator(".g2x-candidate").first.is_enabled()
        shown.root.get_by_role("option").nth(3).click()
        shown.wait(token=3)
        assert why.is_visible() and shown.root.locator(".g2x-candidate").first.is_disabled()
        assert notebook.errors == []

"""Patching in the explorer, by the keyboard and from the list of what matters, and its chip."""

from gpt2lab.explorer import Explorer
from gpt2lab.zoo import load_toy

SETUP = """
from gpt2lab.explorer import Explorer
from gpt2lab.zoo import load_toy
toy = load_toy("reference")
weak = "the robot could not lift the box because it was weak. it means the"
explorer = Explorer(toy.model, toy.encoding, weak, text_b=weak.replace("weak", "heavy"), view="patch")
explorer
"""
STREAM = ".g2x-stage[aria-label^='The stream']"


def test_the_keyboard_patches_and_the_chip_takes_it_off(opened):
    with opened("patch", "print(explorer.patched)", "print(explorer.patched)", setup=SETUP) as (notebook, shown):
        shown.wait(view="patch")
        shown.root.locator(STREAM).focus()
        for key in ("ArrowDown", "End", "Enter"):
            notebook.page.keyboard.press(key)
        chip = shown.root.get_by_role("button", name="Take off: stream before block 1")
        chip.wait_for()
        shown.wait(rev=2)
        assert notebook.run(2).strip() == "['stream 1 14 other']"
        chip.click()
        notebook.wait_until(lambda: chip.count() == 0, "the chip is gone")
        assert notebook.run(3).strip() == "[]"
        assert notebook.errors == []


def test_what_matters_is_measured_and_a_press_shows_what_becomes_of_the_prediction(show):
    toy = load_toy("reference")
    weak = "the robot could not lift the box because it was weak. it means the"
    e = Explorer(toy.model, toy.encoding, weak, text_b=weak.replace("weak", "heavy"), view="patch")
    page = show(e, recorded=False)
    page.get_by_role("button", name="What matters here?").click()
    places = page.get_by_role("list", name="What matters most").get_by_role("button")
    places.nth(7).wait_for()  # the list grows while it is measured
    effects = [abs(float(text.split()[0].replace("−", "-"))) for text in places.all_inner_texts()]
    assert len(effects) >= 8 and effects == sorted(effects, reverse=True) and effects[0] > 10
    page.get_by_role("button", name="stream before block 0 at 10").click()  # "weak" becomes "heavy"
    page.get_by_role("button", name="Take off: stream before block 0").wait_for()
    box = page.locator(".g2x-prediction").get_by_role("button", name="box").first
    box.get_by_text("100.0 %").wait_for()
    page.get_by_role("button", name="Undo patch").click()
    page.get_by_role("button", name="Take off").wait_for(state="detached")
    assert page.asked == page.errors == []

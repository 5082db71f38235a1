"""Patching in the explorer by the keyboard, and its chip."""

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

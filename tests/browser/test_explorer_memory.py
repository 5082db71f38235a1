"""Long use: hundreds of selections and dozens of edits leave no trace in either memory."""

from explorer_page import SETUP, SHOW, Shown

MEMORY = "import gc, psutil; gc.collect(); print(round(psutil.Process().memory_info().rss / 1e6, 1), len(comms()))"
COMMS = "import comm\ncomms = lambda: comm.get_comm_manager().comms"
MOST_MB = 6  # 200 KB an edit; about 2 MB are measured in the page, and nothing in the kernel

SELECT = """async (n) => {
    const root = document.querySelector('.g2x');
    const fields = [...root.querySelectorAll('.g2x-selection input')];
    const tokens = [...root.querySelectorAll('[role=option]')];
    for (let i = 0; i < n; i++) {
        const field = fields[i % 2];
        field.value = (3 * i) % (Number(field.max) + 1);
        field.dispatchEvent(new Event('change'));
        tokens[(7 * i) % tokens.length].click();
        await new Promise((done) => setTimeout(done, 8));
    }
}"""
TYPE = """async (n) => {
    const root = document.querySelector('.g2x');
    const box = root.querySelector('.g2x-text textarea');
    box.focus();  // as a person would: an unfocused field takes over the text of every picture that arrives
    for (let i = 0; i < n; i++) {
        const revision = () => root.dataset.drawn.split(' ')[0];
        const before = revision();
        box.value = `line ${i} = ${i * i}  # ${'word '.repeat(i % 9)}`;
        box.dispatchEvent(new Event('input'));
        for (let t = 0; t < 9000 && revision() === before; t++) await new Promise((done) => setTimeout(done, 20));
    }
    return root.dataset.drawn;
}"""


def heap_mb(page):
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.enable")
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    session.detach()
    return used


def test_three_hundred_selections_and_thirty_edits(lab):
    with lab.open(lab.write("memory", [SETUP, SHOW, COMMS, MEMORY, MEMORY]), fresh=True) as notebook:
        for n in range(3):
            notebook.run(n)
        shown = Shown(notebook, 1)
        page = notebook.page
        # The first uses load what is loaded once.
        page.evaluate(SELECT, 50)
        page.evaluate(TYPE, 10)
        for view in ("head", "scores", "next", "heads"):
            shown.root.locator(f"[data-view={view}]").click()
            shown.wait(view=view)
        kernel_before, comms_before = map(float, notebook.run(3).split())
        heap_before = heap_mb(page)
        for view in ("head", "heads"):
            page.evaluate(SELECT, 150)
            shown.root.locator(f"[data-view={view}]").click()
            shown.wait(view=view)
        last = page.evaluate(TYPE, 30)
        assert int(last.split()[0]) >= 30
        kernel_after, comms_after = map(float, notebook.run(4).split())
        heap_after = heap_mb(page)
        assert comms_after == comms_before
        assert kernel_after - kernel_before < MOST_MB, (kernel_before, kernel_after)
        assert heap_after - heap_before < MOST_MB, (heap_before, heap_after)

// The picture of a panel. A new one takes the old one's place when it is decoded, so that nothing flickers.

function render({ model, el }) {
  const scroll = document.createElement("div");
  const image = document.createElement("img");
  scroll.className = "gpt2lab-picture";
  scroll.append(image);
  el.append(scroll);
  let address = "";
  let newest = 0;

  async function draw() {
    newest += 1;
    const mine = newest;
    const next = URL.createObjectURL(new Blob([model.get("png")], { type: "image/png" }));
    const trial = new Image();
    trial.src = next;
    await trial.decode().catch(() => {});
    if (mine !== newest) {
      URL.revokeObjectURL(next); // while it was decoded, another one came
      return;
    }
    const [width, height] = model.get("size");
    image.style.setProperty("--wide", width);
    image.style.setProperty("--high", height);
    image.style.setProperty("--letters", model.get("letters"));
    image.src = next;
    URL.revokeObjectURL(address);
    address = next;
    look();
  }

  // Who cannot see it hears what it shows; who has to scroll it can do so with the arrow keys.
  function look() {
    image.alt = model.get("alt");
    const wider = image.clientWidth > scroll.clientWidth + 1;
    if (wider) scroll.tabIndex = 0;
    else scroll.removeAttribute("tabindex");
  }

  const watch = new ResizeObserver(look);
  watch.observe(scroll);
  model.on("change:png", draw);
  model.on("change:alt", look);
  draw();
  return () => {
    newest += 1;
    watch.disconnect();
    model.off("change:png", draw);
    model.off("change:alt", look);
    URL.revokeObjectURL(address);
  };
}

export default { render };

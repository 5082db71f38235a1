// A deck of slides: one at a time, by keys, with its number in the address and notes for the speaker.

const STEPS = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 };

export function startDeck() {
  const slides = [...document.querySelectorAll("main > section")];
  const notes = document.querySelector("#notes");
  let at = 0;
  let speaker = null; // the window with the notes

  const heading = (slide) => slide.querySelector("h1, h2").textContent;
  const spoken = (slide) => slide.querySelector(".notes").innerHTML;

  function draw() {
    const slide = slides[at];
    slides.forEach((each, number) => { each.hidden = number !== at; });
    for (const frame of slide.querySelectorAll("iframe[data-src]")) { // an explorer loads when it is first seen
      frame.src = frame.dataset.src;
      frame.removeAttribute("data-src");
    }
    for (const frame of slide.querySelectorAll("iframe")) { // its letters are of pixels, those of a slide are not
      frame.style.zoom = Math.min(innerWidth / 1920, innerHeight / 1080);
    }
    document.querySelector("#place").textContent = `${at + 1} / ${slides.length}`;
    notes.innerHTML = spoken(slide) || "No notes on this slide.";
    if (speaker && !speaker.closed) {
      const next = slides[at + 1] ? `Next: ${heading(slides[at + 1])}` : "This is the last slide.";
      speaker.document.title = `${at + 1} / ${slides.length} · notes`;
      speaker.document.body.innerHTML = `<h2></h2>${notes.innerHTML}<b class="next"></b>`;
      speaker.document.querySelector("h2").textContent = heading(slide);
      speaker.document.querySelector(".next").textContent = next;
    }
  }

  function nextSection() {
    const next = (kind) => slides.findIndex((slide, number) => number > at && slide.classList.contains(kind));
    const found = [next("section"), next("list")].find((number) => number >= 0); // the exercises follow the last one
    if (found !== undefined) go(found);
  }

  function go(to) {
    at = Math.min(Math.max(to, 0), slides.length - 1);
    location.replace(`#${at + 1}`);
    draw();
  }

  // The address holds a number, or the id of the cell that a slide is made from.
  function read() {
    const where = decodeURIComponent(location.hash.slice(1));
    const found = slides.findIndex((slide) => where && slide.dataset.of === where);
    go(found >= 0 ? found : (Number.parseInt(where, 10) || 1) - 1);
  }

  function openWindow() {
    speaker = window.open("", "gpt2lab-notes", "width=900,height=700");
    if (!speaker) { // the browser forbids it
      notes.hidden = false;
      return;
    }
    speaker.document.head.replaceChildren(document.querySelector("style").cloneNode(true));
    speaker.document.documentElement.dataset.theme = document.documentElement.dataset.theme;
    speaker.document.body.className = "speaker";
    speaker.addEventListener("keydown", onKey);
    draw();
  }

  function paint() {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try { localStorage.setItem("gpt2lab.theme", theme); } catch { /* it holds until the page is left */ }
  }

  const full = () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen());
  const doing = {
    Home: () => go(0), End: () => go(slides.length - 1), f: full, p: () => print(), d: paint, w: openWindow, n: nextSection,
    s: () => { notes.hidden = !notes.hidden; },
  };

  function onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const button = event.key === " " && event.target.closest?.("button, a"); // which the key presses
    const step = STEPS[event.key];
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (button || (step === undefined && !Object.hasOwn(doing, key))) return;
    event.preventDefault();
    if (step === undefined) doing[key]();
    else go(at + (event.shiftKey && event.key === " " ? -1 : step));
  }

  document.addEventListener("keydown", onKey);
  document.querySelector("#back").addEventListener("click", () => go(at - 1));
  document.querySelector("#on").addEventListener("click", () => go(at + 1));
  addEventListener("resize", draw);
  addEventListener("hashchange", () => { if (location.hash !== `#${at + 1}`) read(); });
  read();
}

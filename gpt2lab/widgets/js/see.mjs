// The way to the cell that proves an answer.

import { h } from "../../explorer/js/dom.mjs";

// A heading as people say it: without the number in front and the mark that Jupyter puts behind.
export function plainHeading(text) {
  return text.replace(/^\s*\d+ · /, "").replace(/[*`¶]/g, "").trim();
}

// A link, or a button that looks for the heading on this page; say(sentence) tells where to look if it is not here.
export function seeLink({ chapter, heading, anchor = "" }, own, href, say) {
  const elsewhere = chapter && chapter !== own; // without a chapter, it is this page
  const label = elsewhere ? `See chapter ${chapter}, “${heading}”` : `See “${heading}”`;
  const link = href({ chapter, heading, anchor, elsewhere });
  if (link) {
    const made = h("a", { class: "g2q-see", "data-key": `see ${heading}`, href: link.address ?? link, text: label });
    link.open?.(made);
    return made;
  }
  if (elsewhere) return h("span", { class: "g2q-see", text: label });
  return h("button", { type: "button", class: "g2q-see", "data-key": `see ${heading}`, text: label, onclick: () => {
    const found = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].find((element) => !element.closest(".g2q") && plainHeading(element.textContent) === heading);
    if (found) found.scrollIntoView({ block: "start" });
    else say(`Look for the heading “${heading}” in this notebook.`);
  } });
}

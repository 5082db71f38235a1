// Light or dark, as the page around says.

// JupyterLab and Notebook say it on the body, VS Code by class; elsewhere the system decides.
export function themeOf(body, systemIsDark) {
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false" ? "dark" : "light";
  if (body.classList.contains("vscode-dark") || body.classList.contains("vscode-high-contrast")) return "dark";
  if (body.classList.contains("vscode-light")) return "light";
  return systemIsDark ? "dark" : "light";
}

// Call `then` with the theme, now and whenever something may have changed it; returns what ends that.
export function followTheme(then) {
  const media = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
  const tell = () => then(themeOf(document.body, media?.matches));
  const bodyWatch = new MutationObserver(tell);
  bodyWatch.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  media?.addEventListener("change", tell);
  tell();
  return () => {
    bodyWatch.disconnect();
    media?.removeEventListener("change", tell);
  };
}

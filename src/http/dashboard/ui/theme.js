// Light or dark: what the system says, unless somebody chose here. It is set before anything is
// drawn, which is why the page waits for this small file (index.html has it in its head).

const KEY = "onnxd-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

function chosen() {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : null;
  } catch {
    return null;
  }
}

/** "light" or "dark", as the page is now. */
export function theme() {
  return document.documentElement.dataset.theme;
}

/** Calls `listener(theme)` after every change; returns what ends that. */
export function onTheme(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function apply(value) {
  document.documentElement.dataset.theme = value;
  listeners.forEach((listener) => listener(value));
}

/** Takes the other one, and keeps it. What the system says is not worth keeping. */
export function switchTheme() {
  const next = theme() === "dark" ? "light" : "dark";
  try {
    if (next === (dark.matches ? "dark" : "light")) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // It holds for this page.
  }
  apply(next);
}

apply(chosen() ?? (dark.matches ? "dark" : "light"));
dark.addEventListener("change", () => chosen() ?? apply(dark.matches ? "dark" : "light"));

// Asking before something is changed, with a way out that cannot be taken for it.

import { dialog, h } from "../../dom.js";

/** Does `run()` if somebody agrees; what it throws is shown in the dialog. Resolves to whether it was done. */
export async function agreed({ title, lines, action, keep, danger = false, run }) {
  const body = lines.map((line) => h("p", null, line));
  const actions = [{ label: action, value: true, kind: danger ? "danger" : "primary" }];
  const done = await dialog({ title, body, actions, cancel: keep, check: async () => void (await run()) });
  return done === true;
}

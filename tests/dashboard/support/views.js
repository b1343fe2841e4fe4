// The views that tests go through, of a server with the model flight-delay.

export const VIEWS = [
  ["overview", "#/"],
  ["model", "#/models/flight-delay"],
  ["health", "#/models/flight-delay/health"],
  ["try", "#/models/flight-delay/try"],
  ["jobs", "#/jobs"],
];

/** Waits until a view has its heading and shows nothing as being on its way. */
export async function settled(page) {
  const main = page.getByRole("main");
  await main.getByRole("heading", { level: 1 }).first().waitFor();
  await page.waitForFunction(() => !document.querySelector("main [aria-busy=true]"));
  // The first answers of what it asks for regularly.
  await page.waitForLoadState("networkidle");
}

/** The row of a model in the overview. */
export function modelRow(page, name) {
  return page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
}

/** The row of a version on the page of its model. */
export function versionRow(page, version) {
  const header = page.getByRole("rowheader", { name: new RegExp(`^v${version}\\b`) });
  return page.getByRole("table", { name: "Versions" }).getByRole("row").filter({ has: header });
}

/** The button of the form that tries a model. */
export function predict(page) {
  return page.getByRole("main").getByRole("button", { name: "Predict" });
}

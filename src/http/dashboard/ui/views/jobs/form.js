// The form of a new job. Its fields are the keys of the request.

import { ask, get } from "../../api.js";
import { h, replace, setAttribute, setText, show, toast, uniqueId } from "../../dom.js";
import { guarded, notice } from "../../parts.js";
import { fieldOf, requestOf } from "./words.js";

const BAD_ROWS = [
  ["fail", "ends the job"],
  ["null", "has no predictions, and the column “error” says why"],
  ["drop", "is left out"],
];
const FORMATS = ["csv", "csv.gz", "csv.zst", "ndjson", "ndjson.gz", "ndjson.zst", "parquet", "arrow"];

/** {opener, element}: `changed(job)` is called with the job that was accepted. */
export function jobForm(changed) {
  const formats = h("datalist", { id: uniqueId("formats") }, FORMATS.map((value) => h("option", { value })));
  const models = h("datalist", { id: uniqueId("models") });
  const fields = {
    model: field("Model", h("input", { type: "text", list: models.id, autocomplete: "off", spellcheck: "false", required: true })),
    version: field("Version", text(), "A number or a label; without one the job is routed as a request is."),
    input: field("Input", h("textarea", { rows: 2, spellcheck: "false", required: true }), "A path below the job root, a pattern such as in/*.csv, or a URL; one a line."),
    output: field("Output", h("input", { type: "text", autocomplete: "off", spellcheck: "false", required: true }), "A file, or a directory (out/) that gets a file for each input."),
    on_bad_row: field("A bad row", h("select", null, BAD_ROWS.map(([value, title]) => h("option", { value }, title)))),
    keep: field("Columns to keep", h("textarea", { rows: 2, spellcheck: "false" }), "Columns of the input that the output has too; one a line."),
    input_format: field("Format of the input", text(formats.id), "By the names of the files if it is not said."),
    output_format: field("Format of the output", text(formats.id), "By its name; a directory takes that of the input."),
    max_bad_rows: field("Bad rows at most", text(), "Rows as 100, or a share as 1%."),
    rejects: field("File for what is wrong", text(), "Beside the output if it is not said."),
    shard: field("Shard", text(), "As 0/8: the first of eight machines."),
  };
  const drift = h("input", { type: "checkbox", id: uniqueId("drift") });
  const summary = h("div", { role: "alert", tabindex: "-1", class: "faults" });
  const send = h("button", { type: "submit", class: "button primary" }, "Start job");
  const main = ["model", "input", "output", "on_bad_row"].map((name) => fields[name].element);
  const more = ["version", "keep", "input_format", "output_format", "max_bad_rows", "rejects", "shard"].map((name) => fields[name].element);
  const form = h(
    "form",
    { class: "stack", novalidate: true, onsubmit: (event) => void (event.preventDefault(), submit()) },
    h("fieldset", { class: "fields" }, h("legend", null, "New job"), h("div", { class: "grid" }, main)),
    h(
      "details",
      { class: "more" },
      h("summary", null, "More settings"),
      h("fieldset", { class: "fields" }, h("legend", null, "More settings"), h("div", { class: "grid" }, more), h("div", { class: "setting check" }, drift, h("label", { for: drift.id }, "Drift of the data fails the job"))),
    ),
    formats,
    models,
    summary,
    h("div", { class: "row actions" }, h("button", { type: "button", class: "button", onclick: () => close() }, "Close"), send),
  );
  const opener = guarded("operate", "New job", () => open(), { kind: "primary" });
  show(form, false);

  async function open() {
    show(form, true);
    fields.model.control.focus();
    try {
      const known = await get("api/models");
      replace(models, known.models.map(({ name }) => h("option", { value: name })));
      if (fields.model.control.value === "" && known.models.length === 1) fields.model.control.value = known.models[0].name;
    } catch {
      // The list only helps: a name can be typed.
    }
  }

  function close() {
    show(form, false);
    opener.element.querySelector("button").focus();
  }

  function fail(faults, head) {
    const names = Object.keys(faults);
    names.forEach((name) => fields[name].fault(faults[name]));
    // What is wrong must be seen.
    if (names.some((name) => !["model", "input", "output", "on_bad_row"].includes(name))) form.querySelector("details").open = true;
    if (names.length > 0) fields[names[0]].control.focus();
    if (head === null) return;
    replace(summary, notice("bad", head));
    summary.focus();
  }

  async function submit() {
    // A disabled button would lose the focus.
    if (send.getAttribute("aria-disabled")) return;
    replace(summary);
    Object.values(fields).forEach((each) => each.fault(null));
    const values = Object.fromEntries(Object.entries(fields).map(([name, { control }]) => [name, control.value]));
    const { request, faults } = requestOf({ ...values, fail_on_drift: drift.checked });
    if (faults) return fail(faults, null);
    setAttribute(send, "aria-disabled", "true");
    try {
      const job = await ask("POST", "api/jobs", { body: request });
      toast(`Job ${job.id} was accepted.`, "good");
      close();
      changed(job);
    } catch (error) {
      const name = fieldOf(error.message, values);
      fail(name === null ? {} : { [name]: error.message }, name === null ? error.message : null);
    } finally {
      setAttribute(send, "aria-disabled", null);
    }
  }

  return { opener: opener.element, element: form };
}

function text(list) {
  return h("input", { type: "text", autocomplete: "off", spellcheck: "false", list });
}

function field(label, control, hint) {
  const id = uniqueId("job");
  control.id = id;
  const note = h("span", { class: "hint", id: `${id}-hint` }, hint);
  const problem = h("span", { class: "fault", id: `${id}-fault`, hidden: true });
  setAttribute(control, "aria-describedby", `${id}-hint ${id}-fault`);
  const fault = (message) => {
    setText(problem, message);
    show(problem, Boolean(message));
    setAttribute(control, "aria-invalid", message ? "true" : null);
  };
  return { element: h("div", { class: "field" }, h("label", { for: id }, label), control, note, problem), control, fault };
}

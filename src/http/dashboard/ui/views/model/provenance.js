// Where a version comes from and what it takes and gives; what the shadow shows; warnings.

import { copy, h, keyed, setText, show, toast } from "../../dom.js";
import { bytes, count, ms, number, shape, share, time } from "../../format.js";
import { facts, notice, section, table } from "../../parts.js";

/** {element, update(version, ids)}: ids {contract, reference}, each an id or null. */
export function provenance() {
  const list = facts();
  const digest = h("code", null);
  const button = h(
    "button",
    { type: "button", class: "button small", "aria-label": "Copy the digest" },
    "Copy",
  );
  button.addEventListener("click", async () => {
    if (await copy(digest.textContent)) toast("The digest is in the clipboard.");
  });
  const whole = h("div", { class: "row tight" }, digest, button);
  const element = section("Provenance", { className: "provenance" }, list.element);
  const update = (version, ids) => {
    show(element, version?.sha256 !== undefined);
    setText(digest, version?.sha256 ?? "");
    list.update([
      ["SHA-256 of the model file", version?.sha256 ? whole : null],
      ["File", version?.file_bytes === undefined ? null : bytes(version.file_bytes)],
      ["Producer", version?.producer],
      [
        "Opset",
        version?.opset === undefined || version.opset === null ? null : String(version.opset),
      ],
      ["Loaded", version?.loaded_at_unix ? time(version.loaded_at_unix) : null],
      ["Load time", version?.load_ms === undefined ? null : ms(version.load_ms)],
      ["Contract", ids.contract ?? "none"],
      ["Reference profile", ids.reference ?? "none"],
      [
        "Requests since then",
        version?.totals
          ? `${count(version.totals.requests)}, ${count(version.totals.failed)} failed, ${count(version.totals.rows)} rows`
          : null,
      ],
    ]);
  };
  return { element, update };
}

/** Warnings of loading, if there are some. */
export function warnings() {
  const element = h("div", { class: "stack wide", hidden: true });
  const update = (version) => {
    const all = version?.warnings ?? [];
    keyed(
      element,
      all,
      (text) => text,
      (text) => notice("warning", text),
    );
    show(element, all.length > 0);
  };
  return { element, update };
}

/** Inputs and outputs. */
export function signature() {
  const list = table({
    caption: "Inputs and outputs",
    columns: [
      { title: "Name" },
      { title: "Way" },
      { title: "Type" },
      { title: "Shape" },
      { title: "Columns" },
    ],
  });
  const element = section("Signature", { className: "wide" }, list.element);
  const update = (version) => {
    const tensors = [
      ...(version?.inputs ?? []).map((tensor) => ["input", tensor]),
      ...(version?.outputs ?? []).map((tensor) => ["output", tensor]),
    ];
    keyed(
      list.body,
      tensors,
      ([way, tensor]) => JSON.stringify([way, tensor]),
      ([way, tensor]) =>
        list.row(
          h("span", { class: "mono" }, tensor.name),
          way,
          tensor.datatype,
          h("span", { class: "mono" }, shape(tensor.shape)),
          columnsOf(tensor),
        ),
    );
    show(element, tensors.length > 0);
  };
  return { element, update };
}

const MOST_NAMES = 12;

function columnsOf({ parameters }) {
  const names = parameters?.features ?? parameters?.labels ?? [];
  const text = names.slice(0, MOST_NAMES).join(", ");
  if (names.length <= MOST_NAMES) return text || "–";
  return h(
    "details",
    null,
    h("summary", null, `${text} and ${names.length - MOST_NAMES} more`),
    names.slice(MOST_NAMES).join(", "),
  );
}

/** How the shadow's answers compare, if a version has one to compare. */
export function comparison() {
  const list = facts();
  const who = h("p", { class: "small muted" });
  const element = section("Shadow", {}, h("div", { class: "stack" }, who, list.element));
  element.hidden = true;
  const update = ({ versions }) => {
    const found = versions.find(({ shadow }) => shadow);
    show(element, found !== undefined);
    if (!found) return;
    const {
      answers,
      agreement,
      mean_absolute_difference: difference,
      latency_ratio: ratio,
    } = found.shadow;
    setText(
      who,
      `Version ${found.version} gets a copy of the requests that others answer. Its answers beside theirs:`,
    );
    list.update([
      ["Answers compared", count(answers)],
      ["Agreement of rows", share(agreement)],
      ["Mean absolute difference", number(difference, 3)],
      ["Run time beside theirs", ratio === null ? "–" : `${number(ratio, 3)} times`],
    ]);
  };
  return { element, update };
}

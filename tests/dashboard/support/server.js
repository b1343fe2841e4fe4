// A real onnxd over a temporary repository: started, asked, and stopped by its process id.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";

import { atEnd } from "./ends.js";
import { eventually } from "./wait.js";

const READY_WITHIN = 60_000;
const ENDS_WITHIN = 30_000;

// A proxy from the environment would take requests to this machine elsewhere.
process.env.NO_PROXY = process.env.no_proxy = "127.0.0.1";

export class Server {
  /** Started, and ready unless `ready: false`. It is stopped at the end of the test `t`, which fails if it panicked. */
  static async start(t, models, options = {}) {
    const { arguments: more = [], address = "127.0.0.1:0", ready = true, mayComplain = /(?!)/ } = options;
    const environment = Object.entries(process.env).filter(([name]) => !/^(ONNXD|OTEL)_/.test(name));
    const usual = ["--log", "json", "--http-addr", address, "--poll", "100ms"];
    const child = spawn(process.env.ONNXD_BIN, ["serve", models, ...usual, ...more], {
      env: Object.fromEntries(environment),
      stdio: ["ignore", "ignore", "pipe"],
    });
    const server = new Server(child, mayComplain);
    atEnd(t, () => server.stop());
    await eventually("the server listens", () => {
      assert.equal(child.exitCode, null, `the server ended: ${server.log}`);
      return (server.address = server.log.match(/"http\.addr":"([^"]+)"/)?.[1]);
    });
    server.origin = `http://${server.address}`;
    if (ready) await eventually("the server is ready", async () => (await server.get("/readyz")).status === 200, { within: READY_WITHIN });
    return server;
  }

  constructor(child, mayComplain) {
    this.child = child;
    this.log = "";
    this.mayComplain = mayComplain;
    child.stderr.setEncoding("utf8").on("data", (text) => (this.log += text));
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, "exit");
      this.child.kill("SIGTERM");
      const late = setTimeout(() => this.child.kill("SIGKILL"), ENDS_WITHIN);
      await ended;
      clearTimeout(late);
    }
    const panics = this.log.split("\n").filter((line) => line.includes("panicked") && !this.mayComplain.test(line));
    assert.deepEqual(panics, [], "the server's log");
  }

  /** The answer with its text; `body` may be a value that becomes JSON. */
  async ask(method, path, body, headers = {}) {
    const sent = body === undefined || typeof body === "string" || ArrayBuffer.isView(body) ? body : JSON.stringify(body);
    const answer = await fetch(this.origin + path, { method, body: sent, headers, signal: AbortSignal.timeout(60_000) });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: () => JSON.parse(text) };
  }

  get(path, headers) {
    return this.ask("GET", path, undefined, headers);
  }

  /** What a request that must succeed answers. */
  async json(method, path, body, headers) {
    const answer = await this.ask(method, path, body, headers);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.text ? answer.json() : null;
  }

  infer(model, request, headers) {
    return this.json("POST", `/v2/models/${encodeURIComponent(model)}/infer`, request, headers);
  }

  /** What /api/models says of one model. */
  async model(name, headers) {
    const { models } = await this.json("GET", "/api/models", undefined, headers);
    return models.find((model) => model.name === name);
  }

  version(name, version, holds) {
    return eventually(`version ${version} of ${name}`, async () => {
      const model = await this.model(name);
      const found = model?.versions.find((one) => one.version === version);
      return found && holds(found, model) && found;
    });
  }
}

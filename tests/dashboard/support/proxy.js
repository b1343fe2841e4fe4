// A reverse proxy that serves onnxd below a path, as gateways do: it strips the prefix and knows nothing of the page.

import http from "node:http";
import { once } from "node:events";

import { atEnd } from "./ends.js";

/** The proxy's origin and prefix, as a server for `Visit`; it ends with the test. */
export async function below(t, server, prefix) {
  const seen = [];
  const [host, port] = server.address.split(":");
  const proxy = http.createServer((request, response) => {
    seen.push(request.url);
    if (!request.url.startsWith(`${prefix}/`)) {
      response.writeHead(404).end("not below the prefix");
      return;
    }
    const onwards = { host, port, method: request.method, path: request.url.slice(prefix.length), headers: request.headers };
    const asked = http.request(onwards, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    asked.on("error", () => response.destroy());
    request.pipe(asked);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  atEnd(t, () => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return { origin: `http://127.0.0.1:${proxy.address().port}`, prefix, seen };
}

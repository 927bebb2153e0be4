// Verifies deliveries with the `standardwebhooks` package and with the README's recipe.
//
//   node receiver.mjs READY_FILE
//
// A POST to /expect says which secrets deliveries to a path have to verify with, and a GET of
// /seen tells what arrived. Everything else is a delivery.

import { renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";
import { verify as recipe } from "./recipe.mjs";

const expected = new Map();
const seen = [];

function check(secret, headers, body) {
  if (secret.isPlain) {
    if (headers["webhook-signature"] !== undefined) throw new Error("a Standard Webhooks signature for another kind of secret");
    return;
  }
  const webhook = new Webhook(secret.text);
  webhook.verify(body, headers);
  if (!recipe(secret.text, headers, body)) throw new Error("the recipe refuses");
  // What verifies only counts if something else does not.
  const forged = Buffer.concat([body, Buffer.from(" ")]);
  if (recipe(secret.text, headers, forged)) throw new Error("the recipe takes a forged body");
  let isRefused = false;
  try {
    webhook.verify(forged, headers);
  } catch {
    isRefused = true;
  }
  if (!isRefused) throw new Error("the library takes a forged body");
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  if (request.url === "/expect") {
    const { path, secrets } = JSON.parse(body);
    expected.set(path, secrets);
    response.end();
  } else if (request.url === "/seen") {
    response.end(JSON.stringify(seen));
  } else {
    const { headers } = request;
    let error = null;
    try {
      const secrets = expected.get(request.url) ?? [];
      if (secrets.length === 0) throw new Error("nothing is expected here");
      for (const secret of secrets) check(secret, headers, body);
    } catch (thrown) {
      error = String(thrown);
    }
    seen.push({ path: request.url, id: headers["webhook-id"] ?? headers["x-event-id"], error, body: body.toString() });
    response.statusCode = error === null ? 204 : 400;
    response.end();
  }
});

server.listen(0, "127.0.0.1", () => {
  const [, , file] = process.argv;
  writeFileSync(`${file}.new`, JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }));
  renameSync(`${file}.new`, file);
});

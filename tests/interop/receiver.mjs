// Verifies deliveries with the `standardwebhooks` package and with the recipe of docs/verify.md, and
// relays to external peers as the platform's page on federation tells their receivers to.
//
//   node receiver.mjs READY_FILE
//
// A POST to /expect sets the secrets that deliveries to a path have to verify with, and a GET of
// /seen lists the deliveries so far. Every other request is a delivery.

import { createHmac, timingSafeEqual } from "node:crypto";
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
  if (secret.relay) checkRelay(secret, headers, body);
  const webhook = new Webhook(secret.text);
  webhook.verify(body, headers);
  if (!recipe(secret.text, headers, body)) throw new Error("the recipe refuses");
  // A verification proves nothing unless it fails for a forged body.
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

// The page's recipe: the header says `sha256=` and the hex HMAC of the raw body, keyed with the whole
// secret as text, and is compared in constant time.
function verifyRelay(secret, headers, body) {
  const [scheme, hex] = String(headers["x-caldera-signature"] ?? "").split("=", 2);
  const expected = createHmac("sha256", secret).update(body).digest("hex");
  if (scheme !== "sha256" || hex?.length !== expected.length) return false;
  return timingSafeEqual(Buffer.from(hex), Buffer.from(expected));
}

function checkRelay({ text, relay }, headers, body) {
  if (!verifyRelay(text, headers, body)) throw new Error("the page's recipe refuses a relay");
  if (verifyRelay(text, headers, Buffer.concat([body, Buffer.from(" ")]))) throw new Error("the page's recipe takes a forged relay");
  if (verifyRelay(`${text}x`, headers, body)) throw new Error("the page's recipe takes another secret");
  const told = JSON.parse(body);
  const members = ["namespace", "name", "version", "payload", "federationPushId", "emitId", "isFederationRelay", "timestamp"];
  if (Object.keys(told).join() !== members.join()) throw new Error(`a relay has the members ${Object.keys(told)}`);
  const expected = {
    "content-type": "application/json",
    "user-agent": "PlatformXe-Federation-Relay/1.0",
    "x-caldera-event-type": relay.event,
    "x-caldera-federation-push-id": relay.push,
    "x-caldera-emit-id": told.emitId,
  };
  for (const [name, value] of Object.entries(relay.headers)) expected[name.toLowerCase()] = value;
  for (const [name, value] of Object.entries(expected)) {
    if (headers[name] !== value) throw new Error(`${name} is ${headers[name]}, not ${value}`);
  }
  if (told.isFederationRelay !== true || told.federationPushId !== relay.push) throw new Error("the body is no relay of this push");
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

import assert from "node:assert/strict";
import { test } from "node:test";
import { Andon } from "../src/index.ts";
import { CANCEL, half, json, page, problem, REPORT, using } from "./api.mjs";

const asked = { id: "r1", runId: null, status: "generating", eventId: "e1" };
const keys = (requests) => new Set(requests.map((each) => each.headers["idempotency-key"]));

for (const [name, passing] of [
  ["was cut off", half],
  ["is a gateway's time-out", problem("unavailable", 504)],
  ["says that it is being handled", problem("conflict", 409, { "Retry-After": "1" })],
  ["says when to come back", problem("too-many", 429, { "Retry-After": "2" })],
]) {
  test(`a cancel whose answer ${name} is sent again under its key`, () =>
    using({ [CANCEL]: [passing, json(asked, 202)] }, async (andon, requests) => {
      assert.equal((await andon.reports.cancel("r1")).eventId, "e1");
      assert.deepEqual([requests.length, keys(requests).size], [2, 1]);
    }));
}

test("what is refused is not sent again, nor what is to wait for long", () =>
  using(
    { [CANCEL]: [problem("another-run", 409), problem("too-many", 429, { "Retry-After": "60" })] },
    async (andon, requests) => {
      await assert.rejects(andon.reports.cancel("r1", { runId: "a" }), { code: "another-run" });
      await assert.rejects(andon.reports.cancel("r1"), { code: "too-many", retryAfter: 60 });
      assert.deepEqual([requests.length, keys(requests).size], [2, 2]);
    },
  ));

test("a page that came without TLS can cancel", async () => {
  const { randomUUID } = crypto;
  crypto.randomUUID = undefined;
  try {
    await using({ [CANCEL]: [json(asked, 202)] }, (andon) => andon.reports.cancel("r1"));
  } finally {
    crypto.randomUUID = randomUUID;
  }
});

test("another server's page is not taken for an answer", () =>
  using({ [REPORT]: [page] }, async (andon) => {
    await assert.rejects(andon.reports.get("r1"), /answered text\/html instead of JSON; is the URL right/);
  }));

for (const url of ["http://andon.example.com", "https://andon.example.com:8443/below/", "http://[::1]:8000/api/v1"]) {
  test(`${url} is understood`, () => assert.ok(new Andon({ url })));
}

for (const url of ["andon.example.com", "localhost:8000", "ftp://andon.example.com", "", "/api", "https://a.example.com/?x=1"]) {
  test(`${JSON.stringify(url)} is refused on a server, in a sentence`, () => {
    assert.throws(() => new Andon({ url }), /expected the API's URL, such as https:\/\/andon.example.com, got/);
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { cut, ended, half, json, mute, page, problem, report, REPORT, stream, STREAM, told, using } from "./api.mjs";

const going = report("generating", 0.5);
const done = stream(report("generated", 1));
const paths = (asked) => [...new Set(asked.map((each) => each.path))];
const many = (count, answer) => Array.from({ length: count }, () => answer);

test("a stream that is cut off is resumed behind what was told", () =>
  using({ [STREAM]: [cut(going), done] }, async (andon, asked) => {
    assert.deepEqual(await told(andon), ["generating 0.5", "generated 1"]);
    assert.equal(asked[1].headers["last-event-id"], "0.5");
  }));

test("a stream that opens is there, although nothing changes", () =>
  using({ [STREAM]: [...many(8, cut()), done] }, async (andon, asked) => {
    const connected = [];
    assert.deepEqual(await told(andon, { onConnection: (now) => connected.push(now) }), ["generated 1"]);
    assert.deepEqual(paths(asked), [STREAM]);
    assert.deepEqual(connected, many(8, [false, true]).flat());
  }));

for (const [name, none] of [
  ["says nothing", mute],
  ["is something else", page],
  ["is refused", problem("unavailable", 503, { "Retry-After": "2" })],
]) {
  test(`where the stream ${name} it asks, and tries a stream again`, () =>
    using({ [STREAM]: [none, done], [REPORT]: [json(going)] }, async (andon, asked) => {
      const found = await told(andon);
      assert.deepEqual([found[0], found.at(-1)], ["generating 0.5", "generated 1"]);
      assert.deepEqual(asked.map((each) => each.path), [STREAM, ...many(15, REPORT), STREAM]);
    }));
}

test("an answer that is cut off while it asks is asked for again", () =>
  using({ [STREAM]: [problem("unavailable", 503)], [REPORT]: [half, json(report("failed"))] }, async (andon) => {
    assert.deepEqual(await told(andon), ["failed 0"]);
  }));

test("an API that goes away while it asks is waited for", () =>
  using(
    { [STREAM]: [problem("unavailable", 503), done], [REPORT]: [json(going), ...many(4, problem("unavailable", 504))] },
    async (andon) => {
      assert.deepEqual(await told(andon), ["generating 0.5", "generated 1"]);
    },
  ));

test("each token that runs out is replaced, although nothing changes between", () => {
  let tokens = 0;
  const token = () => `andont_${++tokens}`;
  return using(
    { [STREAM]: [ended, ended, cut(), ended, done] },
    async (andon) => {
      assert.deepEqual(await told(andon), ["generated 1"]);
      assert.equal(tokens, 4);
    },
    { token },
  );
});

test("a source that gives tokens which are not taken ends it", () => {
  let tokens = 0;
  return using(
    { [STREAM]: [problem("token-ended", 401)] },
    async (andon) => {
      await assert.rejects(told(andon), { code: "token-ended" });
      assert.equal(tokens, 2);
    },
    { token: () => `andont_${++tokens}` },
  );
});

test("lines that end in two characters are told apart, also where these come apart", () =>
  using(
    {
      [STREAM]: [
        async (answer) => {
          answer.writeHead(200, { "Content-Type": "text/event-stream" });
          const said = `retry: 2000\r\n\r\nid: 1\r\ndata: ${JSON.stringify(going)}\r\n\r\nevent: end\r\ndata: {}\r\n\r\n`;
          for (const part of said.split(/(?<=\r)/)) {
            answer.write(part);
            await new Promise((then) => setTimeout(then, 300));
          }
          answer.end();
        },
      ],
    },
    async (andon) => assert.deepEqual(await told(andon), ["generating 0.5"]),
  ));

test("who has seen enough stops it", () =>
  using({ [STREAM]: [mute] }, async (andon) => {
    const stopping = new AbortController();
    setTimeout(() => stopping.abort(), 500);
    await assert.rejects(told(andon, { signal: stopping.signal }), { name: "AbortError" });
  }));

// An API of one report, as a test wants it to behave, and a clock that runs a hundred times as fast. Patience of ten
// seconds and more is five times as short only: a busy machine may keep this process from what has come for a while.
import { once } from "node:events";
import { createServer } from "node:http";
import { Andon } from "../src/index.ts";

const wait = globalThis.setTimeout;
globalThis.setTimeout = (act, milliseconds, ...more) =>
  wait(act, milliseconds / (milliseconds < 10_000 ? 100 : 5), ...more);

export const STREAM = "/api/v1/reports/r1/stream";
export const REPORT = "/api/v1/reports/r1";
export const CANCEL = "/api/v1/reports/r1/cancel";
export const report = (status, progress = 0) => ({ id: "r1", status, progress, run: null });

export const json = (body, status = 200, headers = {}) => (answer) =>
  answer.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));
export const problem = (code, status, headers = {}) => json({ title: code, status, code }, status, headers);
export const page = (answer) => answer.writeHead(200, { "Content-Type": "text/html" }).end("<p>Wait.</p>\n\n");

const open = (answer) => answer.writeHead(200, { "Content-Type": "text/event-stream" });
const tell = (answer, ...reports) => {
  open(answer).write("retry: 2000\n\n");
  for (const each of reports) answer.write(`event: report\nid: ${each.progress}\ndata: ${JSON.stringify(each)}\n\n`);
};
export const stream = (...reports) => (answer) => {
  tell(answer, ...reports);
  answer.end("event: end\ndata: {}\n\n");
};
export const cut = (...reports) => (answer) => {
  tell(answer, ...reports);
  wait(() => answer.destroy(), 5);
};
export const ended = (answer) => {
  tell(answer);
  answer.end(`event: problem\ndata: ${JSON.stringify({ title: "x", status: 401, code: "token-ended" })}\n\n`);
};
export const mute = (answer) => open(answer).flushHeaders();
export const half = (answer) => {
  answer.writeHead(200, { "Content-Type": "application/json", "Content-Length": "1000" }).write('{"id":');
  wait(() => answer.destroy(), 5);
};

/** Do with a client of an API that answers each path with the next of these, the last one again and again. */
export async function using(answers, act, options = {}) {
  const asked = [];
  const server = createServer((request, answer) => {
    asked.push({ path: request.url, headers: request.headers });
    const of = answers[request.url];
    (of.length > 1 ? of.shift() : of[0])(answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const andon = new Andon({ url: `http://127.0.0.1:${server.address().port}`, ...options });
  try {
    return await act(andon, asked);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** What it is told of the report, to its end. */
export async function told(andon, options) {
  const found = [];
  for await (const each of andon.reports.watch("r1", options)) found.push(`${each.status} ${each.progress}`);
  return found;
}

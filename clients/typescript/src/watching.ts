import { AndonProblem, type Problem } from "./problem.js";
import { messages } from "./sse.js";
import { pause, type Transport } from "./transport.js";

export interface WatchOptions {
  signal?: AbortSignal;
  /** Told when what is shown may be behind: the connection is away, and when it is back. */
  onConnection?: (connected: boolean) => void;
}

const AGAIN = 1000;
const LONGEST = 15_000;
const FIRST_WORD = 10_000; // the API says something as soon as it has a stream
const QUIET = 40_000; // and at least every 15 s that it is there
const POLLS_BEFORE_STREAM = 15;

/**
 * The thing at `path`, again at each change, until it has ended: told by the API (Server-Sent Events), resumed where it
 * was cut off. While there is no stream to be had, it asks once a second. Ends by a problem that won't pass.
 */
export async function* watch<T>(
  transport: Transport,
  path: string,
  ended: (thing: T) => boolean,
  options: WatchOptions = {},
): AsyncGenerator<T> {
  const { signal, onConnection } = options;
  let seen = "";
  let failures = 0;
  let renewed = false;
  let polling = false;
  let lost = false;
  const back = () => {
    if (lost) onConnection?.(true);
    lost = false;
    failures = 0;
    renewed = false;
  };
  for (;;) {
    try {
      if (polling) {
        if (yield* polled<T>(transport, path, ended, back, signal)) return;
        polling = false;
        continue;
      }
      for await (const message of told(transport, `${path}/stream`, seen, signal)) {
        if (message.event === "problem") throw ofStream(message.data);
        back(); // by its first word, too: where nothing has changed meanwhile, nothing is told
        if (message.event === "end") return;
        if (!message.data) continue;
        seen = message.id;
        yield JSON.parse(message.data) as T;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof AndonProblem)) throw error;
      if (error.code === "token-ended" && !renewed && transport.renew()) {
        renewed = true;
        continue;
      }
      if (!error.passes) throw error;
      if (!polling && (error.status === 503 || error.status === 429)) {
        polling = true;
        continue;
      }
    }
    polling = false;
    failures += 1;
    if (!lost) onConnection?.(false);
    lost = true;
    await pause(Math.min(AGAIN * 2 ** (failures - 1), LONGEST) * (0.5 + Math.random() / 2), signal);
  }
}

/**
 * What one stream tells. Ends where it was cut off, or says nothing. What says no word at all is no stream, and a
 * problem with the status 503: something between keeps it to itself.
 */
async function* told(transport: Transport, path: string, seen: string, signal: AbortSignal | undefined) {
  const quiet = new AbortController();
  const both = signal ? AbortSignal.any([signal, quiet.signal]) : quiet.signal;
  let timer = setTimeout(() => quiet.abort(), QUIET);
  const within = (milliseconds: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => quiet.abort(), milliseconds);
  };
  let opened = false;
  let spoke = false;
  try {
    const headers = { Accept: "text/event-stream", ...(seen ? { "Last-Event-ID": seen } : {}) };
    const response = await transport.once(path, { headers, signal: both });
    if (response.status === 204) {
      yield { event: "end", id: "", data: "" };
      return;
    }
    opened = true;
    within(FIRST_WORD);
    for await (const message of isStream(response) ? messages(response.body!) : []) {
      spoke = true;
      within(QUIET);
      yield message;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof AndonProblem) throw error;
    if (!opened || spoke) throw new AndonProblem({ title: "The stream was cut off" }, 0);
  } finally {
    clearTimeout(timer);
  }
  if (!spoke) throw new AndonProblem({ title: "There is no stream to be had" }, 503);
}

/** Whether it is what was asked for: something between may show a page of its own. */
const isStream = (response: Response) => response.headers.get("Content-Type")?.startsWith("text/event-stream");

/** Asks again and again; true at the end, false when a stream is worth a try again. */
async function* polled<T>(
  transport: Transport,
  path: string,
  ended: (thing: T) => boolean,
  back: () => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, boolean> {
  let tag = "";
  for (let left = POLLS_BEFORE_STREAM; left > 0; left--) {
    const answer = await transport.answer<T>(path, { headers: tag ? { "If-None-Match": tag } : {}, signal });
    back();
    if (answer.body !== undefined) {
      tag = answer.tag;
      yield answer.body;
      if (ended(answer.body)) return true;
    }
    await pause(AGAIN, signal);
  }
  return false;
}

function ofStream(data: string): AndonProblem {
  const problem = JSON.parse(data) as Problem;
  return new AndonProblem(problem, problem.status);
}

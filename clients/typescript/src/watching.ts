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
const QUIET = 40_000; // the API says at least every 15 s that it is there
const POLLS_BEFORE_STREAM = 15;
const OPEN = "open";

/**
 * The thing at `path`, again at each change, until it has ended: told by the API (Server-Sent Events), resumed where it
 * was cut off. Where there is no stream to be had, it asks once a second. Ends by a problem that won't pass.
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
        back(); // by its opening, too: where nothing has changed meanwhile, nothing is told
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

/** What one stream tells, first that it is open. Ends where it was cut off, or says nothing. */
async function* told(transport: Transport, path: string, seen: string, signal: AbortSignal | undefined) {
  const quiet = new AbortController();
  const both = signal ? AbortSignal.any([signal, quiet.signal]) : quiet.signal;
  let timer = setTimeout(() => quiet.abort(), QUIET);
  try {
    const headers = { Accept: "text/event-stream", ...(seen ? { "Last-Event-ID": seen } : {}) };
    const response = await transport.once(path, { headers, signal: both });
    if (response.status === 204) {
      yield { event: "end", id: "", data: "" };
      return;
    }
    yield { event: OPEN, id: seen, data: "" };
    for await (const message of messages(response.body!)) {
      clearTimeout(timer);
      timer = setTimeout(() => quiet.abort(), QUIET);
      yield message;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof AndonProblem) throw error;
    throw new AndonProblem({ title: "The stream was cut off" }, 0);
  } finally {
    clearTimeout(timer);
  }
}

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
    const response = await transport.answer(path, { headers: tag ? { "If-None-Match": tag } : {}, signal });
    back();
    if (response.status !== 304) {
      tag = response.headers.get("ETag") ?? "";
      const thing = (await response.json()) as T;
      yield thing;
      if (ended(thing)) return true;
    }
    await pause(AGAIN, signal);
  }
  return false;
}

function ofStream(data: string): AndonProblem {
  const problem = JSON.parse(data) as Problem;
  return new AndonProblem(problem, problem.status);
}

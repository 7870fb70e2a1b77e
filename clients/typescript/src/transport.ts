import { AndonProblem, problemOf } from "./problem.js";

/** A key or token; or what gets one, asked again when the one before has ended. */
export type TokenSource = string | (() => string | Promise<string>);

export interface Call {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** What the API has answered: its JSON, which is missing where the answer has none, and the ETag. */
export interface Answer<T> {
  body: T | undefined;
  tag: string;
}

const TRIES = 4;
const PAUSE = 250;
const LONGEST_RETRY_AFTER = 10; // somebody looks at it meanwhile

/** Calls of one API: a token that has ended is replaced once, what may pass by itself is tried again, a POST is done once. */
export class Transport {
  readonly #base: string;
  readonly #source: TokenSource | undefined;
  readonly #fetch: typeof fetch;
  #token: Promise<string> | undefined;

  constructor(url: string, token: TokenSource | undefined, fetcher: typeof fetch) {
    this.#base = baseOf(url);
    this.#source = token;
    this.#fetch = fetcher;
  }

  async json<T>(path: string, call: Call = {}): Promise<T> {
    return (await this.answer<T>(path, call)).body as T;
  }

  /** The answer, which is no refusal. */
  async answer<T>(path: string, call: Call = {}): Promise<Answer<T>> {
    const headers = { ...call.headers };
    if (call.method === "POST") headers["Idempotency-Key"] ??= newKey();
    for (let left = TRIES, renewed = false; ; ) {
      try {
        return await this.#read<T>(await this.once(path, { ...call, headers }), call.signal);
      } catch (error) {
        if (!(error instanceof AndonProblem)) throw error;
        if (error.code === "token-ended" && this.renew() && !renewed) renewed = true;
        else if (!error.passes || (error.retryAfter ?? 0) > LONGEST_RETRY_AFTER || --left <= 0) throw error;
        else await pause(waiting(error, TRIES - left), call.signal);
      }
    }
  }

  /** One try. */
  async once(path: string, call: Call): Promise<Response> {
    const headers: Record<string, string> = { ...call.headers };
    const token = await this.#present();
    if (token) headers["Authorization"] = `Bearer ${token}`;
    const body = call.body === undefined || call.body instanceof FormData ? call.body : JSON.stringify(call.body);
    if (typeof body === "string") headers["Content-Type"] = "application/json";
    let response: Response;
    try {
      response = await this.#fetch(this.#base + path, {
        method: call.method ?? "GET",
        headers,
        body: body ?? null,
        signal: call.signal ?? null,
        credentials: "omit",
        cache: "no-store",
      });
    } catch (error) {
      if (call.signal?.aborted) throw error;
      throw new AndonProblem({ title: "Andon does not answer" }, 0);
    }
    if (response.ok || response.status === 304) return response;
    throw await problemOf(response);
  }

  async #read<T>(response: Response, signal: AbortSignal | undefined): Promise<Answer<T>> {
    const tag = response.headers.get("ETag") ?? "";
    if (response.status === 204 || response.status === 304) return { body: undefined, tag };
    try {
      return { body: (await response.json()) as T, tag };
    } catch (error) {
      if (signal?.aborted) throw error;
      if (!(error instanceof SyntaxError)) throw new AndonProblem({ title: "The answer was cut off" }, 0);
      const type = response.headers.get("Content-Type") ?? "no media type";
      const detail = `${this.#base} answered ${type} instead of JSON; is the URL right?`;
      throw new AndonProblem({ title: "Not the API", detail }, response.status);
    }
  }

  /** Ask for another token at the next call; whether there is another to be had. */
  renew(): boolean {
    this.#token = undefined;
    return typeof this.#source === "function";
  }

  #present(): Promise<string> | string | undefined {
    if (typeof this.#source !== "function") return this.#source;
    const source = this.#source;
    this.#token ??= Promise.resolve()
      .then(source)
      .catch((error: unknown) => {
        this.#token = undefined;
        if (error instanceof TypeError) throw new AndonProblem({ title: "No token was to be had", detail: error.message }, 0);
        throw error;
      });
    return this.#token;
  }
}

/** Where the API is below `url`, with `/api/v1` or without: an address, or in a page a path of its own site. */
function baseOf(url: string): string {
  const inPage = typeof location !== "undefined" && /^(\/[^?#]*)?$/.test(url);
  if (!inPage && !/^https?:\/\/[^/?#]+(\/[^?#]*)?$/i.test(url)) {
    throw new TypeError(`expected the API's URL, such as https://andon.example.com, got ${JSON.stringify(url)}`);
  }
  return `${url.replace(/\/+$/, "").replace(/\/api\/v1$/, "")}/api/v1`;
}

/** In how many milliseconds to try again. */
function waiting({ retryAfter = 0 }: AndonProblem, tries: number): number {
  return retryAfter * 1000 + PAUSE * 2 ** tries * (0.5 + Math.random());
}

/** A key that nobody else has; `crypto.randomUUID` is missing in pages that came without TLS. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Wait so many milliseconds; rejects when the signal is given. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

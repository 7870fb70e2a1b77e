import { AndonProblem, problemOf } from "./problem.js";

/** A key or token; or what gets one, asked again when the one before has ended. */
export type TokenSource = string | (() => string | Promise<string>);

export interface Call {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

const TRIES = 4;
const PAUSE = 250;

/** Calls of one API: a token that has ended is replaced once, what may pass by itself is tried again, a POST is done once. */
export class Transport {
  readonly #base: string;
  readonly #source: TokenSource | undefined;
  readonly #fetch: typeof fetch;
  #token: Promise<string> | undefined;

  constructor(url: string, token: TokenSource | undefined, fetcher: typeof fetch) {
    this.#base = `${url.replace(/\/+$/, "").replace(/\/api\/v1$/, "")}/api/v1`;
    this.#source = token;
    this.#fetch = fetcher;
  }

  async json<T>(path: string, call: Call = {}): Promise<T> {
    const response = await this.answer(path, call);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  /** The answer, which is no refusal. */
  async answer(path: string, call: Call = {}): Promise<Response> {
    const headers = { ...call.headers };
    if (call.method === "POST") headers["Idempotency-Key"] ??= crypto.randomUUID();
    for (let left = TRIES, renewed = false; ; ) {
      try {
        return await this.once(path, { ...call, headers });
      } catch (error) {
        if (!(error instanceof AndonProblem)) throw error;
        if (error.code === "token-ended" && this.renew() && !renewed) renewed = true;
        else if (!error.passes || --left <= 0) throw error;
        else await pause(PAUSE * 2 ** (TRIES - left) * (0.5 + Math.random()), call.signal);
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

import type { Asked, Dataset, NewReport, NewToken, Report, Run, RunDetail, Subject, SubjectAsked, Token } from "./models.js";
import { Transport, type TokenSource } from "./transport.js";
import { watch, type WatchOptions } from "./watching.js";

export type { TokenSource, WatchOptions };

export interface Options {
  /** Where the API is, as https://andon.example.com; in a page that its own site forwards, "". */
  url: string;
  /** On a server the key; in a page a token, or what asks your server for one. */
  token?: TokenSource;
  fetch?: typeof fetch;
}

export interface AskOptions {
  /** Wait up to so many seconds: of a request until its run is made, of a cancel until it has stopped. */
  wait?: number;
  idempotencyKey?: string;
}

export interface CancelOptions extends AskOptions {
  reason?: string;
  /** Only if this is its run now: a page that is out of date stops nothing. */
  runId?: string;
}

const asking = ({ wait, idempotencyKey }: AskOptions): Record<string, string> => ({
  ...(wait ? { Prefer: `wait=${wait}` } : {}),
  ...(idempotencyKey ? { "Idempotency-Key": idempotencyKey } : {}),
});
const at = (kind: string, id: string) => `/${kind}/${encodeURIComponent(id)}`;

const of = (kind: string, id: string) => `${at("subjects", kind)}/${encodeURIComponent(id)}`;

/** The API. Refusals are `AndonProblem`s. */
export class Andon {
  readonly #transport: Transport;

  constructor(options: Options) {
    this.#transport = new Transport(options.url, options.token, options.fetch ?? fetch.bind(globalThis));
  }

  readonly reports = {
    create: (report: NewReport): Promise<Report> => this.#transport.json("/reports", { method: "POST", body: report }),
    get: (id: string): Promise<Report> => this.#transport.json(at("reports", id)),
    generate: (id: string, options: AskOptions = {}): Promise<Asked> =>
      this.#transport.json(`${at("reports", id)}/generate`, { method: "POST", headers: asking(options) }),
    /** Once this resolves, it will not complete. */
    cancel: (id: string, options: CancelOptions = {}): Promise<Asked> => this.#cancel(at("reports", id), options),
    /** The report, again at each change, until it isn't generating. */
    watch: (id: string, options?: WatchOptions): AsyncGenerator<Report> =>
      watch<Report>(this.#transport, at("reports", id), (report) => report.status !== "generating", options),
    createToken: (id: string, token: NewToken): Promise<Token> =>
      this.#transport.json(`${at("reports", id)}/tokens`, { method: "POST", body: token }),
  };

  readonly runs = {
    get: (id: string): Promise<RunDetail> => this.#transport.json(at("runs", id)),
    cancel: (id: string, options: Omit<CancelOptions, "runId"> = {}): Promise<Asked> =>
      this.#cancel(at("runs", id), options),
    watch: (id: string, options?: WatchOptions): AsyncGenerator<RunDetail> =>
      watch<RunDetail>(this.#transport, at("runs", id), (run: Run) => run.endedAt !== null, options),
    createToken: (id: string, token: NewToken): Promise<Token> =>
      this.#transport.json(`${at("runs", id)}/tokens`, { method: "POST", body: token }),
  };

  readonly subjects = {
    get: (kind: string, id: string): Promise<Subject> => this.#transport.json(of(kind, id)),
    request: (
      kind: string,
      id: string,
      data: Record<string, unknown> = {},
      options: AskOptions = {},
    ): Promise<SubjectAsked> =>
      this.#transport.json(`${of(kind, id)}/request`, { method: "POST", body: { data }, headers: asking(options) }),
    /** Once this resolves, its run will not complete. */
    cancel: (kind: string, id: string, options: CancelOptions = {}): Promise<SubjectAsked> =>
      this.#cancel(of(kind, id), options),
    /** The subject, again at each change, until it isn't active. */
    watch: (kind: string, id: string, options?: WatchOptions): AsyncGenerator<Subject> =>
      watch<Subject>(this.#transport, of(kind, id), (subject) => subject.status !== "active", options),
    createToken: (kind: string, id: string, token: NewToken): Promise<Token> =>
      this.#transport.json(`${of(kind, id)}/tokens`, { method: "POST", body: token }),
  };

  readonly datasets = {
    upload: (file: Blob, name: string): Promise<Dataset> => {
      const body = new FormData();
      body.append("file", file, name);
      return this.#transport.json("/datasets", { method: "POST", body });
    },
    get: (id: string): Promise<Dataset> => this.#transport.json(at("datasets", id)),
  };

  #cancel<T>(path: string, { reason, runId, ...options }: CancelOptions): Promise<T> {
    const body = { ...(reason ? { reason } : {}), ...(runId ? { runId } : {}) };
    return this.#transport.json(`${path}/cancel`, { method: "POST", body, headers: asking(options) });
  }
}

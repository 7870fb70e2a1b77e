import type { components } from "./schema.js";

export type Problem = components["schemas"]["Problem"];
export type ProblemCode = NonNullable<Problem["code"]>;

/** What the API refused (RFC 9457), or that nothing answers: `status` is 0 then. */
export class AndonProblem extends Error {
  readonly status: number;
  readonly code: ProblemCode | undefined;
  readonly problem: Partial<Problem>;
  /** In how many seconds to ask again, where the API said so. */
  readonly retryAfter: number | undefined;

  constructor(problem: Partial<Problem>, status: number, retryAfter?: number) {
    super(problem.detail || problem.title || `Andon answered ${status}`);
    this.name = "AndonProblem";
    this.status = status;
    this.code = problem.code;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }

  /** Whether the same call may be answered otherwise in a moment. A 409 that says when is a call that is being handled. */
  get passes(): boolean {
    if (this.status === 409) return this.retryAfter !== undefined;
    return this.status === 0 || this.status === 429 || (this.status >= 502 && this.status <= 504);
  }
}

export async function problemOf(response: Response): Promise<AndonProblem> {
  const said: unknown = await response.json().catch(() => null);
  const problem = typeof said === "object" && said !== null ? (said as Partial<Problem>) : {};
  const after = response.headers.get("Retry-After");
  const seconds = after && /^\d{1,9}$/.test(after) ? Number(after) : undefined;
  return new AndonProblem({ title: response.statusText, ...problem }, response.status, seconds);
}

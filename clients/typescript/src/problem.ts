import type { components } from "./schema.js";

export type Problem = components["schemas"]["Problem"];
export type ProblemCode = NonNullable<Problem["code"]>;

/** What the API refused (RFC 9457), or that nothing answers: `status` is 0 then. */
export class AndonProblem extends Error {
  readonly status: number;
  readonly code: ProblemCode | undefined;
  readonly problem: Partial<Problem>;

  constructor(problem: Partial<Problem>, status: number) {
    super(problem.detail || problem.title || `Andon answered ${status}`);
    this.name = "AndonProblem";
    this.status = status;
    this.code = problem.code;
    this.problem = problem;
  }

  /** Whether the same call may be answered otherwise in a moment. */
  get passes(): boolean {
    return this.status === 0 || this.status === 429 || (this.status >= 502 && this.status <= 504);
  }
}

export async function problemOf(response: Response): Promise<AndonProblem> {
  const said: unknown = await response.json().catch(() => null);
  const problem = typeof said === "object" && said !== null ? (said as Partial<Problem>) : {};
  return new AndonProblem({ title: response.statusText, ...problem }, response.status);
}

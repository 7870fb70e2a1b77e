export { Andon, type Options, type TokenSource, type WatchOptions } from "./client.js";
export { AndonProblem, type Problem, type ProblemCode } from "./problem.js";
export type { Asked, Dataset, Report, ReportStatus, Run, RunDetail, RunStatus, Token } from "./models.js";

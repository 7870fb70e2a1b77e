export { Andon, type Options, type TokenSource, type WatchOptions } from "./client.js";
export { AndonProblem, type Problem, type ProblemCode } from "./problem.js";
export type { Asked, Dataset, Report, ReportStatus, Run, RunDetail, RunStatus, Subject, SubjectAsked, Token } from "./models.js";

/** What the API shows, by the names that its document has for it. */
import type { components } from "./schema.js";

type Schemas = components["schemas"];
export type Asked = Schemas["Asked"];
export type Dataset = Schemas["Dataset"];
export type Report = Schemas["Report"];
export type ReportStatus = Report["status"];
export type Run = Schemas["Run"];
export type RunDetail = Schemas["RunDetail"];
export type RunStatus = Run["status"];
export type Subject = Schemas["Subject"];
export type SubjectAsked = Schemas["SubjectAsked"];
export type Token = Schemas["Token"];
export type NewToken = Schemas["NewToken"];
export type NewReport = Schemas["NewReport"];

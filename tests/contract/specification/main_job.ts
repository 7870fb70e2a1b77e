/** The main job with the types that openapi-typescript makes of the document, and openapi-fetch: main_job.ts URL KEY CSV. */
import { readFile } from "node:fs/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Problem = components["schemas"]["Problem"];
type Report = components["schemas"]["Report"];

const [url = "", key = "", csv = ""] = process.argv.slice(2);
const { GET, POST } = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });

function good<T>({ data, error }: { data?: T; error?: unknown }): T {
  if (data === undefined) throw new Error(`refused: ${JSON.stringify(error)}`);
  return data;
}

function refused({ error }: { error?: Problem }): Problem {
  if (error === undefined) throw new Error("it was not refused");
  return error;
}

function expect(holds: boolean, what: unknown): asserts holds {
  if (!holds) throw new Error(JSON.stringify(what));
}

async function until(id: string, ...statuses: Report["status"][]): Promise<Report> {
  for (const ends = Date.now() + 120_000; ; ) {
    const report = good(await GET("/api/v1/reports/{id}", { params: { path: { id } } }));
    if (statuses.includes(report.status)) return report;
    expect(Date.now() < ends, `it is still ${report.status}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

const file = await readFile(csv);
const dataset = good(
  await POST("/api/v1/datasets", {
    body: { file: "sales.csv" },
    bodySerializer: () => {
      const form = new FormData();
      form.append("file", new Blob([file]), "sales.csv");
      return form;
    },
  }),
);
const made = good(await POST("/api/v1/reports", { body: { title: "Sales", datasetId: dataset.id } }));
const path = { id: made.id };

const asked = good(
  await POST("/api/v1/reports/{id}/generate", {
    params: { path, header: { Prefer: "wait=20", "Idempotency-Key": `first-${made.id}` } },
  }),
);
const whole = await until(made.id, "generated", "failed");
expect(whole.status === "generated" && whole.progress === 1, whole);
const shown = whole.artifacts.find(({ name }) => name === "report.html");
const page = await GET("/api/v1/reports/{id}/artifacts/{name}", {
  params: { path: { ...path, name: "report.html" } },
  parseAs: "arrayBuffer",
});
expect(good(page).byteLength === shown?.bytes, shown);
expect(asked.runId !== null, asked);
const run = good(await GET("/api/v1/runs/{id}", { params: { path: { id: asked.runId } } }));
expect(run.status === "completed", run);

const again = good(await POST("/api/v1/reports/{id}/generate", { params: { path, header: { Prefer: "wait=20" } } }));
const cancel = (runId: string | null, reason: string) =>
  POST("/api/v1/reports/{id}/cancel", { params: { path, header: { Prefer: "wait=20" } }, body: { runId, reason } });
const stale = refused(await cancel(asked.runId, "late"));
expect(stale.status === 409 && (stale.code === "another-run" || stale.code === "conflict"), stale);
const stopped = await cancel(again.runId, "enough");
expect(stopped.data !== undefined || stopped.error.code === "conflict", stopped); // it was quicker
await until(made.id, "cancelled", "generated");

const query = { status: ["cancelled" as const, "generated" as const] };
const found = good(await GET("/api/v1/reports", { params: { query } }));
expect(found.items.some(({ id }) => id === made.id), found);
const missing = refused(await GET("/api/v1/reports/{id}", { params: { path: { id: "no-id" } } }));
expect(missing.code === "not-found", missing);
expect(good(await POST("/api/v1/events", { body: { name: "job/done" } })).ids.length === 1, "one event");
const token = good(await POST("/api/v1/reports/{id}/tokens", { params: { path }, body: { scopes: ["read"] } }));
expect(token.token.startsWith("andont_"), "a token");
console.log("typescript: uploaded, created, generated, downloaded, refused a stale cancel, cancelled, listed, sent, tokened");

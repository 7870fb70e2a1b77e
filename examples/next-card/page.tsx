import { useMemo } from "react";
import { createRoot } from "react-dom/client";
import { Andon } from "@andon/client";
import { ReportCard } from "./report-card";

/** The page: its own server makes the report and the tokens; the card talks to Andon itself, from another origin. */
function Page({ url, id }: { url: string; id: string }) {
  const andon = useMemo(() => new Andon({ url, token: () => fetchToken(id) }), [url, id]);
  return <ReportCard andon={andon} id={id} onGenerate={() => post(`/api/reports/${id}/generate`).then(() => undefined)} />;
}

async function fetchToken(id: string): Promise<string> {
  const { token } = (await (await post(`/api/reports/${id}/token`)).json()) as { token: string };
  return token;
}

async function post(path: string): Promise<Response> {
  const response = await fetch(path, { method: "POST" });
  if (!response.ok) throw new Error(`This site's server answered ${response.status}`);
  return response;
}

const root = document.getElementById("root")!;
createRoot(root).render(<Page url={root.dataset["andon"]!} id={root.dataset["report"]!} />);

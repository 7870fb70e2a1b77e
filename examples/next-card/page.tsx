import { useMemo, useState, type FormEvent } from "react";
import { createRoot } from "react-dom/client";
import { Andon } from "@andon/client";
import { ReportCard } from "./report-card";

/** The page: its own server makes the report and the tokens; the card talks to Andon itself, from another origin. */
function Page({ url, id }: { url: string; id: string }) {
  const andon = useMemo(() => new Andon({ url, token: () => fetchToken(id) }), [url, id]);
  return <ReportCard andon={andon} id={id} onGenerate={() => post(`/api/reports/${id}/generate`).then(() => undefined)} />;
}

/** Asks the page's own server for a report, and shows its card. */
function NewReport({ url }: { url: string }) {
  const [id, setId] = useState<string>();
  const [title, setTitle] = useState("");
  if (id) return <Page url={url} id={id} />;

  async function create(event: FormEvent) {
    event.preventDefault();
    const made = (await (await post("/api/reports", { title })).json()) as { id: string };
    history.replaceState(null, "", `/reports/${made.id}`);
    setId(made.id);
  }

  return (
    <form onSubmit={(event) => void create(event)}>
      <label>
        Title <input required value={title} onChange={(event) => setTitle(event.target.value)} />
      </label>
      <button>Create</button>
    </form>
  );
}

async function fetchToken(id: string): Promise<string> {
  const { token } = (await (await post(`/api/reports/${id}/token`)).json()) as { token: string };
  return token;
}

async function post(path: string, body?: object): Promise<Response> {
  const json = body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, { method: "POST", ...json });
  if (!response.ok) throw new Error(((await response.json()) as { detail?: string }).detail ?? response.statusText);
  return response;
}

const root = document.getElementById("root")!;
const { andon: url, report: id } = root.dataset as { andon: string; report?: string };
createRoot(root).render(id ? <Page url={url} id={id} /> : <NewReport url={url} />);

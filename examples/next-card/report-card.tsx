"use client";

import { useEffect, useRef, useState } from "react";
import type { Andon } from "@andon/client";
import { useReport } from "@andon/client/react";

/** A report with its progress and, while it is generating, a Cancel button behind a dialog. */
export function ReportCard({ andon, id, onGenerate }: { andon: Andon; id: string; onGenerate: () => Promise<void> }) {
  const { report, status, progress, isCancelling, isBehind, error, cancel, refresh } = useReport(andon, id);
  const [asking, setAsking] = useState(false);
  const [refused, setRefused] = useState<string>();
  const dialog = useRef<HTMLDialogElement>(null);

  useEffect(() => {
    if (asking) dialog.current?.showModal();
    else dialog.current?.close();
  }, [asking]);

  async function generate() {
    setRefused(undefined);
    try {
      await onGenerate();
      refresh();
    } catch (problem) {
      setRefused(problem instanceof Error ? problem.message : String(problem));
    }
  }

  async function confirm() {
    setAsking(false);
    await cancel("cancelled by the user");
  }

  return (
    <article aria-label={report?.title ?? "Report"} aria-busy={status === "generating"}>
      <h2>{report?.title ?? "…"}</h2>
      <p data-testid="status" role="status">
        {isCancelling ? "cancelling" : status ?? "loading"}
        {isBehind && !error && " (connection lost, trying again)"}
      </p>
      {status === "generating" && <progress aria-label="Progress" max={1} value={progress ?? 0} />}
      {status === "failed" && <p role="alert">{report?.error ?? "It has failed."}</p>}
      {refused && <p role="alert">{refused}</p>}
      {error && (
        <p role="alert">
          {error.message} <button onClick={refresh}>Look again</button>
        </p>
      )}
      {status === "generating" ? (
        <button disabled={isCancelling} onClick={() => setAsking(true)}>
          Cancel
        </button>
      ) : (
        <button onClick={() => void generate()}>Generate</button>
      )}
      <dialog ref={dialog} aria-label="Cancel this report?" onClose={() => setAsking(false)}>
        <p>Cancel the generation? What it has done so far is thrown away.</p>
        <button onClick={() => setAsking(false)}>Keep going</button>
        <button onClick={() => void confirm()}>Yes, cancel it</button>
      </dialog>
    </article>
  );
}

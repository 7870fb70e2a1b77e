import { useCallback, useEffect, useRef, useState } from "react";
import type { Andon } from "./client.js";
import type { Report, ReportStatus } from "./models.js";

export interface ReportView {
  report: Report | undefined;
  status: ReportStatus | undefined;
  /** From 0 to 1; null while nobody knows. */
  progress: number | null;
  /** Whether somebody has cancelled it, here or elsewhere, and its code has not stopped yet. */
  isCancelling: boolean;
  /** Whether what is shown may be behind. */
  isBehind: boolean;
  error: Error | undefined;
  /** Cancel the run that is shown, and no other; resolves to whether that was accepted. */
  cancel: (reason?: string) => Promise<boolean>;
  /** Look again: after a new request, or an error. */
  refresh: () => void;
}

/** The report as it is now, and again at each change. */
export function useReport(andon: Andon, id: string): ReportView {
  const [report, setReport] = useState<Report>();
  const [error, setError] = useState<Error>();
  const [isBehind, setBehind] = useState(false);
  const [asked, setAsked] = useState<string | null>(null);
  const [round, setRound] = useState(0);
  const shown = useRef<Report>(undefined);

  useEffect(() => {
    const stopping = new AbortController();
    const follow = async () => {
      try {
        for await (const now of andon.reports.watch(id, {
          signal: stopping.signal,
          onConnection: (connected) => setBehind(!connected),
        })) {
          shown.current = now;
          setReport(now);
          setBehind(false);
        }
      } catch (problem) {
        if (!stopping.signal.aborted) setError(problem instanceof Error ? problem : new Error(String(problem)));
      }
    };
    void follow();
    return () => stopping.abort();
  }, [andon, id, round]);

  const cancel = useCallback(
    async (reason?: string) => {
      const runId = shown.current?.run?.id;
      setError(undefined);
      setAsked(runId ?? "");
      try {
        await andon.reports.cancel(id, { ...(reason ? { reason } : {}), ...(runId ? { runId } : {}) });
        return true;
      } catch (problem) {
        setAsked(null);
        setError(problem instanceof Error ? problem : new Error(String(problem)));
        return false;
      }
    },
    [andon, id],
  );

  const refresh = useCallback(() => {
    setError(undefined);
    setRound((before) => before + 1);
  }, []);

  const generating = report?.status === "generating";
  const here = asked !== null && asked === (report?.run?.id ?? "");
  return {
    report,
    status: report?.status,
    progress: report?.progress ?? null,
    isCancelling: generating && (here || report.run?.cancel != null),
    isBehind,
    error,
    cancel,
    refresh,
  };
}

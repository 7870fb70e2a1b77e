import { useCallback, useEffect, useRef, useState } from "react";
import type { Andon, CancelOptions } from "./client.js";
import type { Report, Run, Subject } from "./models.js";
import type { WatchOptions } from "./watching.js";

export interface View<T extends Thing> {
  thing: T | undefined;
  status: T["status"] | undefined;
  /** From 0 to 1; null while nobody knows. */
  progress: number | null;
  /** Whether somebody has cancelled it, here or elsewhere, and its code has not stopped yet. */
  isCancelling: boolean;
  /** Whether what is shown may be behind. */
  isBehind: boolean;
  error: Error | undefined;
  /** Cancel it; resolves to whether that was accepted. */
  cancel: (reason?: string) => Promise<boolean>;
  /** Look again: after a new request, or an error. */
  refresh: () => void;
}

interface Thing {
  status: string;
  progress: number | null;
  run: Run | null;
}

/** The report as it is now, and again at each change. Cancels the run that is shown, and no other. */
export function useReport(andon: Andon, id: string): View<Report> & { report: Report | undefined } {
  const watch = useCallback((options: WatchOptions) => andon.reports.watch(id, options), [andon, id]);
  const cancel = useCallback(
    (reason: string | undefined, run: Run | null) => andon.reports.cancel(id, shownOnly(reason, run)),
    [andon, id],
  );
  const view = useThing<Report>(id, watch, cancel, "generating");
  return { ...view, report: view.thing };
}

/** The subject as it is now, and again at each change. Cancels the run that is shown, and no other. */
export function useSubject(andon: Andon, kind: string, id: string): View<Subject> & { subject: Subject | undefined } {
  const watch = useCallback((options: WatchOptions) => andon.subjects.watch(kind, id, options), [andon, kind, id]);
  const cancel = useCallback(
    (reason: string | undefined, run: Run | null) => andon.subjects.cancel(kind, id, shownOnly(reason, run)),
    [andon, kind, id],
  );
  const view = useThing<Subject>(`${kind}/${id}`, watch, cancel, "active");
  return { ...view, subject: view.thing };
}

const shownOnly = (reason: string | undefined, run: Run | null): CancelOptions => ({
  ...(reason ? { reason } : {}),
  ...(run ? { runId: run.id } : {}),
});

function useThing<T extends Thing>(
  name: string,
  watch: (options: WatchOptions) => AsyncGenerator<T>,
  ask: (reason: string | undefined, run: Run | null) => Promise<unknown>,
  going: T["status"],
): View<T> {
  const [thing, setThing] = useState<T>();
  const [error, setError] = useState<Error>();
  const [isBehind, setBehind] = useState(false);
  const [asked, setAsked] = useState<string | null>(null);
  const [round, setRound] = useState(0);
  const [of, setOf] = useState(name);
  const shown = useRef<T>(undefined);

  if (of !== name) {
    setOf(name);
    setThing(undefined); // nothing of another thing is shown, or cancelled, under this one's name
    setError(undefined);
    setBehind(false);
    setAsked(null);
  }
  useEffect(() => {
    shown.current = thing;
  }, [thing]);

  useEffect(() => {
    const stopping = new AbortController();
    const follow = async () => {
      try {
        for await (const now of watch({
          signal: stopping.signal,
          onConnection: (connected) => setBehind(!connected),
        })) {
          if (stopping.signal.aborted) return;
          setThing(now);
          setBehind(false);
        }
      } catch (problem) {
        if (!stopping.signal.aborted) setError(problem instanceof Error ? problem : new Error(String(problem)));
      }
    };
    void follow();
    return () => stopping.abort();
  }, [watch, round]);

  const cancel = useCallback(
    async (reason?: string) => {
      const run = shown.current?.run ?? null;
      setError(undefined);
      setAsked(run?.id ?? "");
      try {
        await ask(reason, run);
        return true;
      } catch (problem) {
        setAsked(null);
        setError(problem instanceof Error ? problem : new Error(String(problem)));
        return false;
      }
    },
    [ask],
  );

  const refresh = useCallback(() => {
    setError(undefined);
    setRound((before) => before + 1);
  }, []);

  const here = asked !== null && asked === (thing?.run?.id ?? "");
  return {
    thing,
    status: thing?.status,
    progress: thing?.progress ?? null,
    isCancelling: thing?.status === going && (here || thing.run?.cancel != null),
    isBehind,
    error,
    cancel,
    refresh,
  };
}

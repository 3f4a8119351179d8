// What the server tells by itself: alerts as they change and how ingestion stands.
import { readStatus, streamPath } from './api';
import type { Alert, Status } from './api-types';
import { whenIdle } from './later';

export type Connection = 'connecting' | 'open' | 'lost';

/** The browser reconnects by itself after a broken line, but gives up on an error answer; then we try again. */
const RETRY_MS = 10_000;

export const live = $state<{ connection: Connection; status: Status | null; reconnects: number }>({
  connection: 'connecting',
  status: null,
  /** Grows when the line is back after a break: what happened in between has to be asked for. */
  reconnects: 0,
});

/** The time in the data: events may be simulated or late, so that the clock on the wall says little. */
export const dataTime = (): number => (live.status?.watermark ? Date.parse(live.status.watermark) : Date.now());

const listeners = new Set<(alert: Alert) => void>();

/** Calls `listener` with every alert that opens or changes; answers with the way to stop. */
export function onAlert(listener: (alert: Alert) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Connects, and keeps connected until the answer is called. */
export function connect(): () => void {
  let source: EventSource | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  void refreshStatus();

  const open = () => {
    source = new EventSource(streamPath);
    source.addEventListener('open', () => {
      if (live.connection === 'lost') {
        live.reconnects += 1;
        void refreshStatus();
      }
      live.connection = 'open';
    });
    source.addEventListener('alert', (event) => {
      const alert = JSON.parse(event.data) as Alert;
      for (const listener of listeners) listener(alert);
    });
    source.addEventListener('ingestion', (event) => {
      live.status = JSON.parse(event.data) as Status;
    });
    source.addEventListener('error', () => {
      live.connection = 'lost';
      if (source?.readyState === EventSource.CLOSED) retry = setTimeout(open, RETRY_MS);
    });
  };
  // It stays open: until the page is there it would hold one of the few lines that a browser has to a server.
  const forget = whenIdle(open);
  return () => {
    forget();
    clearTimeout(retry);
    source?.close();
  };
}

async function refreshStatus(): Promise<void> {
  try {
    live.status = await readStatus();
  } catch {
    // The header already says that the line is down; the stream brings the next state.
  }
}

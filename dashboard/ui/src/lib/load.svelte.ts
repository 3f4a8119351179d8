// Reading something for a page: what is there, what went wrong, and the way to try again. `Loaded.svelte` shows it.
import { live } from './live.svelte';

export interface Loading<T> {
  /** The newest answer; kept while another one is on its way. */
  readonly value: T | undefined;
  /** Why the newest question has no answer. */
  readonly error: unknown;
  readonly isBusy: boolean;
  again: () => void;
}

/**
 * Asks when the component is there, and again whenever what `ask` reads has changed or the line was broken. Call it
 * while a component is made. `ask` answers undefined where there is nothing to ask.
 */
export function load<T>(ask: (signal: AbortSignal) => Promise<T> | undefined): Loading<T> {
  let value = $state.raw<T | undefined>();
  let error = $state.raw<unknown>();
  let isBusy = $state(true);
  let attempt = $state(0);
  $effect(() => {
    void [attempt, live.reconnects];
    const leave = new AbortController();
    const answer = ask(leave.signal);
    isBusy = answer !== undefined;
    answer?.then(
      (read) => {
        if (leave.signal.aborted) return;
        value = read;
        error = undefined;
        isBusy = false;
      },
      (reason: unknown) => {
        if (leave.signal.aborted) return;
        error = reason;
        isBusy = false;
      },
    );
    return () => leave.abort();
  });
  return {
    get value() {
      return value;
    },
    get error() {
      return error;
    },
    get isBusy() {
      return isBusy;
    },
    again: () => {
      attempt += 1;
    },
  };
}

// Which page the address names, and how to go to another. The address is the state: whatever a person may want to
// send to a colleague is in it.
import { createSubscriber } from 'svelte/reactivity';

export type Route = { page: 'inbox' } | { page: 'alert'; id: string } | { page: 'selftest' } | { page: 'missing' };

export function match(path: string): Route {
  const parts = path.split('/').filter((part) => part !== '');
  if (parts.length === 0) return { page: 'inbox' };
  if (parts.length === 1 && parts[0] === 'selftest') return { page: 'selftest' };
  if (parts.length === 2 && parts[0] === 'alerts' && parts[1] !== undefined) {
    const id = decoded(parts[1]);
    if (id !== undefined) return { page: 'alert', id };
  }
  return { page: 'missing' };
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

/** `address` with these parameters set, or left out where undefined. */
export function withParameters(address: string, change: Record<string, string | undefined>): string {
  const [path = '/', search = ''] = address.split('?');
  const parameters = new URLSearchParams(search);
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) parameters.delete(name);
    else parameters.set(name, value);
  }
  const text = parameters.toString();
  return text === '' ? path : `${path}?${text}`;
}

const MOVED = 'hark:moved';

const subscribe = createSubscriber((update) => {
  addEventListener('popstate', update);
  addEventListener(MOVED, update);
  return () => {
    removeEventListener('popstate', update);
    removeEventListener(MOVED, update);
  };
});

/** The current address; reading it in an effect or a template follows it. */
export const here = {
  get path(): string {
    subscribe();
    return location.pathname;
  },
  get parameters(): URLSearchParams {
    subscribe();
    return new URLSearchParams(location.search);
  },
  get address(): string {
    subscribe();
    return location.pathname + location.search;
  },
};

export function go(address: string, { replace = false } = {}): void {
  history[replace ? 'replaceState' : 'pushState'](null, '', address);
  dispatchEvent(new Event(MOVED));
}

/** Makes plain links change the address without loading it anew; `data-replace` leaves no step to go back to. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element).closest('a');
  if (link === null || link.origin !== location.origin || link.target !== '' || link.hash !== '') return;
  if (match(link.pathname).page === 'missing') return;
  event.preventDefault();
  go(link.pathname + link.search, { replace: link.dataset.replace !== undefined });
}

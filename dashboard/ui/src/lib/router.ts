// Which page the address names, and how to go to another. The address is the state: whatever a person may want to
// send to a colleague is in it.
import { createSubscriber } from 'svelte/reactivity';
import { type Page, PAGES } from '../pages/list';

export interface Route {
  /** Undefined where no page is at this address. */
  page: Page | undefined;
  /** What the address names on that page; empty where it names nothing. */
  id: string;
}

const MISSING: Route = { page: undefined, id: '' };

export function match(path: string): Route {
  const [first = '', ...rest] = path.split('/').filter((part) => part !== '');
  const page = PAGES.find((one) => one.path === first);
  if (page === undefined || rest.length > 1) return MISSING;
  const [part] = rest;
  if (part === undefined) return page.takes === 'an id' ? MISSING : { page, id: '' };
  const id = decoded(part);
  return page.takes === 'nothing' || id === undefined ? MISSING : { page, id };
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

let search = '';
let parameters = new URLSearchParams();

/** The current address; reading it in an effect or a template follows it. */
export const here = {
  get path(): string {
    subscribe();
    return location.pathname;
  },
  /** To be read only: a page asks for them hundreds of times, so that they are taken apart once for each address. */
  get parameters(): URLSearchParams {
    subscribe();
    if (location.search !== search) {
      search = location.search;
      parameters = new URLSearchParams(search);
    }
    return parameters;
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
  if (match(link.pathname).page === undefined) return;
  event.preventDefault();
  go(link.pathname + link.search, { replace: link.dataset.replace !== undefined });
}

// Single keys that do something, each page's own; listed by `?`, switched off by whoever speaks to their machine.
import { keep, kept } from './kept';

export interface Key {
  key: string;
  /** What it does, in words: `next alert`. */
  says: string;
  act: () => void;
}

interface Group {
  title: string;
  keys: Key[];
}

const groups = $state.raw<{ all: Group[] }>({ all: [] });
let isOn = $state(kept('keys') !== 'off');
let isHelpOpen = $state(false);

export const keyboard = {
  get isOn(): boolean {
    return isOn;
  },
  set isOn(wanted: boolean) {
    isOn = wanted;
    keep('keys', wanted ? undefined : 'off');
  },
  get isHelpOpen(): boolean {
    return isHelpOpen;
  },
  set isHelpOpen(wanted: boolean) {
    isHelpOpen = wanted;
  },
  groups: (): { title: string; keys: Pick<Key, 'key' | 'says'>[] }[] => [
    ...groups.all,
    { title: 'Everywhere', keys: [{ key: '/', says: 'to the search or filter' }, { key: '?', says: 'this list' }] },
  ],
};

/** Gives keys a meaning until the answer is called; for `$effect(() => useKeys(…))`. */
export function useKeys(title: string, keys: Key[]): () => void {
  const group = { title, keys };
  groups.all = [...groups.all, group];
  return () => {
    groups.all = groups.all.filter((one) => one !== group);
  };
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** The window's key presses. A key with a modifier belongs to the browser, one in a field to the field. */
export function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key === '?') {
    event.preventDefault();
    isHelpOpen = !isHelpOpen;
    return;
  }
  if (!isOn || isHelpOpen) return;
  if (event.key === '/') {
    const field = document.querySelector<HTMLElement>('[data-search]');
    if (field === null) return;
    event.preventDefault();
    field.focus();
    return;
  }
  const wanted = groups.all.flatMap(({ keys }) => keys).find(({ key }) => key === event.key);
  if (wanted === undefined) return;
  event.preventDefault();
  wanted.act();
}

// What this browser keeps for its reader: a name, a colour scheme. Without storage it is asked for each time.

export function kept(key: string): string | undefined {
  try {
    return localStorage.getItem(`hark.${key}`) ?? undefined;
  } catch {
    return undefined;
  }
}

export function keep(key: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(`hark.${key}`);
    else localStorage.setItem(`hark.${key}`, value);
  } catch {
    // Storage is switched off: the choice holds until the page is closed.
  }
}

// The alerts before and after one, in the list it was opened from.
let listed: string[] = [];

/** Remembers the order of the list as it stands on the screen. */
export const rememberOrder = (ids: string[]): void => {
  listed = ids;
};

export const neighbours = (id: string, by: 1 | -1): string | undefined => {
  const at = listed.indexOf(id);
  return at < 0 ? undefined : listed[at + by];
};

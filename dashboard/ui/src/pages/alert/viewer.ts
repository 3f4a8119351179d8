// Who is looking, remembered in this browser; without storage it is asked for each time.
const KEY = 'hark.viewer';

export const viewer = {
  get name(): string {
    try {
      return localStorage.getItem(KEY) ?? '';
    } catch {
      return '';
    }
  },
  set name(name: string) {
    try {
      localStorage.setItem(KEY, name);
    } catch {
      // Storage is switched off: the name is then typed again next time.
    }
  },
};

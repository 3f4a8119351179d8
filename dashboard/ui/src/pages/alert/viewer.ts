// Who is looking, remembered in this browser.
import { keep, kept } from '../../lib/kept';

export const viewer = {
  get name(): string {
    return kept('viewer') ?? '';
  },
  set name(name: string) {
    keep('viewer', name);
  },
};

// Who is looking, and of which team: remembered in this browser until hark knows people.
import { keep, kept } from './kept';

export const viewer = {
  get name(): string {
    return kept('viewer') ?? '';
  },
  set name(name: string) {
    keep('viewer', name || undefined);
  },
  get team(): string {
    return kept('team') ?? '';
  },
  set team(team: string) {
    keep('team', team || undefined);
  },
};

// The kinds of changes there are.
import type { ChangeKind } from '../../lib/api-types';

export const KINDS: { kind: ChangeKind; label: string }[] = [
  { kind: 'deploy', label: 'Deploy' },
  { kind: 'config', label: 'Configuration' },
  { kind: 'model', label: 'Model' },
  { kind: 'experiment', label: 'Experiment' },
  { kind: 'holiday', label: 'Holiday' },
  { kind: 'incident', label: 'Incident' },
];

const DAY_MS = 86_400_000;
/** The page shows as much, or back to the change that a link names. */
const SHOWN_MS = 35 * DAY_MS;

/** The address of one change, marked among those around it. */
export const changePath = (id: string, at: number): string => `/changes?change=${encodeURIComponent(id)}&at=${at}`;

export const shownFrom = (now: number, at: string | null): number => {
  const wanted = Number(at ?? NaN);
  return Number.isFinite(wanted) && wanted > 0 ? Math.min(now - SHOWN_MS, wanted - DAY_MS) : now - SHOWN_MS;
};

// Versions of models, told for people.
import type { ModelOrder } from '../../lib/api-models';
import type { ImportedModel, ModelStanding, ModelVersion } from '../../lib/api-types';
import { plural } from '../../lib/format';

export const STANDING_WORD: Record<ModelStanding, string> = {
  shadow: 'Shadow',
  staged: 'Staged',
  active: 'Active',
  replaced: 'Replaced',
  refused: 'Refused',
  rolled_back: 'Rolled back',
};

/** What it means for who reads an alert. */
export const STANDING_MEANS: Record<ModelStanding, string> = {
  shadow: 'on trial: it sees the same stream, and nobody hears of it',
  staged: 'it judges one series in four',
  active: 'it judges',
  replaced: 'a newer one judges; it can be gone back to',
  refused: 'it was no better than the one it was to replace',
  rolled_back: 'it had to go, and is not come back to',
};

export interface OfMetric {
  metric: string;
  /** Which of the metric's models. */
  detector: string;
  /** Newest first. */
  versions: ModelVersion[];
  /** The version that is on trial, and could be promoted. */
  trial: ModelVersion | undefined;
  /** The version that a roll back would make active. */
  back: ModelVersion | undefined;
}

/** In the server's order. */
export function byModel(versions: ModelVersion[]): OfMetric[] {
  const groups: OfMetric[] = [];
  for (const version of versions) {
    const { metric, detector } = version;
    const group = groups.find((one) => one.metric === metric && one.detector === detector);
    if (group) group.versions.push(version);
    else groups.push({ metric, detector, versions: [version], trial: undefined, back: undefined });
  }
  for (const group of groups) {
    group.trial = group.versions.find(({ standing }) => standing === 'shadow' || standing === 'staged');
    group.back = goneBackTo(group.versions);
  }
  return groups;
}

/** The newest that was replaced, if nothing was gone back from since. */
function goneBackTo(versions: ModelVersion[]): ModelVersion | undefined {
  const active = versions.find((one) => one.standing === 'active');
  return versions.find((one) => one.standing === 'replaced' && active !== undefined && one.number < active.number && one.since >= active.since);
}

/** What can be ordered of a metric's versions now, as a button, with what it leads to. */
export function ordersOf({ versions, trial, back }: OfMetric): { order: ModelOrder; label: string; leads: string; done: string }[] {
  const first = !versions.some(({ standing }) => standing === 'active');
  const next = !trial
    ? { order: 'train' as const, label: 'Train now', leads: 'A new version is trained on the quiet hours known so far, and begins its trial.', done: 'A new version is on trial' }
    : {
        order: 'promote' as const,
        label: `Promote version ${trial.number}`,
        leads: `Version ${trial.number} goes on without waiting for its gate: it will judge ${trial.standing === 'staged' || first ? 'every series' : 'one series in four'}.`,
        done: `Version ${trial.number} is one step on`,
      };
  const before = back && {
    order: 'rollback' as const,
    label: `Go back to version ${back.number}`,
    leads: `Version ${back.number} will judge again from the next step on, and the active one is not come back to.`,
    done: 'The version before judges again',
  };
  return before ? [next, before] : [next];
}

/** `caught 74 % of what was put in; 9 of 1,012 quiet hours strange`. */
export function figures({ measured }: Pick<ModelVersion, 'measured'>): string {
  if (!measured || measured.rows === 0) return 'not measured yet';
  const caught = Math.round((100 * measured.caught) / measured.rows);
  return `${caught} % caught; ${measured.false_alarms} of ${measured.rows.toLocaleString('en')} quiet hours strange`;
}

/** The reason as the server says it, as a sentence. */
export const sentence = (reason: string): string => (reason === '' ? '' : `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`);

/** `24 rows of 1 column, made up again`: what it is asked, and what it gives. */
export function asksAndGives({ time, columns, gives }: Pick<ImportedModel, 'time' | 'columns' | 'gives'>): string {
  const rows = `${plural(time, 'row')} of ${plural(columns, 'column')}`;
  return gives === 'reconstruction' ? `${rows}, made up again` : `a score of ${rows}`;
}

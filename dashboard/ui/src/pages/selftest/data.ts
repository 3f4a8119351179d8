// The self-test's report, sorted for people.
import type { Funnel, FunnelStage, SelfTest, Sensitivity } from '../../lib/api-types';
import { count, fixed, grouped, plural, THIN } from '../../lib/format';

export interface OfMetric {
  metric: string;
  rows: Sensitivity[];
}

/** Rows by metric, in the server's order: the widest slice of each comes first. */
export function byMetric(sensitivities: Sensitivity[]): OfMetric[] {
  const groups: OfMetric[] = [];
  for (const row of sensitivities) {
    const group = groups.find((one) => one.metric === row.metric);
    if (group) group.rows.push(row);
    else groups.push({ metric: row.metric, rows: [row] });
  }
  return groups;
}

/** `9 of the last 12`; nothing where nothing was tried. */
export const outOf = ({ tried, good }: SelfTest['strong'], isGoodCounted: boolean): string =>
  tried === 0 ? 'none tried yet' : `${count(isGoodCounted ? good : tried - good)} of the last ${count(tried)}`;

/** `0.4 to 2.9`. */
export const range = ([low, high]: [number, number]): string => `${fixed(low, 1)} to ${fixed(high, 1)}`;

/** `12 (34 %)`. */
export function droppedShare({ came, dropped }: Pick<FunnelStage, 'came' | 'dropped'>): string {
  return dropped === 0 ? '0' : `${count(dropped)} (${Math.round((100 * dropped) / came)}${THIN}%)`;
}

/** What became of those that passed. */
export function outcome({ opened, reopened, merged, open }: Pick<Funnel, 'opened' | 'reopened' | 'merged' | 'open'>): string {
  const parts = [`${plural(opened, 'alert was opened', 'alerts were opened')}`];
  if (reopened > 0) parts.push(`${count(reopened)} fired again`);
  if (merged > 0) parts.push(`${count(merged)} turned out to be part of another`);
  if (open > 0) parts.push(`${plural(open, 'candidate is', 'candidates are')} undecided`);
  return `${parts.join(', ')}.`;
}

/** `+10 % within 2 h 30 min; a drift of −50 % within 4 h`: what is caught, under a heading that says so. */
export const caught = (sentence: string): string =>
  grouped(sentence.replace(/^would catch /, '').replace(/^nothing/, 'Nothing')).replace(', a drift', '; a drift');

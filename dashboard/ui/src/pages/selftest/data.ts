// The self-test's report, sorted for people.
import type { SelfTest, Sensitivity } from '../../lib/api-types';

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
  tried === 0 ? 'none tried yet' : `${isGoodCounted ? good : tried - good} of the last ${tried}`;

/** `0.4 to 2.9`. */
export const range = ([low, high]: [number, number]): string => `${low.toFixed(1)} to ${high.toFixed(1)}`;

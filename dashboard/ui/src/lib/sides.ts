// What is different, from the server's two sides: bars of a dimension, cells of a heat map, bins of a distribution.
import type { Compared, Drivers, DriverValue, HeatMap } from './api-types';
import { count, difference, percent, plural, quantity, THIN } from './format';
import { dimensionName } from './slice';

/** Below this part of the excess a value is as good as untouched. */
const TOUCHED_FROM = 0.1;
const NO_VALUE = '(none)';

export const valueName = (value: string): string => (value === '' ? NO_VALUE : value);

/** `slower than 812 ms`, `failed`: what the bars are shares of; undefined where requests themselves are counted. */
export function badName({ bad, bad_above, unit }: Compared): string | undefined {
  if (!bad) return undefined;
  return bad_above == null ? 'bad requests' : `requests slower than ${quantity(bad_above, unit)}`;
}

export interface Pair {
  label: string;
  before: number;
  during: number;
  beforeText: string;
  duringText: string;
  note: string | undefined;
  tone: 'bad' | 'good' | 'plain';
  /** Everything there is to say of it, for those who ask. */
  title: string;
}

export function pairOf(value: DriverValue, isCount: boolean): Pair {
  const part = value.contribution ?? 0;
  const share = (of: number | null | undefined) => (of == null ? 'none came' : percent(of));
  const excess = isCount ? difference(Math.round(value.excess), '') : `${difference(Math.round(value.excess), '')} bad`;
  return {
    label: valueName(value.value),
    before: value.share_before ?? 0,
    during: value.share_during ?? 0,
    beforeText: share(value.share_before),
    duringText: share(value.share_during),
    note: value.contribution == null ? undefined : partText(part),
    tone: part >= TOUCHED_FROM ? 'bad' : part <= -TOUCHED_FROM ? 'good' : 'plain',
    title: `${plural(value.requests, 'request')} during, ${count(value.requests_before)} in the time before; ${excess} against what is usual`,
  };
}

/** `83 %`, `−4.0 %`; a hundredth of the whole is nothing. */
const partText = (part: number): string => (Math.abs(part) < 0.01 ? `0${THIN}%` : percent(part));

export interface Dimension {
  name: string;
  label: string;
  /** `explains 83 % beyond its share of the traffic`; undefined where it tells nothing. */
  says: string | undefined;
  values: (Pair & { value: string | undefined })[];
}

/** Below this, a dimension's values fared alike. */
const TELLING_FROM = 0.15;

export function dimensionsOf(drivers: Drivers): Dimension[] {
  const isCount = drivers.compared.bad == null;
  return drivers.dimensions.map(({ dimension, explained, values, others }) => ({
    name: dimension,
    label: dimensionName(dimension),
    says: explained >= TELLING_FROM ? `${percent(explained)} of the excess lies elsewhere than the traffic` : undefined,
    values: [
      ...values.map((value) => ({ ...pairOf(value, isCount), value: value.value === '' ? undefined : value.value })),
      ...(others ? [{ ...pairOf(others, isCount), value: undefined }] : []),
    ],
  }));
}

export const isTelling = (dimension: Dimension): boolean => dimension.says !== undefined;

export interface Cell {
  heat: number | null;
  text: string;
  title: string;
}

/** Contributions are drawn on one scale, from the largest part in the map. */
export function cellsOf(map: HeatMap): Cell[][] {
  const isCount = map.compared.bad == null;
  const all = map.cells.flat().filter((cell): cell is DriverValue => cell !== null && cell !== undefined);
  const most = Math.max(...all.map((cell) => Math.abs(cell.contribution ?? 0)), Number.MIN_VALUE);
  return map.cells.map((row, at) =>
    row.map((cell, column) => {
      const where = `${valueName(map.row_values[at] ?? '')}, ${valueName(map.column_values[column] ?? '')}`;
      if (!cell) return { heat: null, text: '', title: `${where}: no requests` };
      const part = cell.contribution ?? 0;
      const shares = isCount ? '' : `; bad ${cell.share_before == null ? 'unknown' : percent(cell.share_before)} → ${cell.share_during == null ? 'none came' : percent(cell.share_during)}`;
      return {
        heat: cell.contribution == null ? null : part / most,
        text: partText(part),
        title: `${where}: ${partText(part)} of the excess; ${plural(cell.requests, 'request')}${shares}`,
      };
    }),
  );
}

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

/**
 * From -1 to 1, worse above zero. Of bad requests more are worse, also where there are fewer of them in all and a part of the
 * difference is a part of what got better; of requests themselves nobody here knows, and the part stands for itself.
 */
const worseBy = ({ excess, contribution }: DriverValue, isCount: boolean): number =>
  isCount ? (contribution ?? 0) : Math.sign(excess) * Math.abs(contribution ?? 0);

/** What the parts are parts of: the excess, or what there are fewer of. */
export const wholeName = ({ bad }: Compared, excess: number): string => (bad && excess < 0 ? 'improvement' : 'excess');

/** Which way all of it went, below zero where there are fewer: any cell with a part says so, also where not all are drawn. */
export function directionOf(map: HeatMap): number {
  const cell = map.cells.flat().find((one) => one?.contribution && one.excess);
  return cell ? Math.sign(cell.excess) * Math.sign(cell.contribution ?? 0) : 0;
}

export function pairOf(value: DriverValue, isCount: boolean): Pair {
  const part = value.contribution ?? 0;
  const worse = worseBy(value, isCount);
  const share = (of: number | null | undefined) => (of == null ? 'none came' : percent(of));
  const excess = isCount ? difference(Math.round(value.excess), '') : `${difference(Math.round(value.excess), '')} bad`;
  return {
    label: valueName(value.value),
    before: value.share_before ?? 0,
    during: value.share_during ?? 0,
    beforeText: share(value.share_before),
    duringText: share(value.share_during),
    note: value.contribution == null ? undefined : partText(part),
    tone: worse >= TOUCHED_FROM ? 'bad' : worse <= -TOUCHED_FROM ? 'good' : 'plain',
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

/** A cell or a value with all its numbers, for the tables behind the pictures. */
export interface Told {
  key: string;
  names: [string, string];
  /** Of the excess. */
  part: number | null;
  before: number | null;
  during: number | null;
  requests: number;
}

const toldOf = (names: [string, string], value: DriverValue): Told => ({
  key: names.join('\u0000'),
  names,
  part: value.contribution ?? null,
  before: value.share_before ?? null,
  during: value.share_during ?? null,
  requests: value.requests,
});

/** Cells in which there was something, the largest parts first. */
export const cellTable = (map: HeatMap): Told[] =>
  map.cells
    .flatMap((row, at) => row.flatMap((cell, column) => (cell ? [toldOf([valueName(map.row_values[at] ?? ''), valueName(map.column_values[column] ?? '')], cell)] : [])))
    .sort((one, other) => Math.abs(other.part ?? 0) - Math.abs(one.part ?? 0));

/** Every value of every dimension, as the bars draw them. */
export const driverTable = (drivers: Drivers): Told[] =>
  drivers.dimensions.flatMap(({ dimension, values, others }) =>
    [...values, ...(others ? [others] : [])].map((value) => toldOf([dimensionName(dimension), valueName(value.value)], value)),
  );

/** Contributions are drawn on one scale, from the largest part in the map. */
export function cellsOf(map: HeatMap): Cell[][] {
  const isCount = map.compared.bad == null;
  const whole = wholeName(map.compared, directionOf(map));
  const all = map.cells.flat().filter((cell): cell is DriverValue => cell !== null && cell !== undefined);
  const most = Math.max(...all.map((cell) => Math.abs(cell.contribution ?? 0)), Number.MIN_VALUE);
  return map.cells.map((row, at) =>
    row.map((cell, column) => {
      const where = `${valueName(map.row_values[at] ?? '')}, ${valueName(map.column_values[column] ?? '')}`;
      if (!cell) return { heat: null, text: '', title: `${where}: no requests` };
      const part = cell.contribution ?? 0;
      const shares = isCount ? '' : `; bad ${cell.share_before == null ? 'unknown' : percent(cell.share_before)} → ${cell.share_during == null ? 'none came' : percent(cell.share_during)}`;
      return {
        heat: cell.contribution == null ? null : worseBy(cell, isCount) / most,
        text: partText(part),
        title: `${where}: ${partText(part)} of the ${whole}; ${plural(cell.requests, 'request')}${shares}`,
      };
    }),
  );
}

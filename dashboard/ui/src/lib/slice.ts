// A slice of traffic, in words and in the API's spelling.
import type { Slice } from './api-types';

/** Most telling first; dimensions that are not named here follow by name. */
const ORDER = ['feature', 'platform', 'os_version', 'build', 'device', 'locale', 'network', 'cluster'];

const PHRASE: Record<string, (value: string) => string> = {
  feature: (value) => `for ${value}`,
  platform: (value) => `on ${value}`,
  os_version: (value) => `on OS ${value}`,
  build: (value) => `in build ${value}`,
  device: (value) => `on ${value}`,
  locale: (value) => `in ${value}`,
  network: (value) => `over ${value}`,
  cluster: (value) => `in ${value}`,
};

export const isTotal = (slice: Slice): boolean => Object.keys(slice).length === 0;

export const sameSlice = (a: Slice, b: Slice): boolean => sliceText(a) === sliceText(b);

/** `locale:de_DE,os_version:26.1`, as the API spells it; empty for all traffic. */
export const sliceText = (slice: Slice): string =>
  Object.entries(slice)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([dimension, value]) => `${dimension}:${value}`)
    .join(',');

/** `on iOS 26.1 in de_DE`; empty for all traffic. */
export function slicePhrase(slice: Slice): string {
  const rest = { ...slice };
  const words: string[] = [];
  for (const dimension of dimensionsOf(slice)) {
    const value = rest[dimension];
    if (value === undefined) continue;
    const version = dimension === 'platform' ? rest.os_version : undefined;
    if (version !== undefined) {
      words.push(`on ${value} ${version}`);
      delete rest.os_version;
      continue;
    }
    words.push(PHRASE[dimension]?.(value) ?? `where ${dimensionName(dimension)} is ${value}`);
  }
  return words.join(' ');
}

/** `iOS 26.1, de_DE`: the values alone, where the reader sees what they are. */
export function sliceLabel(slice: Slice): string {
  if (isTotal(slice)) return 'all traffic';
  const isVersioned = slice.platform !== undefined && slice.os_version !== undefined;
  return slicePairs(slice)
    .filter(([dimension]) => !(isVersioned && dimension === 'os_version'))
    .map(([dimension, value]) => {
      if (isVersioned && dimension === 'platform') return `${value} ${slice.os_version}`;
      if (dimension === 'os_version') return `OS ${value}`;
      return dimension in PHRASE ? value : `${dimensionName(dimension)} ${value}`;
    })
    .join(', ');
}

/** Dimension in words and value, most telling first. */
export const slicePairs = (slice: Slice): [string, string][] =>
  dimensionsOf(slice).map((dimension) => [dimension, slice[dimension] ?? '']);

export const dimensionName = (dimension: string): string =>
  dimension === 'os_version' ? 'OS version' : dimension.replaceAll(/[._]/g, ' ');

/** Whether a request can lie in both. */
export const overlaps = (a: Slice, b: Slice): boolean =>
  Object.entries(a).every(([dimension, value]) => b[dimension] === undefined || b[dimension] === value);

function dimensionsOf(slice: Slice): string[] {
  const rank = (dimension: string) => (ORDER.indexOf(dimension) + ORDER.length + 1) % (ORDER.length + 1);
  return Object.keys(slice).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** The slice with this value added, or without it where it has it already; as the address spells it. */
export function toggled(slice: Slice, dimension: string, value: string): string {
  const changed = { ...slice };
  if (changed[dimension] === value) delete changed[dimension];
  else changed[dimension] = value;
  return sliceText(changed);
}

/** `os_version:26.1,locale:de_DE` -> a slice; what cannot be read is left out. */
export function sliceOf(text: string | null | undefined): Slice {
  const pairs = (text ?? '').split(',').map((part) => part.split(/:(.*)/s)).filter(([name, value]) => name !== '' && value !== undefined && value !== '');
  return Object.fromEntries(pairs.map(([name, value]) => [name, value]));
}

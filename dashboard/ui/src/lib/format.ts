// Numbers for people: as many digits as tell something, units, words for very large and very small.

/** A narrow space that never breaks, between number and unit. */
export const THIN = '\u202f';
const MINUS = '\u2212';

// By hand, as the first use of `Intl` takes a browser some 30 milliseconds.
export function fixed(value: number, decimals: number): string {
  const text = rounded(Math.abs(value), decimals).toFixed(decimals).replace(/^\d+/, (whole) => whole.replaceAll(/\B(?=(\d{3})+$)/g, ','));
  return value < 0 && /[1-9]/.test(text) ? MINUS + text : text;
}

/** As one rounds what one reads: 0.425 is 0.43, though in the computer it is a little less. */
function rounded(value: number, decimals: number): number {
  const near = Number(`${Math.round(Number(`${value}e${decimals}`))}e-${decimals}`);
  return Number.isNaN(near) ? value : near;
}

interface Scale {
  factor: number;
  suffix: string;
}

/** How values of this size are best written: milliseconds from ten seconds on as seconds, shares as percent. */
function scaleOf(unit: string, largest: number): Scale {
  if (unit === 'ms') {
    return Math.abs(largest) >= 10_000 ? { factor: 1e-3, suffix: `${THIN}s` } : { factor: 1, suffix: `${THIN}ms` };
  }
  if (unit === 'share') return { factor: 100, suffix: `${THIN}%` };
  if (unit === 'requests') return { factor: 1, suffix: '' };
  return { factor: 1, suffix: unit === '' ? '' : `${THIN}${unit}` };
}

/** Decimals that leave about three digits that mean something. */
function decimalsOf(value: number): number {
  const size = Math.abs(value);
  if (size >= 100 || size === 0) return 0;
  if (size >= 1) return size >= 10 ? 1 : 2;
  return size >= 0.1 ? 2 : 3;
}

function decimalsFor(unit: string, scaled: number): number {
  if (unit === 'requests') return 0;
  // A rate of requests: tenths of one are as much as a person counts.
  if (unit === 'requests/min' && Math.abs(scaled) >= 1) return Math.abs(scaled) >= 100 ? 0 : 1;
  if (unit === 'ms' && Math.abs(scaled) >= 20) return 0;
  if (unit === 'points' || (unit === 'ms' && Math.abs(scaled) >= 1)) return 1;
  return Math.min(decimalsOf(scaled), unit === 'share' && Math.abs(scaled) >= 1 ? 1 : 3);
}

/** `1,047 ms`, `3.1 %`, `18,211`, `83.2 points`. */
export function quantity(value: number, unit: string): string {
  const { factor, suffix } = scaleOf(unit, value);
  const scaled = value * factor;
  return fixed(scaled, decimalsFor(unit, scaled)) + suffix;
}

/** `812 → 1,047 ms`: one unit, and enough digits that the two differ. */
export function fromTo(before: number, after: number, unit: string): string {
  const largest = Math.max(Math.abs(before), Math.abs(after));
  const { factor, suffix } = scaleOf(unit, largest);
  let decimals = decimalsFor(unit, largest * factor);
  while (decimals < 3 && before !== after && fixed(before * factor, decimals) === fixed(after * factor, decimals)) decimals++;
  const written = (value: number) => (value === 0 ? '0' : fixed(value * factor, decimals));
  return `${written(before)} → ${written(after)}${suffix}`;
}

/** `+122 ms`, `−2.1 percentage points`: a difference, always with its sign. */
export function difference(delta: number, unit: string): string {
  const sign = delta < 0 ? MINUS : '+';
  if (unit === 'share') {
    const points = Math.abs(delta) * 100;
    return `${sign}${fixed(points, decimalsFor(unit, points))} percentage points`;
  }
  return sign + quantity(Math.abs(delta), unit);
}

/** `101 to 143 ms`. */
export function range(low: number, high: number, unit: string): string {
  return fromTo(low, high, unit).replace(' → ', ' to ');
}

/** `29 %`, `4.2 %`: a share of one. */
export function percent(share: number): string {
  const value = share * 100;
  return `${fixed(value, Math.abs(value) < 10 && value !== 0 ? 1 : 0)}${THIN}%`;
}

/** `1,234,567`. */
export const count = (n: number): string => fixed(n, 0);

/**
 * The server's sentences with their numbers as people read them: `25224 slices` -> `25,224 slices`, `-3 %` -> `−3 %`, and no
 * unit on a line of its own. What stands behind a letter, a dot, a dash or a colon is part of a name or a time.
 */
export const grouped = (sentence: string): string =>
  sentence
    .replaceAll(/(?<![\w.:/-]|build )(\d{5,}|\d{4}(?= (?:ms|requests|users|series|events)\b))(?![\w:/-]|\.\d+\.)/g, (n) => count(Number(n)))
    .replaceAll(/(?<=^|[\s(])-(?=\d)/g, MINUS)
    .replaceAll(/(?<=\d) (?=(?:%|ms\b|min\b|h\b|s\b))/g, THIN);

const THOUSANDS = ['k', 'm', 'bn', 'tn'];

/** `1.23m`: where there is little room. On every page, and so without `Intl`, whose first use takes long. */
export function shortCount(n: number): string {
  if (n < 10_000) return count(n);
  let [value, at] = [n / 1000, 0];
  while (value >= 999.5 && at < THOUSANDS.length - 1) [value, at] = [value / 1000, at + 1];
  return `${Number(value.toPrecision(3))}${THOUSANDS[at]}`;
}

/** `1 request`, `2 requests`. */
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

/** The number beside a tick of an axis, without its unit. */
export function tick(value: number, unit: string, step: number): string {
  const { factor } = scaleOf(unit === 'ms' ? '' : unit, value);
  const decimals = Math.max(0, Math.min(3, -Math.floor(Math.log10(Math.abs(step * factor)) + 1e-9)));
  return fixed(value * factor, decimals);
}

/** The unit that an axis is in. */
export const axisUnit = (unit: string): string => (unit === 'share' ? '%' : unit);

const BYTE_UNITS = ['kB', 'MB', 'GB', 'TB'];

/** `412 MB`: as disks are sold. */
export function bytes(n: number): string {
  let [value, unit] = [n / 1000, 0];
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${fixed(value, value < 10 ? 1 : 0)}${THIN}${BYTE_UNITS[unit]}`;
}

// A small line as the path of an SVG.
import type { Column, FrozenChart } from '../api-types';
import { millis } from '../time';

export interface Spark {
  value: string;
  band: string;
  /** While the alert lasted. */
  bad: string;
}

/** Points drawn at most: the means of as many stretches, for in this size more are noise. */
const POINTS_MAX = 48;
const PAD = 1.5;
const HEADROOM = 0.08;

/** The whole chart in small, from the days before to the end, marked from `onset` to `end`. */
export function sparkOf(chart: FrozenChart, onset: number, end: number, width: number, height: number): Spark | undefined {
  const stretch = Math.max(1, Math.ceil(chart.value.length / POINTS_MAX));
  const [value, expected, low, high] = [chart.value, chart.expected, chart.low, chart.high].map((column) => thinned(column, stretch)) as [Column, Column, Column, Column];
  // The band has no say in the scale, so that where it is wide it cannot flatten the line.
  const all = [...value, ...expected].filter((n): n is number => n !== null);
  if (value.length < 2 || !value.some((n) => n !== null)) return undefined;
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const room = (most - least) * HEADROOM;
  const x = (index: number) => (index / (value.length - 1)) * width;
  const y = (n: number) => {
    const share = (n - least + room) / (most - least + 2 * room || 1);
    return height - PAD - Math.max(0, Math.min(1, share)) * (height - 2 * PAD);
  };
  const line = (shown: (index: number) => boolean) => {
    let path = '';
    let isPenUp = true;
    value.forEach((n, index) => {
      if (n === null || !shown(index)) {
        isPenUp = true;
        return;
      }
      path += `${isPenUp ? 'M' : 'L'}${x(index).toFixed(1)} ${y(n).toFixed(1)}`;
      isPenUp = false;
    });
    return path;
  };
  const length = stretch * chart.step_seconds * 1000;
  const start = millis(chart.start);
  const isBad = (index: number) => start + (index + 1) * length > onset && start + index * length <= end;
  return { value: line(() => true), bad: line(isBad), band: bandPath(low, high, x, y) };
}

/** The mean of each stretch; a gap where nothing is in it. */
function thinned(column: Column, stretch: number): Column {
  const means: Column = [];
  for (let start = 0; start < column.length; start += stretch) {
    const there = column.slice(start, start + stretch).filter((n): n is number => n !== null);
    means.push(there.length === 0 ? null : there.reduce((sum, n) => sum + n, 0) / there.length);
  }
  return means;
}

function bandPath(low: Column, high: Column, x: (index: number) => number, y: (n: number) => number): string {
  const upper: string[] = [];
  const lower: string[] = [];
  high.forEach((top, index) => {
    const bottom = low[index];
    if (top === null || bottom === null || bottom === undefined) return;
    upper.push(`${x(index).toFixed(1)} ${y(top).toFixed(1)}`);
    lower.unshift(`${x(index).toFixed(1)} ${y(bottom).toFixed(1)}`);
  });
  return upper.length < 2 ? '' : `M${[...upper, ...lower].join('L')}Z`;
}

// A small line as the path of an SVG.
import type { Column, FrozenChart } from '../api-types';

export interface Spark {
  value: string;
  band: string;
  /** Where the line is outside what was expected. */
  outside: string;
}

/** Points drawn at most: beyond about one a pixel more are lost on the screen. */
const POINTS_MAX = 120;

export function sparkOf(chart: FrozenChart, width: number, height: number): Spark | undefined {
  const from = Math.max(0, chart.value.length - POINTS_MAX);
  const cut = (column: Column) => column.slice(from);
  const [value, low, high] = [cut(chart.value), cut(chart.low), cut(chart.high)];
  const all = [...value, ...low, ...high].filter((n): n is number => n !== null);
  if (value.length < 2 || all.length === 0) return undefined;
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const pad = 1.5;
  const x = (index: number) => (index / (value.length - 1)) * width;
  const y = (n: number) => height - pad - ((n - least) / (most - least || 1)) * (height - 2 * pad);
  const line = (shown: (n: number, index: number) => boolean) => {
    let path = '';
    let isPenUp = true;
    value.forEach((n, index) => {
      if (n === null || !shown(n, index)) {
        isPenUp = true;
        return;
      }
      path += `${isPenUp ? 'M' : 'L'}${x(index).toFixed(1)} ${y(n).toFixed(1)}`;
      isPenUp = false;
    });
    return path;
  };
  const isOutside = (n: number, index: number) => n > (high[index] ?? Infinity) || n < (low[index] ?? -Infinity);
  return { value: line(() => true), outside: line(isOutside), band: bandPath(low, high, x, y) };
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

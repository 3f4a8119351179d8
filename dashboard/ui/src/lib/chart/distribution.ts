// A distribution as paths of an SVG, on a logarithmic scale.
import type { Distribution } from '../api-types';
import { quantity } from '../format';

export interface Bin {
  from: number;
  to: number;
  before: number;
  during: number;
}

/** Bins that hold next to nothing at either end are left out of the drawing; the table has them. */
const EMPTY_BELOW = 0.0005;

export function binsOf({ edges, before, during }: Pick<Distribution, 'edges' | 'before' | 'during'>): Bin[] {
  const bins = before.map((share, at) => ({ from: edges[at] ?? 0, to: edges[at + 1] ?? 0, before: share, during: during[at] ?? 0 }));
  const isShown = (bin: Bin) => bin.before >= EMPTY_BELOW || bin.during >= EMPTY_BELOW;
  const [first, last] = [bins.findIndex(isShown), bins.findLastIndex(isShown)];
  return first < 0 ? [] : bins.slice(first, last + 1);
}

export interface Drawing {
  before: string;
  during: string;
  ticks: { x: number; text: string }[];
}

/** Ticks at most; closer than this they would touch. */
const TICK_EVERY = 56;

export function drawingOf(bins: Bin[], unit: string, width: number, height: number): Drawing {
  const most = Math.max(...bins.flatMap(({ before, during }) => [before, during]), Number.MIN_VALUE);
  const step = width / bins.length;
  const y = (share: number) => (height - (share / most) * height).toFixed(1);
  const path = (side: 'before' | 'during') =>
    `M0 ${height}${bins.map((bin, at) => `L${(at * step).toFixed(1)} ${y(bin[side])}H${((at + 1) * step).toFixed(1)}`).join('')}L${width} ${height}Z`;
  const every = Math.max(1, Math.ceil(TICK_EVERY / step));
  const ticks = bins.map(({ from }, at) => ({ x: at * step, text: quantity(Number(from.toPrecision(2)), unit) })).filter(({ x }, at) => at % every === 0 && x <= width - TICK_EVERY);
  return { before: path('before'), during: path('during'), ticks };
}

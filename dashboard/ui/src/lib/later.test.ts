import { afterEach, expect, test, vi } from 'vitest';
import { afterPaint, whenIdle, whenTouched } from './later';

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('what can wait is done when the browser is idle, at the latest after a second', () => {
  const asked = vi.fn((_act: () => void, _options: { timeout: number }) => 7);
  const cancelled = vi.fn();
  vi.stubGlobal('requestIdleCallback', asked);
  vi.stubGlobal('cancelIdleCallback', cancelled);
  const done: string[] = [];
  const forget = whenIdle(() => done.push('idle'));
  expect(done).toEqual([]);
  const [act, options] = asked.mock.calls[0] ?? [];
  expect(options).toEqual({ timeout: 1_000 });
  act?.();
  expect(done).toEqual(['idle']);
  forget();
  expect(cancelled).toHaveBeenCalledWith(7);
});

test('a browser that tells nobody when it is idle does it soon, unless it is forgotten', () => {
  vi.useFakeTimers();
  vi.stubGlobal('requestIdleCallback', undefined);
  const done: string[] = [];
  whenIdle(() => done.push('kept'));
  whenIdle(() => done.push('forgotten'))();
  vi.runAllTimers();
  expect(done).toEqual(['kept']);
});

test('what need not be in the first picture comes after it, unless it is forgotten', () => {
  vi.useFakeTimers();
  const frames = new Map<number, () => void>();
  vi.stubGlobal('requestAnimationFrame', (act: () => void) => frames.set(frames.size + 1, act).size);
  vi.stubGlobal('cancelAnimationFrame', (id: number) => frames.delete(id));
  const done: string[] = [];
  afterPaint(() => done.push('kept'));
  const forget = afterPaint(() => done.push('forgotten before its frame'));
  const forgetLate = afterPaint(() => done.push('forgotten after it'));
  forget();
  frames.forEach((act) => act());
  expect(done).toEqual([]);
  forgetLate();
  vi.runAllTimers();
  expect(done).toEqual(['kept']);
});

test('what nobody looks for waits until the reader does anything, or a while, unless it is forgotten', () => {
  vi.useFakeTimers();
  const page = new EventTarget();
  vi.stubGlobal('window', page);
  const done: string[] = [];
  whenTouched(() => done.push('scrolled'));
  whenTouched(() => done.push('forgotten'))();
  expect(done).toEqual([]);
  page.dispatchEvent(new Event('scroll'));
  page.dispatchEvent(new Event('keydown'));
  vi.runAllTimers();
  expect(done).toEqual(['scrolled']);
  whenTouched(() => done.push('left alone'));
  vi.advanceTimersByTime(7_999);
  expect(done).toEqual(['scrolled']);
  vi.advanceTimersByTime(1);
  page.dispatchEvent(new Event('wheel'));
  expect(done).toEqual(['scrolled', 'left alone']);
});

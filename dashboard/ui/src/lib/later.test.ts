import { afterEach, expect, test, vi } from 'vitest';
import { whenIdle } from './later';

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

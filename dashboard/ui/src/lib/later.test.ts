import { afterEach, expect, test, vi } from 'vitest';
import { whenIdle, whenNear, whenTouched } from './later';

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

test('what is far below waits until it comes near or the reader does anything, once, unless it is forgotten', () => {
  vi.useFakeTimers();
  const page = new EventTarget();
  vi.stubGlobal('window', page);
  const watches: { tell: (found: { isIntersecting: boolean }[]) => void; isOver: boolean }[] = [];
  vi.stubGlobal(
    'IntersectionObserver',
    class {
      watch;
      constructor(tell: (found: { isIntersecting: boolean }[]) => void) {
        watches.push((this.watch = { tell, isOver: false }));
      }
      observe() {}
      disconnect() {
        this.watch.isOver = true;
      }
    },
  );
  const done: string[] = [];
  const element = {} as Element;
  whenNear(element, () => done.push('near'));
  watches[0]?.tell([{ isIntersecting: false }]);
  expect(done).toEqual([]);
  watches[0]?.tell([{ isIntersecting: true }]);
  expect([done, watches[0]?.isOver]).toEqual([['near'], true]);
  whenNear(element, () => done.push('touched'));
  whenNear(element, () => done.push('forgotten'))();
  page.dispatchEvent(new Event('scroll'));
  page.dispatchEvent(new Event('scroll'));
  vi.runAllTimers();
  expect([done, watches[1]?.isOver, watches[2]?.isOver]).toEqual([['near', 'touched'], true, true]);
});

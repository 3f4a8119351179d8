// Work that can wait until what one came for is on the screen.

/** A page that is never idle does it all the same. */
const AT_LATEST_MS = 1_000;
/** Safari tells nobody when it is idle. */
const WITHOUT_ASKING_MS = 100;

/** Does it when the browser has nothing better to do; answers with the way to forget it. */
export function whenIdle(act: () => void): () => void {
  if (typeof requestIdleCallback === 'undefined') {
    const timer = setTimeout(act, WITHOUT_ASKING_MS);
    return () => clearTimeout(timer);
  }
  const asked = requestIdleCallback(act, { timeout: AT_LATEST_MS });
  return () => cancelIdleCallback(asked);
}

const TOUCHES = ['pointermove', 'pointerdown', 'keydown', 'wheel', 'scroll', 'touchstart'] as const;
/** Somebody who reads without touching anything, or has it read out, gets it all the same. */
const UNTOUCHED_MS = 8_000;

/** Does it once the reader does anything at all; answers with the way to forget it. */
export function whenTouched(act: () => void): () => void {
  const forget = () => {
    clearTimeout(timer);
    for (const name of TOUCHES) window.removeEventListener(name, once, { capture: true });
  };
  const once = () => {
    forget();
    act();
  };
  const timer = setTimeout(once, UNTOUCHED_MS);
  for (const name of TOUCHES) window.addEventListener(name, once, { capture: true, passive: true });
  return forget;
}

/** So much of the window's height below it is near: a reader is there within a moment, and paper takes it along. */
const NEAR = '0px 0px 25% 0px';

/** Does it once the element comes near the window, or the reader does anything at all; answers with the way to forget it. */
export function whenNear(element: Element, act: () => void): () => void {
  const forget = () => {
    untouched();
    watch.disconnect();
  };
  const once = () => {
    forget();
    act();
  };
  const untouched = whenTouched(once);
  const watch = new IntersectionObserver((found) => found.some(({ isIntersecting }) => isIntersecting) && once(), { rootMargin: NEAR });
  watch.observe(element);
  return forget;
}

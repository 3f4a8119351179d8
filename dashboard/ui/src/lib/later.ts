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

/** Does it once what is there now has been painted; answers with the way to forget it. */
export function afterPaint(act: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  // The frame's own callback comes before it is painted, what that asks for comes after.
  const frame = requestAnimationFrame(() => (timer = setTimeout(act)));
  return () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
}

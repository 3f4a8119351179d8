// When to ask again for what grows old: by the clock on the wall, since the data of a demo may run faster than an answer
// is read.

/** Counts up every `ms` while the component is there. Reading `n` in what is asked asks it anew. */
export function rounds(ms: number): { readonly n: number } {
  let n = $state(0);
  $effect(() => {
    const timer = setInterval(() => (n += 1), ms);
    return () => clearInterval(timer);
  });
  return {
    get n() {
      return n;
    },
  };
}

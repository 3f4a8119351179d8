// What the chart does not use of uPlot is left out of what is built. Bars, steps and curves are a twelfth of its size. And it asks the browser
// for its language and zone as soon as it is loaded, which is the first use of `Intl` on a page and takes some 30 milliseconds, while the
// chart names its axes and its zone itself.
const LEFT_OUT = [
  ["const numFormatter = new Intl.NumberFormat(domEnv ? nav.language : 'en-US');", 'const numFormatter = { format: String };'],
  ['const localTz = new Intl.DateTimeFormat().resolvedOptions().timeZone;', "const localTz = '';"],
  ['(paths.stepped = stepped);', ''],
  ['(paths.bars    = bars);', ''],
  ['(paths.spline  = monotoneCubic);', ''],
];

export function plot() {
  return {
    name: 'hark-plot',
    transform: {
      filter: { id: /uPlot\.esm\.js/ },
      handler: (code) => ({ code: withoutUnused(code), map: null }),
    },
  };
}

export function withoutUnused(code) {
  return LEFT_OUT.reduce((left, [unused, instead]) => {
    if (!left.includes(unused)) throw new Error(`uPlot no longer says \`${unused}\`; look at scripts/plot.mjs`);
    return left.replace(unused, instead);
  }, code);
}

// What the pages promise, measured in a real browser on a running hark: Lighthouse, the slowest answer to a press, a long
// chart, the API behind it. HARK_URL says where, CHROMIUM which browser, RUNS how often Lighthouse looks. Prints a
// table; fails where something is wrong, never where it is merely slow.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { isSettled } from './browser.mjs';

const URL_OF_HARK = (process.env.HARK_URL ?? 'http://127.0.0.1:8080').replace(/\/$/, '');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const RUNS = Number(process.env.RUNS ?? 3);
/** Not among the pages' packages: it brings a hundred of its own, and is asked for here alone. */
const LIGHTHOUSE = 'lighthouse@12.8.2';
const POINTS = 100_000;
const ASKED = 200;

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const p95 = (values) => values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1];

function line(what, found, asked) {
  console.log(`${what.padEnd(58)} ${found.padStart(12)}   ${asked}`);
}

async function main() {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
  let alert;
  try {
    alert = await anAlert();
    await api();
    await presses(browser, alert);
    await longChart(browser);
  } finally {
    await browser.close();
  }
  await lighthouse([['inbox', '/'], ['alert', alert], ['explore', '/explore'], ['self-test', '/selftest']]);
}

async function ask(path) {
  const answer = await fetch(URL_OF_HARK + path);
  if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}`);
  return answer.json();
}

async function anAlert() {
  const { alerts } = await ask('/api/v1/alerts?metric=response_time&limit=1');
  if (alerts.length === 0) throw new Error('hark has no alert of response_time yet; let it run on');
  return `/alerts/${alerts[0].id}`;
}

async function api() {
  const { watermark } = await ask('/api/v1/status');
  const from = new Date(Date.parse(watermark) - 28 * 86_400_000).toISOString();
  const paths = [
    ['series reply, 28 days in steps of five minutes', `/api/v1/series?metric=response_time&from=${from}&to=${watermark}&step=300`, '<= 50 ms'],
    ['a page of the list of alerts', '/api/v1/alerts?limit=50', '<= 100 ms (a million: hark bench store)'],
    ['what is different in an alert', `/api/v1${await anAlert()}/drivers`, ''],
  ];
  for (const [what, path, asked] of paths) {
    const times = [];
    for (let n = 0; n < ASKED; n++) {
      const began = performance.now();
      await ask(path);
      times.push(performance.now() - began);
    }
    line(`${what}, p95 of ${ASKED}`, `${p95(times).toFixed(1)} ms`, asked);
  }
}

/** The worst event timing of a walk of presses, as the browser reports it: what INP is made of. */
async function presses(browser, alert) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.addInitScript(() => {
    globalThis.slowest = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (entry.interactionId) globalThis.slowest.push([entry.duration, entry.name]);
    }).observe({ type: 'event', durationThreshold: 16, buffered: true });
  });
  const walk = [
    ['/', async () => {
      for (const key of ['j', 'j', 'k', 'x', 'x', '?']) await page.keyboard.press(key);
      await page.getByRole('dialog').waitFor();
      await page.keyboard.press('Escape');
      for (const word of ['Dark', 'Light', 'Auto']) await page.getByRole('button', { name: word, exact: true }).click();
    }],
    [alert, async () => {
      for (const word of ['6 hours', 'All']) if ((await page.getByRole('button', { name: word, exact: true }).count()) > 0) await page.getByRole('button', { name: word, exact: true }).click();
      await page.getByText('Points as a table').click();
      await page.locator('section[aria-labelledby="different"] a[href*="seg="]').first().click();
      await page.waitForTimeout(500);
      await page.getByRole('slider').focus();
      for (let n = 0; n < 20; n++) await page.keyboard.press('ArrowLeft');
    }],
    ['/explore', async () => {
      for (const word of ['7 days', '28 days', '1 day']) {
        await page.getByRole('button', { name: word, exact: true }).click();
        await page.waitForTimeout(500);
      }
      for (const word of ['Compare', 'Heat map', 'SQL']) await page.getByRole('link', { name: word, exact: true }).click();
    }],
  ];
  for (const [path, act] of walk) {
    await page.goto(URL_OF_HARK + path);
    await page.locator('main h1').waitFor();
    await isSettled(page);
    await page.waitForTimeout(500);
    await act();
    await page.waitForTimeout(500);
    const [worst = 0, name = ''] = (await page.evaluate(() => globalThis.slowest)).toSorted((a, b) => b[0] - a[0])[0] ?? [];
    line(`slowest answer to a press, ${path === alert ? 'alert' : path}`, worst === 0 ? '< 16 ms' : `${worst} ms`, `<= 100 ms${name === '' ? '' : ` (${name})`}`);
  }
  await page.close();
}

/** From the last byte of a series of 100,000 points to the frame that shows it. */
async function longChart(browser) {
  const times = [];
  for (let run = 0; run < RUNS; run++) {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const wave = (n, noise) => 800 + 100 * Math.sin(n / 45) + noise * (((n * 7919) % 101) - 50);
    const column = (of) => Array.from({ length: POINTS }, (_, n) => Number(of(n).toFixed(1)));
    const body = JSON.stringify({
      metric: 'response_time', statistic: 'p50', slice: {}, unit: 'ms', start: '2025-05-01T00:00:00Z', step_seconds: 300,
      value: column((n) => wave(n, 1)), expected: column((n) => wave(n, 0)), low: column((n) => wave(n, 0) - 60), high: column((n) => wave(n, 0) + 60), count: column(() => 100),
    });
    await page.route('**/api/v1/series*', (route) => route.fulfill({ body, contentType: 'application/json' }));
    await page.addInitScript(() => {
      new MutationObserver((_, observer) => {
        if (document.querySelector('figure canvas') === null) return;
        observer.disconnect();
        requestAnimationFrame(() => requestAnimationFrame(() => (globalThis.drawn = performance.now())));
      }).observe(document, { childList: true, subtree: true });
    });
    await page.goto(`${URL_OF_HARK}/explore?span=28d`);
    await page.waitForFunction(() => globalThis.drawn !== undefined);
    times.push(await page.evaluate(() => globalThis.drawn - performance.getEntriesByType('resource').find(({ name }) => name.includes('/api/v1/series')).responseEnd));
    await page.close();
  }
  line(`chart of ${POINTS.toLocaleString('en')} points, last byte to picture, median of ${RUNS}`, `${median(times).toFixed(0)} ms`, '<= 250 ms');
}

async function lighthouse(pages) {
  const folder = mkdtempSync(join(tmpdir(), 'hark-lighthouse-'));
  const run = promisify(execFile);
  try {
    for (const [name, path] of pages) {
      const found = [];
      for (let n = 0; n < RUNS; n++) {
        const report = join(folder, `${name}-${n}.json`);
        const flags = ['--quiet', '--output=json', `--output-path=${report}`, '--only-categories=performance,accessibility,best-practices', '--chrome-flags=--headless=new --no-sandbox --disable-gpu'];
        await run('npx', ['--yes', LIGHTHOUSE, URL_OF_HARK + path, ...flags], { env: { ...process.env, CHROME_PATH: CHROMIUM } });
        const { categories, audits } = JSON.parse(readFileSync(report, 'utf8'));
        found.push({ score: (of) => 100 * categories[of].score, lcp: audits['largest-contentful-paint'].numericValue, cls: audits['cumulative-layout-shift'].numericValue, blocked: audits['total-blocking-time'].numericValue });
      }
      const of = (what) => median(found.map(({ score }) => score(what))).toFixed(0);
      line(`Lighthouse mobile, ${name}: performance`, of('performance'), `>= 95 (median of ${RUNS})`);
      line(`Lighthouse mobile, ${name}: accessibility`, of('accessibility'), '>= 95');
      line(`Lighthouse mobile, ${name}: best practices`, of('best-practices'), '');
      line(`Lighthouse mobile, ${name}: largest paint`, `${(median(found.map(({ lcp }) => lcp)) / 1000).toFixed(2)} s`, '<= 1.8 s');
      line(`Lighthouse mobile, ${name}: blocked`, `${median(found.map(({ blocked }) => blocked)).toFixed(0)} ms`, '');
      line(`Lighthouse mobile, ${name}: layout shift`, median(found.map(({ cls }) => cls)).toFixed(3), '0');
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  console.error(`The measurement broke off: ${error.message.split('\n')[0]}`);
  process.exit(1);
}

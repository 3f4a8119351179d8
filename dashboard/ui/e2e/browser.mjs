// What every way through the pages needs: a page whose complaints are heard, sentences for what fails, pictures.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export const URL_OF_HARK = (process.env.HARK_URL ?? 'http://127.0.0.1:8080').replace(/\/$/, '');
export const WAIT_MS = Number(process.env.WAIT_MS ?? 30_000);
const SHOTS = process.env.SHOTS;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export class Failure extends Error {}

export function check(holds, sentence) {
  if (!holds) throw new Failure(sentence);
}

/** Waits for what a page has to show; the sentence says what it means that it does not. */
export const comes = (locator, sentence, timeout = WAIT_MS) =>
  locator.first().waitFor({ timeout }).catch(() => {
    throw new Failure(sentence);
  });

/** Everything that the browser complained of, in its own words. */
export const complaints = [];

export async function newPage(browser, options) {
  const context = await browser.newContext({ timezoneId: 'Europe/Berlin', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  page.on('pageerror', (error) => complaints.push(`script error: ${error.message}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`);
  });
  page.on('requestfailed', (request) => {
    // Leaving a page breaks off what it was still reading, the stream above all.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') complaints.push(`request failed: ${request.url()}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} for ${response.url()}`);
  });
  return page;
}

/** Everything that is read has been read, and what waits for the reader's first touch has come. */
export async function isSettled(page) {
  await page.mouse.move(1, 1);
  await page.mouse.move(2, 2);
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
}

export async function shot(page, name) {
  if (SHOTS === undefined) return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
}

export async function isAccessible(page, where) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(
    async (tags) => (await globalThis.axe.run({ runOnly: tags })).violations.map(({ id, help, nodes }) => `${id}: ${help}, at ${nodes[0].target} (${nodes.length})`),
    RULES,
  );
  check(violations.length === 0, `${where} shuts people out: ${violations.join('; ')}.`);
}

/** Without the spaces that never break, which only matter to the eye. */
export const plain = (text) => text.replaceAll(/[\s\u202f\u00a0]+/g, ' ').trim();

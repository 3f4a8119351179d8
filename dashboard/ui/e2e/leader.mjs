// The leader's way on Monday morning: how things stand, the report of the week before, the worst regression in it, its
// alert. What is said twice is said with the same numbers.
import { check, comes, isSettled, plain, shot, URL_OF_HARK } from './browser.mjs';

/** Thirteen weeks are read for a report, on a busy machine. */
const REPORT_MS = 60_000;

export async function walksAsLeader(page) {
  await readsTheSameScoreTwice(page);
  await printsAWeek(page);
  await goesFromTheReportToAnAlert(page);
}

/** In the same answer, that is: the demo goes on while one reads, and a week that has just begun moves fast. */
async function readsTheSameScoreTwice(page) {
  const answered = page.waitForResponse((response) => new URL(response.url()).pathname === '/api/v1/report', { timeout: REPORT_MS });
  await page.goto(`${URL_OF_HARK}/health`);
  const body = await (await answered).text();
  const score = page.locator('.tile', { hasText: 'All traffic' }).locator('dd b');
  await comes(score, 'The health page shows no score of all traffic.');
  const healthy = await score.first().innerText();
  check(/^\d+\.\d$/.test(healthy), `The score of all traffic is "${healthy}".`);
  await tellsWhereNumbersComeFrom(page);
  await shot(page, 'leader-1-health');
  const week = JSON.parse(body).span.week;
  await page.route(`**/api/v1/report?week=${week}`, (route) => route.fulfill({ body, contentType: 'application/json' }));
  await page.getByRole('link', { name: 'This week’s report' }).click();
  const row = page.getByRole('row', { name: /All traffic/ });
  await comes(row, 'The report has no row of all traffic.');
  const reported = await row.locator('td b').first().innerText();
  check(healthy === reported, `Health says ${healthy} of all traffic, the report ${reported}.`);
}

/** Each figure has its query beside it; what nobody was alerted to is told, or that there was nothing. */
async function tellsWhereNumbersComeFrom(page) {
  const tiles = page.locator('.tile');
  for (let at = 0; at < (await tiles.count()); at++) {
    const name = plain(await tiles.nth(at).locator('dt').innerText());
    check((await tiles.nth(at).getByRole('link', { name: /^query of / }).count()) === 1, `“${name}” has no query beside it.`);
  }
  const quiet = page.locator('section[aria-labelledby="quiet"]');
  await comes(quiet.locator('tbody tr').or(quiet.getByText('None this week')), 'Health does not tell of moves that were only a change of who came.');
}

async function printsAWeek(page) {
  await page.getByRole('link', { name: /^The week before/ }).click();
  await isSettled(page);
  await page.locator('.sentence').waitFor();
  await page.emulateMedia({ media: 'print' });
  check(!(await page.locator('header').first().isVisible()), 'The navigation is printed with the report.');
  const pdf = await page.pdf({ format: 'A4', printBackground: true });
  check(pdf.length > 10_000, `The report as PDF has ${pdf.length} bytes.`);
  // As wide as A4 between its margins: what stood out there would be cut off.
  await page.setViewportSize({ width: 718, height: 1000 });
  const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check(tooWide <= 0, `The printed report is ${tooWide} pixels wider than its paper.`);
  await shot(page, 'leader-2-report-printed');
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.emulateMedia({ media: null });
}

async function goesFromTheReportToAnAlert(page) {
  const row = page.getByRole('row').filter({ has: page.locator('a[href*="/alerts/"]', { hasText: / from .* to / }) }).first();
  if ((await row.count()) === 0) {
    // A quiet week: the one that goes on has the alerts that the inbox has.
    await page.goto(`${URL_OF_HARK}/report`);
    await comes(row, 'Neither the report of this week nor that of the week before names a regression.');
  }
  const link = row.locator('a[href*="/alerts/"]');
  const said = plain(await link.innerText());
  const users = plain(await row.getByRole('cell').nth(1).innerText());
  await shot(page, 'leader-3-report');
  await link.click();
  await page.waitForURL('**/alerts/*');
  await page.locator('main h1').waitFor();
  const headline = plain(await page.locator('main h1').innerText());
  const [, from, to] = said.match(/ from ([\d.,]+)\D* to ([\d.,]+)/) ?? [];
  check(to !== undefined, `The report does not say from where to where: "${said}".`);
  check(headline.includes(`${from} → ${to}`), `The report said "from ${from} to ${to}", the alert says "${headline}".`);
  const impact = plain(await page.locator('[data-part="impact"]').innerText());
  check(users === '–' || impact.includes(users), `The report said ${users} users, the alert says "${impact}".`);
  await shot(page, 'leader-4-alert');
}

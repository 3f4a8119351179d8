// The leader's way on Monday morning: how things stand, the report of the week before, the worst regression in it, its
// alert. What is said twice is said with the same numbers.
import { check, comes, isSettled, plain, shot, URL_OF_HARK } from './browser.mjs';

/** The score of all traffic may move by a tenth between two readings of a demo that goes on. */
const READINGS = 3;

export async function walksAsLeader(page) {
  await readsTheSameScoreTwice(page);
  await printsAWeek(page);
  await goesFromTheReportToAnAlert(page);
}

async function readsTheSameScoreTwice(page) {
  let said = '';
  for (let reading = 0; reading < READINGS; reading++) {
    await page.goto(`${URL_OF_HARK}/health`);
    const score = page.locator('.tile', { hasText: 'All traffic' }).locator('dd b');
    await comes(score, 'The health page shows no score of all traffic.');
    const healthy = await score.first().innerText();
    check(/^\d+\.\d$/.test(healthy), `The score of all traffic is "${healthy}".`);
    if (reading === 0) await shot(page, 'leader-1-health');
    await page.getByRole('link', { name: 'This week’s report' }).click();
    const row = page.getByRole('row', { name: /All traffic/ });
    await comes(row, 'The report has no row of all traffic.');
    const reported = await row.locator('td b').first().innerText();
    if (healthy === reported) return;
    said = `Health says ${healthy}, the report ${reported}`;
  }
  check(false, `The score of all traffic differs each time: ${said}.`);
}

async function printsAWeek(page) {
  await page.getByRole('link', { name: /^The week before/ }).click();
  await isSettled(page);
  await page.locator('.sentence').waitFor();
  await page.emulateMedia({ media: 'print' });
  check(!(await page.locator('header').first().isVisible()), 'The navigation is printed with the report.');
  const pdf = await page.pdf({ format: 'A4', printBackground: true });
  check(pdf.length > 10_000, `The report as PDF has ${pdf.length} bytes.`);
  await shot(page, 'leader-2-report-printed');
  await page.emulateMedia({ media: null });
}

async function goesFromTheReportToAnAlert(page) {
  const row = page.getByRole('row').filter({ has: page.locator('a[href*="/alerts/"]') }).first();
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
  const values = said.match(/\(([^)]*→[^)]*)\)/)?.[1];
  check(values !== undefined, `The report does not say from where to where: "${said}".`);
  check(headline.includes(values), `The report said "${values}", the alert says "${headline}".`);
  const impact = plain(await page.locator('[data-part="impact"]').innerText());
  check(users === '–' || impact.includes(users), `The report said ${users} users, the alert says "${impact}".`);
  await shot(page, 'leader-4-alert');
}

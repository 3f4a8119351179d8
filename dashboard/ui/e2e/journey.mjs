// The three readers' ways through a running hark in a real browser. An engineer: list, alert, chart, what is different,
// acknowledge, verdict, explore; a leader; a team that adds a metric. Then every page in light and dark, on a desk and in
// a hand. HARK_URL says where, SHOTS in which folder to leave the pictures, CHROMIUM which browser.
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { check, comes, complaints, Failure, isAccessible, isSettled, newPage, plain, shot, URL_OF_HARK, WAIT_MS } from './browser.mjs';
import { walksAsLeader } from './leader.mjs';
import { walksAsTeam } from './team.mjs';

/** The narrowest phone that is still sold. */
const NARROWEST = 360;
const SIZES = [[1440, 900], [390, 844]];
const SCHEMES = ['light', 'dark'];

async function main() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
  try {
    const page = await newPage(browser, { viewport: { width: 1440, height: 900 } });
    await findsByWords(page);
    const address = await opensAnAlert(page);
    await showsWhatIsNeededToDecide(page);
    await drawsTheChart(page);
    await isReadByKeyboard(page);
    await saysWhatIsDifferent(page);
    await tellsItsCandidates(page);
    await leadsToTheChange(page);
    await takesAnAnswer(page);
    await listsItsKeys(page);
    await isFoundAgainAsMine(page);
    await silences(page);
    await explores(page);
    await walksAsLeader(page);
    await walksAsTeam(page);
    await tellsOfItself(page);
    await asksOnce(page, ['/', address, '/explore', '/selftest']);
    await page.context().close();
    await looksRight(browser, address);
  } finally {
    await browser.close();
  }
  check(complaints.length === 0, `The browser complained: ${complaints[0]} (${complaints.length} in all).`);
}

/** The key / goes to the field of words; what is typed is in the address, and Enter goes to the first row that is left. */
async function findsByWords(page) {
  await page.goto(URL_OF_HARK).catch(() => {
    throw new Failure(`hark did not answer at ${URL_OF_HARK}; start it first.`);
  });
  const rows = page.locator('main li a[href^="/alerts/"]');
  await comes(rows, `No alert came into the list within ${WAIT_MS / 1000} s.`);
  const said = (await rows.first().innerText()).trim();
  await page.keyboard.press('/');
  await page.keyboard.type(said.split(' ')[0]);
  await page.waitForURL('**/?q=*');
  await comes(page.getByText(/\d+ alerts? found/), 'The list does not say how many alerts have the words in them.');
  await page.keyboard.press('Enter');
  check(await page.evaluate(() => document.activeElement?.id.startsWith('row-')), 'Enter in the field of words does not go to a row.');
  await page.keyboard.press('/');
  await page.keyboard.type(' nosuchword');
  await comes(page.getByRole('link', { name: 'Show the whole list' }), 'A word that is nowhere is not told to be nowhere.');
  await page.getByRole('link', { name: 'Show the whole list' }).click();
  await comes(rows, 'The whole list does not come back.');
}

async function opensAnAlert(page) {
  await page.goto(URL_OF_HARK);
  const rows = page.locator('main li a[href^="/alerts/"]');
  await rows.first().waitFor().catch(() => {
    throw new Failure(`No alert came into the list within ${WAIT_MS / 1000} s.`);
  });
  check((await page.locator('header dl').innerText()).includes('events'), 'The navigation does not say how ingestion stands.');
  // Something that moved, not something that came to a stop, and nobody looks at it yet, where there is such a one: the
  // journey ends in acknowledging it.
  const moved = page.locator('main li', { hasText: / (rose|fell) / });
  await comes(moved, 'No alert of the list says that something rose or fell.');
  const firing = moved.filter({ hasText: 'Firing' });
  const row = ((await firing.count()) > 0 ? firing : moved).first().locator('a[href^="/alerts/"]');
  const said = (await row.innerText()).trim();
  await row.click();
  await page.waitForURL('**/alerts/*');
  await page.locator('main h1').waitFor();
  const headline = await page.locator('main h1').innerText();
  check(plain(headline).startsWith(plain(said)), `The page says "${headline}", the list said "${said}".`);
  return new URL(page.url()).pathname;
}

async function showsWhatIsNeededToDecide(page) {
  const headline = plain(await page.locator('main h1').innerText());
  check(/ (rose|fell) .*→.* (since|from) /.test(headline), `The headline does not say what moved, by how much and since when: "${headline}".`);
  const impact = plain(await page.locator('[data-part="impact"]').innerText());
  check(/request/.test(impact), `The impact is not told: "${impact}".`);
  const cause = plain(await page.locator('[data-part="cause"]').innerText());
  check(/\d %|stands out|tells it apart|too few/.test(cause), `Neither a likely cause nor a reason why there is none is shown: "${cause}".`);
  check((await page.title()).includes('hark'), 'The page has no title.');
}

async function drawsTheChart(page) {
  const canvas = page.locator('figure canvas');
  await canvas.waitFor().catch(() => {
    throw new Failure('There is no chart.');
  });
  check((await page.locator('figure .legend').innerText()).includes('usual range'), 'The chart has no expected band.');
  const drawn = await canvas.evaluate((element) => {
    const token = (name) => {
      const probe = element.parentElement.appendChild(document.createElement('i'));
      probe.style.color = `var(${name})`;
      const [red, green, blue, alpha = 1] = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
      probe.remove();
      return [red, green, blue, alpha * 255];
    };
    const { width, height } = element;
    const { data } = element.getContext('2d').getImageData(0, 0, width, height);
    /** The part of the columns of pixels that this colour is in. */
    const spread = (colours, tolerance) => {
      let columns = 0;
      for (let x = 0; x < width; x++) {
        let isHere = false;
        for (let y = 0; y < height && !isHere; y++) {
          const at = (y * width + x) * 4;
          isHere = colours.some((colour) => colour.every((part, channel) => Math.abs(part - data[at + channel]) <= tolerance));
        }
        if (isHere) columns++;
      }
      return columns / width;
    };
    return { line: spread([token('--chart-value'), token('--critical')], 40), band: spread([token('--chart-band')], 12) };
  });
  check(drawn.line > 0.3, `The chart's line is in ${Math.round(drawn.line * 100)} % of its width only.`);
  check(drawn.band > 0.3, `The expected band is in ${Math.round(drawn.band * 100)} % of the chart's width only.`);
}

/** Bars of dimensions and a heat map; a value narrows both, is in the address, and can be taken away again. */
async function saysWhatIsDifferent(page) {
  const section = page.locator('section[aria-labelledby="different"]');
  const value = section.locator('a[href*="seg="]').first();
  await value.waitFor().catch(() => {
    throw new Failure('What is different is not told: there is no value to choose.');
  });
  await comes(page.locator('section[aria-labelledby="slices"] table td'), 'The heat map did not come.');
  check((await page.locator('section[aria-labelledby="slices"] table td').count()) > 3, 'The heat map has no cells.');
  await isWalkedByArrows(page.locator('section[aria-labelledby="slices"]'));
  const name = (await value.innerText()).trim();
  await value.click();
  await section.locator('a', { hasText: '(take away)' }).waitFor().catch(() => {
    throw new Failure(`"${name}" was chosen, and nothing says so.`);
  });
  check(new URL(page.url()).searchParams.has('seg'), 'What was chosen is not in the address.');
  await section.locator('a', { hasText: '(take away)' }).first().click();
  await page.waitForFunction(() => !location.search.includes('seg='));
}

/** One cell of the map is reached by Tab, the others by arrow keys; what a cell says is said; all of it is in a table. */
async function isWalkedByArrows(section) {
  const page = section.page();
  const cells = section.locator('td a');
  check((await section.locator('td a[tabindex="0"]').count()) === 1, 'Not exactly one cell of the heat map is reached by Tab.');
  if ((await cells.count()) > 1) {
    await section.locator('td a[tabindex="0"]').focus();
    const before = await page.evaluate(() => document.activeElement?.dataset.cell);
    for (const key of ['ArrowRight', 'ArrowDown']) await page.keyboard.press(key);
    const after = await page.evaluate(() => document.activeElement?.dataset.cell);
    check(before !== after && after !== undefined, 'Arrow keys do not go from cell to cell of the heat map.');
  }
  check(/ of the (excess|improvement); /.test(plain(await section.locator('.said').innerText())), 'The cell with the focus is not told.');
  await section.getByText('As a table, CSV or PNG').click();
  await comes(section.locator('details table tbody tr'), 'The heat map has no table behind it.');
  const [picture] = await Promise.all([page.waitForEvent('download'), section.getByRole('button', { name: 'PNG' }).click()]);
  check(isPicture(await picture.path()), 'The PNG of the heat map is none.');
  await section.getByText('As a table, CSV or PNG').click();
}

const isPicture = (path) => readFileSync(path).subarray(1, 4).toString() === 'PNG';

/** Which series made it, and what became of the other candidates of its metric. */
async function tellsItsCandidates(page) {
  const section = page.locator('section[aria-labelledby="funnel"]');
  await comes(section.getByText('opened this alert'), 'The alert does not tell which candidate opened it.');
  check(/came through every stage/.test(plain(await section.innerText())), 'The alert does not say how many candidates are it.');
  await comes(page.locator('section[aria-labelledby="errors"]'), 'Neither error texts nor the reason why there are none is told.');
}

/** A suspect is a link to the change, and its row is marked. */
async function leadsToTheChange(page) {
  const address = page.url();
  const suspect = page.locator('section[aria-labelledby="suspects"] a[href*="/changes?"]').first();
  await comes(page.locator('section[aria-labelledby="suspects"]'), 'Suspects are not told.');
  if ((await suspect.count()) === 0) return;
  const title = (await suspect.innerText()).trim();
  await suspect.click();
  await comes(page.locator('tr[aria-current="true"]', { hasText: title }), `The change “${title}” is not marked on its page.`);
  await page.goto(address);
  await comes(page.locator('main h1'), 'The alert does not come back.');
}

/** What hark says of itself: the process, and the budget against the verdicts. */
async function tellsOfItself(page) {
  await page.goto(`${URL_OF_HARK}/admin`);
  const process = page.locator('section[aria-labelledby="process"]');
  for (const label of ['Up for', 'Memory', 'Disk', 'Database']) await comes(process.getByText(label, { exact: true }), `Admin does not say “${label}”.`);
  await page.goto(`${URL_OF_HARK}/selftest`);
  const weeks = page.locator('section[aria-labelledby="audit"] tbody tr');
  await comes(weeks, 'The self-test does not hold the budget against verdicts.');
  check(/(Kept|Exceeded|Not known) of \d/.test(plain(await weeks.first().innerText())), 'Whether the budget was kept is not told.');
}

async function listsItsKeys(page) {
  await page.locator('main h1').click();
  await page.keyboard.press('?');
  await page.locator('dialog[open]').getByText('acknowledge').first().waitFor().catch(() => {
    throw new Failure('The key ? does not list the keys.');
  });
  await page.keyboard.press('Escape');
}

/** Who acknowledges looks after it: the alert is among mine. By keys alone. */
async function isFoundAgainAsMine(page) {
  const id = new URL(page.url()).pathname.split('/').at(-1);
  const assigned = page.locator('.path', { hasText: 'looked after by' });
  if ((await assigned.count()) === 0) return;
  await page.goto(`${URL_OF_HARK}/?whose=me`);
  const row = page.locator(`main li a[href*="${id}"]`);
  await page.locator('main li a[href^="/alerts/"]').first().waitFor().catch(() => {
    throw new Failure('What I acknowledged is not among mine.');
  });
  check((await row.count()) > 0 || (await page.getByText('more of this incident').count()) > 0, 'The alert that I acknowledged is not among mine.');
  await page.keyboard.press('j');
  check(await page.evaluate(() => document.activeElement?.id.startsWith('row-')), 'The key j does not go to a row.');
  await page.keyboard.press('x');
  await page.getByText('1 chosen').waitFor().catch(() => {
    throw new Failure('The key x does not choose the row.');
  });
}

/** What is no traffic is refused; what is silenced is listed as in force, and ended there. */
async function silences(page) {
  await page.goto(`${URL_OF_HARK}/silences`);
  const form = page.locator('form', { hasText: 'Silence alerts from now on' });
  await form.getByLabel(/^Traffic/).fill('nonsense');
  await form.getByLabel('Why').fill('the journey');
  await form.getByLabel('Your name').fill('journey');
  await form.getByRole('button', { name: 'Silence' }).click();
  await comes(page.getByText('is not traffic that hark can tell'), 'Traffic that is none is silenced.');
  await form.getByLabel(/^Traffic/).fill('cluster:nowhere');
  await form.getByRole('button', { name: 'Silence' }).click();
  const row = page.getByRole('row', { name: /nowhere/ }).first();
  await comes(row.getByText('In force'), 'A silence that was set is not listed as in force.');
  await shot(page, 'silences-set');
  await row.getByRole('button', { name: /^End/ }).click();
  await comes(row.getByText('Over'), 'A silence that was ended is not listed as over.');
}

async function explores(page) {
  await page.goto(`${URL_OF_HARK}/explore`);
  await page.locator('figure canvas').waitFor().catch(() => {
    throw new Failure('Explore draws no series.');
  });
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV' }).click()]);
  check(readFileSync(await file.path(), 'utf8').startsWith('time,value,expected,low,high,requests\r\n2'), 'The CSV of a series has no rows.');
  const [picture] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'PNG' }).click()]);
  check(isPicture(await picture.path()), 'The PNG of a series is none.');
  await page.goto(`${URL_OF_HARK}/explore?tab=sql`);
  await page.locator('textarea').fill('select count(*) as n from events');
  await page.keyboard.press('Control+Enter');
  const answer = page.locator('section[aria-label="Answer"] tbody td').first();
  await answer.waitFor().catch(() => {
    throw new Failure('A question in SQL has no answer.');
  });
  check(Number(await answer.innerText()) > 0, `There are ${await answer.innerText()} events, says SQL.`);
  await page.locator('textarea').fill('select nonsense from events');
  // The browser tells of the 400 that is wanted here.
  const before = complaints.length;
  await page.keyboard.press('Control+Enter');
  await page.locator('.failed').waitFor().catch(() => {
    throw new Failure('A wrong question in SQL is not told what is wrong.');
  });
  await page.waitForTimeout(300);
  complaints.length = before;
}

/** What the server's `Link` header has the browser fetch early is what the page then asks for: nothing is fetched twice. */
async function asksOnce(page, paths) {
  for (const path of paths) {
    const asked = [];
    const note = (request) => asked.push(request.url());
    // The page before may still fetch what it left for an idle moment, which is not this one's.
    await page.goto('about:blank');
    page.on('request', note);
    await page.goto(URL_OF_HARK + path);
    await comes(page.locator('main h1'), `${path} has no heading: it did not load.`);
    await isSettled(page);
    page.off('request', note);
    const twice = asked.find((url, at) => /\/(api|assets)\//.test(url) && asked.indexOf(url) !== at);
    check(twice === undefined, `${path} fetches ${twice} twice.`);
  }
}

async function isReadByKeyboard(page) {
  const plot = page.getByRole('slider');
  await plot.focus();
  const before = await plot.getAttribute('aria-valuetext');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  const after = await plot.getAttribute('aria-valuetext');
  check(before !== after && /\d/.test(after), `Arrow keys do not move the chart's cursor: "${after}".`);
  await page.getByText('Points as a table').click();
  await page.getByRole('region', { name: 'Points as a table' }).locator('tbody tr').nth(1).waitFor().catch(() => {
    throw new Failure('The table of points is empty.');
  });
  await page.getByText('Points as a table').click();
}

async function takesAnAnswer(page) {
  const acknowledge = page.getByRole('button', { name: 'Acknowledge' });
  if ((await acknowledge.count()) > 0) {
    await page.getByLabel('Who is looking?').fill('journey');
    await acknowledge.click();
    // In fast simulated time it may be over by then.
    await page.locator('.path', { hasText: /Acknowledged|Resolved/ }).waitFor().catch(() => {
      throw new Failure('The alert was acknowledged, but does not say so.');
    });
  }
  const real = page.getByRole('button', { name: 'Real', exact: true });
  await real.click();
  await page.locator('button[aria-pressed="true"]', { hasText: /^Real$/ }).waitFor().catch(() => {
    throw new Failure('The verdict was given, but is not shown.');
  });
}

/**
 * Each page is read once and then shown in both schemes and all widths. Every page is looked at before any is complained of: what is
 * wrong with one is seldom wrong with one alone.
 */
async function looksRight(browser, address) {
  const wrong = [];
  const page = await newPage(browser, { viewport: { width: SIZES[0][0], height: SIZES[0][1] } });
  for (const [name, path] of await pagesOf(page, address)) {
    await looksRightAt(page, name, path).catch((failure) => {
      if (!(failure instanceof Failure)) throw failure;
      wrong.push(failure.message);
    });
  }
  await page.context().close();
  check(wrong.length === 0, wrong.join('\n'));
}

async function looksRightAt(page, name, path) {
  await page.goto(URL_OF_HARK + path);
  await comes(page.locator('main h1'), `${name} has no heading: it did not load.`);
  await isSettled(page).catch(() => {
    throw new Failure(`${name} never ends loading.`);
  });
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    for (const [width, height] of SIZES) {
      await page.setViewportSize({ width, height });
      await page.waitForTimeout(300);
      const where = `${name}-${width}-${colorScheme}`;
      await shot(page, where);
      await isAccessible(page, where);
      await fits(page, where);
    }
    await page.setViewportSize({ width: NARROWEST, height: SIZES[0][1] });
    await fits(page, `${name} at ${NARROWEST} pixels`);
    await page.setViewportSize({ width: SIZES[0][0], height: SIZES[0][1] });
  }
}

async function fits(page, where) {
  const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check(tooWide <= 0, `${where} is ${tooWide} pixels wider than the screen.`);
}

/** Whatever the navigation leads to, the alert, the tabs of Explore, and what is behind a page of the navigation. */
async function pagesOf(page, address) {
  await page.goto(URL_OF_HARK);
  const links = page.locator('header nav a');
  await links.first().waitFor();
  const paths = await links.evaluateAll((all) => all.map((link) => new URL(link.href).pathname));
  const named = paths.map((path) => [path === '/' ? 'inbox' : path.slice(1).replaceAll('/', '-'), path]);
  const tabs = ['compare', 'map', 'sql'].map((tab) => [`explore-${tab}`, `/explore?tab=${tab}`]);
  const behind = [['registry-new', '/registry/new'], ['registry-metric', '/registry/response_time'], ['health-platform', '/health/iOS']];
  return [...named, ['alert', address], ...tabs, ...behind];
}

try {
  await main();
  console.log('The journey went well.');
} catch (error) {
  console.error(error instanceof Failure ? error.message : `The journey broke off: ${error.message.split('\n')[0]}`);
  process.exit(1);
}

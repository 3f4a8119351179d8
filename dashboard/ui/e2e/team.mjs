// A team's way: three fields, what they would have alerted, saved, listed, changed, and taken away again.
import { check, comes, complaints, plain, shot, URL_OF_HARK } from './browser.mjs';

const NAME = 'cancel_rate';
const LABEL = 'cancel rate';
/** Days of stored events go through the pipeline for a preview; the server stops itself after 40 s. */
const PREVIEW_MS = 90_000;

export async function walksAsTeam(page) {
  await opensTheForm(page);
  await previews(page);
  await saves(page);
  await edits(page);
  await removes(page);
  forgivesWhatIsGone();
}

/** A page that was open while the metric was removed may have asked for it once more; the browser tells of a 400. */
function forgivesWhatIsGone() {
  const isOfIt = (complaint) => complaint.includes(`/series?metric=${NAME}`);
  const forgiven = complaints.filter(isOfIt).length;
  const others = complaints.filter((complaint) => !isOfIt(complaint));
  const kept = others.filter((complaint, at) => !(/status of 400/.test(complaint) && others.slice(0, at).filter((one) => /status of 400/.test(one)).length < forgiven));
  complaints.splice(0, complaints.length, ...kept);
}

async function opensTheForm(page) {
  await page.goto(`${URL_OF_HARK}/registry`);
  await comes(page.getByRole('row', { name: /response time/i }), 'The registry does not list the built-in metrics.');
  await page.getByRole('link', { name: 'Add a metric' }).click();
  await page.getByLabel('Name', { exact: true }).fill(NAME);
  await page.getByLabel('What it is').selectOption('ratio');
  await page.getByLabel(/^Requests that count/).fill("outcome = 'cancelled'");
  await shot(page, 'team-1-three-fields');
}

async function previews(page) {
  await page.getByRole('button', { name: 'What would have fired?' }).click();
  const preview = page.getByRole('region', { name: 'Preview' });
  await comes(preview.getByText('stored events'), 'There is no preview of a new metric.', PREVIEW_MS);
  const said = plain(await preview.innerText());
  check(/Would (not )?have fired/.test(said), `The preview does not say what would have fired: "${said}".`);
  check(/stored events/.test(said), `The preview does not say by how many events: "${said}".`);
  await shot(page, 'team-2-preview');
}

async function saves(page) {
  await page.getByLabel('Your name').first().fill('journey');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.waitForURL(`**/registry/${NAME}?saved=1*`);
  await comes(page.getByText('Saved, and watched from now on'), 'A saved metric does not say that it is saved.');
  await shot(page, 'team-3-saved');
  await page.getByRole('link', { name: 'All metrics' }).click();
  await comes(page.getByRole('row', { name: new RegExp(LABEL, 'i') }), 'The saved metric is not listed.');
  await shot(page, 'team-4-listed');
}

async function edits(page) {
  await page.getByRole('link', { name: new RegExp(`^${LABEL}$`, 'i') }).click();
  await page.getByText(/^More:/).click();
  await page.getByLabel(/^Owner/).fill('team-voice');
  await page.getByRole('button', { name: 'What would have fired?' }).click();
  await comes(page.getByRole('region', { name: 'Preview' }), 'There is no preview of a changed metric.', PREVIEW_MS);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await comes(page.getByText(/Version 2: saved by journey/), 'The history does not have the second version.');
  await shot(page, 'team-5-edited');
}

async function removes(page) {
  await page.getByLabel('Your name').last().fill('journey');
  await page.getByRole('button', { name: 'Remove this metric' }).click();
  await page.waitForURL((url) => url.pathname === '/registry');
  await comes(page.getByRole('row', { name: /response time/i }), 'The registry is not shown after a metric was removed.');
  check((await page.getByRole('row', { name: new RegExp(LABEL, 'i') }).count()) === 0, 'The removed metric is still listed.');
  await shot(page, 'team-6-removed');
}

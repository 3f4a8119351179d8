import { expect, test } from 'vitest';
import type { Alert } from '../../lib/api-types';
import { exampleAlert } from '../../lib/example';
import { errorRows, noErrorsReason, similarRows } from './told';

const withMore = (more: object): Alert => ({ ...exampleAlert(), ...more }) as Alert;

test('error texts keep what is known of them', () => {
  const rows = errorRows(withMore({ errors: [{ signature: 'TIMEOUT <*>', before: 3, after: 512, share: 0.9, new: true, examples: ['TIMEOUT 5'] }, { signature: 'x', before: 1, after: 2 }] }));
  expect(rows[0]).toMatchObject({ share: '90\u202f%', isNew: true, examples: ['TIMEOUT 5'] });
  expect(rows[1]).toMatchObject({ share: undefined, isNew: false, examples: [] });
});

test('similar alerts say why they are, and how they ended', () => {
  const more = { why: ['metric response_time', 'up'], opened_at: '2026-04-30T10:00:00Z', metric: 'response_time', slice: { cluster: 'eu' }, verdict: 'true', resolved_at: '2026-04-30T12:00:00Z' };
  const [told, bare] = similarRows(withMore({ similar: [{ alert_id: 'al_0', score: 0.77, ...more }, { alert_id: 'al_9', score: 0.5 }] }));
  expect(told).toMatchObject({ score: '77\u202f%', subject: 'Response time in eu', ended: 'judged real, back to normal', why: ['metric response time', 'up'] });
  expect(bare).toMatchObject({ subject: undefined, ended: '', why: [] });
});

test('why there are no error texts depends on what the alert is on', () => {
  const of = (unit: string, kind = 'regression') => noErrorsReason(withMore({ kind, effect: { ...exampleAlert().effect, unit } })).slice(0, 48);
  expect([of('ms'), of('requests/min'), of('share', 'no_data'), of('share')]).toEqual([
    'None are compared: this alert is on sizes, and a',
    'None are compared: this alert is on how many req',
    'None are compared: this alert is on how many req',
    'No error text came more often than usual: the re',
  ]);
});

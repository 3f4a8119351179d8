// One alert for the tests of the pages.
import type { Alert } from './api-types';

export function exampleAlert(changes: Partial<Alert> = {}): Alert {
  return {
    id: 'al_1',
    metric: 'response_time',
    statistic: 'p95',
    direction: 'up',
    status: 'firing',
    severity: 'critical',
    slice: { cluster: 'eu-central-1' },
    incident_id: 'in_1',
    owner: 'voice-latency',
    opened_at: '2026-05-02T14:35:00Z',
    onset: '2026-05-02T14:20:00Z',
    onset_interval: ['2026-05-02T14:15:00Z', '2026-05-02T14:25:00Z'],
    resolved_at: null,
    effect: {
      before: 812,
      after: 1047,
      delta: 235,
      relative: 0.289,
      interval: [201, 268],
      unit: 'ms',
      requests: 18_211,
      users: 9100,
    },
    evidence: {
      e_value: 2.1e5,
      false_alarm_budget: '1 per week',
      detectors: [
        {
          name: 'isolation_forest',
          score: 0.81,
          p_value: 1e-5,
          base: 0.42,
          attributions: [
            { feature: 'p95_residual', value: 4.2, contribution: 0.31 },
            { feature: 'slope', value: 0.4, contribution: 0.1 },
            { feature: 'hour', value: 14, contribution: -0.02 },
          ],
        },
      ],
      chart: {
        slice: { cluster: 'eu-central-1' },
        start: '2026-05-02T14:00:00Z',
        step_seconds: 300,
        value: [800, 815, 805, 820, 1010, 1050, null, 1080],
        expected: [810, 810, 811, 811, 812, 812, 812, 812],
        low: [770, 770, 771, 771, 772, 772, 772, 772],
        high: [850, 850, 851, 851, 852, 852, 852, 852],
      },
    },
    causes: [{ slice: { cluster: 'eu-central-1', network: 'wifi' }, share: 0.83, delta: 410, requests: 6120 }],
    mix: { within: 231, mix_shift: 4 },
    suspects: [
      { change: 'ch_1', title: 'asr 5.2', time: '2026-05-02T14:12:00Z', score: 0.9, why: 'Reached eu-central-1 8 min before the onset' },
    ],
    folded: [],
    feedback: [],
    ...changes,
  };
}

// Numbers without a unit: scores, and how often something would come up by chance.
import { fixed, THIN } from './format';

const MILLION = 1e6;
const BILLION = 1e9;

/** A large count in words a person can take in: two digits that mean something. */
export function roughly(n: number): string {
  if (!Number.isFinite(n) || n >= 1000 * BILLION) return 'more than a trillion';
  const rounded = Number(n.toPrecision(2));
  if (rounded >= BILLION) return `${trimmed(rounded / BILLION)} billion`;
  if (rounded >= MILLION) return `${trimmed(rounded / MILLION)} million`;
  return trimmed(rounded);
}

const trimmed = (n: number): string => fixed(n, Number.isInteger(n) ? 0 : 1);

/** `2.1 × 10⁵`: for those who know what a number of that size means. */
export function scientific(n: number): string {
  if (Math.abs(n) < 1000 && Math.abs(n) >= 0.01) return plain(n);
  const [digits = '', power = ''] = n.toExponential(1).split('e');
  const raised = [...power.replace('+', '')].map((sign) => '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'['-0123456789'.indexOf(sign)]).join('');
  return `${digits}${THIN}×${THIN}10${raised}`;
}

/** A plain number where no unit is known: `0.31`, `4.2`, `812`. */
export const plain = (value: number, digits = 3): string =>
  fixed(value, Math.max(0, digits - (Math.abs(value) >= 100 ? 3 : Math.abs(value) >= 10 ? 2 : 1)));

/** As `plain`, always with its sign. */
export const signed = (value: number): string => (value < 0 ? '' : '+') + plain(value);

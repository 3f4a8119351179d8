// Light, dark, or as the system says; the choice is kept in this browser.
import { keep, kept } from './kept';

export const SCHEMES = ['system', 'light', 'dark'] as const;
export type Scheme = (typeof SCHEMES)[number];

const system = matchMedia('(prefers-color-scheme: dark)');
let chosen = $state<Scheme>(SCHEMES.find((one) => one === kept('scheme')) ?? 'system');
let isSystemDark = $state(system.matches);
system.addEventListener('change', () => (isSystemDark = system.matches));

export const scheme = {
  get chosen(): Scheme {
    return chosen;
  },
  set chosen(wanted: Scheme) {
    chosen = wanted;
    keep('scheme', wanted === 'system' ? undefined : wanted);
    apply();
  },
  /** What is drawn: a canvas has to be told, the rest follows by itself. */
  get isDark(): boolean {
    return chosen === 'system' ? isSystemDark : chosen === 'dark';
  },
};

/** Before anything is drawn, so that nothing flashes. */
export function apply(): void {
  document.documentElement.style.colorScheme = chosen === 'system' ? '' : chosen;
}

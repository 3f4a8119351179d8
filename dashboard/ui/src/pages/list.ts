// Every page there is: its address, its name in the navigation, and how to load it. Each is loaded when it is first
// asked for, so that none pays for another.
import type { Component } from 'svelte';

export interface Page {
  name: string;
  /** The first part of its address; empty for the page at the root. */
  path: string;
  /** Whether something is named after the path: `/alerts/al_12`. */
  takes: 'nothing' | 'an id' | 'an id or nothing';
  /** In the navigation; undefined for what is reached from another page. */
  label?: string;
  /** The group it stands in there. */
  group?: 'Watch' | 'Set up' | 'hark';
  // Pages without an id take no properties.
  load: () => Promise<{ default: Component<{ id: string }> | Component }>;
}

export const PAGES: Page[] = [
  { name: 'inbox', path: '', takes: 'nothing', label: 'Inbox', group: 'Watch', load: () => import('./inbox/Page.svelte') },
  { name: 'alert', path: 'alerts', takes: 'an id', load: () => import('./alert/Page.svelte') },
  { name: 'explore', path: 'explore', takes: 'nothing', label: 'Explore', group: 'Watch', load: () => import('./explore/Page.svelte') },
  { name: 'health', path: 'health', takes: 'an id or nothing', label: 'Health', group: 'Watch', load: () => import('./health/Page.svelte') },
  { name: 'report', path: 'report', takes: 'an id or nothing', label: 'Report', group: 'Watch', load: () => import('./report/Page.svelte') },
  { name: 'silences', path: 'silences', takes: 'nothing', label: 'Silences', group: 'Watch', load: () => import('./silences/Page.svelte') },
  { name: 'metrics', path: 'registry', takes: 'an id or nothing', label: 'Metrics', group: 'Set up', load: () => import('./metrics/Page.svelte') },
  { name: 'changes', path: 'changes', takes: 'nothing', label: 'Changes', group: 'Set up', load: () => import('./changes/Page.svelte') },
  { name: 'admin', path: 'admin', takes: 'nothing', label: 'Admin', group: 'hark', load: () => import('./admin/Page.svelte') },
  { name: 'models', path: 'models', takes: 'nothing', label: 'Models', group: 'hark', load: () => import('./models/Page.svelte') },
  { name: 'selftest', path: 'selftest', takes: 'nothing', label: 'Self-test', group: 'hark', load: () => import('./selftest/Page.svelte') },
];

export const GROUPS = ['Watch', 'Set up', 'hark'] as const;

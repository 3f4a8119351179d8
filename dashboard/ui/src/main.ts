import { mount } from 'svelte';
import './theme.css';
import App from './App.svelte';
import { apply } from './lib/scheme.svelte';

apply();
const target = document.getElementById('app');
if (target === null) throw new Error('index.html has no element with the id "app"');
mount(App, { target });

/**
 * What every browser test gets: a page that fails the test on any console error, any uncaught exception and any request
 * beyond the page's own origin, and `studio`, the page as a person uses it.
 */
import { stripVTControlCharacters } from 'node:util';
import { test as base, expect } from '@playwright/test';
import { Studio } from './studio';

interface Fixtures {
  studio: Studio;
  /** Lets a console error or an exception pass that the test provokes; everything else still fails. */
  provoke: (expected: RegExp) => void;
  problems: string[];
  provoked: RegExp[];
}

export const test = base.extend<Fixtures>({
  problems: async ({}, use) => use([]),
  provoked: async ({}, use) => use([]),
  provoke: async ({ provoked }, use) => use((expected) => void provoked.push(expected)),
  studio: async ({ page, baseURL, problems, provoked }, use) => {
    const origin = new URL(baseURL!).origin;
    const note = (problem: string) => {
      if (!provoked.some((expected) => expected.test(problem))) problems.push(problem);
    };
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      // ONNX Runtime colours what it says; the colours would be part of every comparison, and none of them is printed here.
      note(`console: ${stripVTControlCharacters(message.text())} ${message.location().url}`);
    });
    page.on('pageerror', (error) => note(`exception: ${error.message}`));
    page.on('crash', () => note('the page crashed'));
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.origin !== origin && url.protocol !== 'blob:' && url.protocol !== 'data:') {
        note(`request to another origin: ${request.url()}`);
      }
    });
    await use(new Studio(page));
    expect(problems, 'console errors, exceptions and requests elsewhere').toEqual([]);
  },
});

export { expect };

/** Unit tests run in Node; what needs a browser is tested by Playwright on the built page. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.{ts,tsx}', 'scripts/**/*.test.ts', 'cli/**/*.test.ts'],
    environment: 'node',
    // Nothing is timed: a machine that does other work as well may take its time.
    testTimeout: 60_000,
    restoreMocks: true,
    unstubGlobals: true,
  },
});

/**
 * The browser tests drive the built page (`npm run build` first), served as a host should serve it. Two projects: `wasm`
 * has no GPU at all, `webgpu` has real WebGPU on Chromium's software adapter, slow but true. Nothing is timed; the limits are
 * wide because both may run on two shared cores.
 */
import { defineConfig } from '@playwright/test';
import { findChromium } from './scripts/lib/chromium.mjs';

const PORT = Number(process.env['E2E_PORT'] ?? 41739);
const ORIGIN = `http://localhost:${PORT}`;

const executablePath = await findChromium();
if (!executablePath) {
  throw new Error('No Chromium was found: run `npm run setup`, or set CHROMIUM_PATH to its executable.');
}

export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  // One page at a time: a second one would only take the first one's cores.
  workers: 1,
  retries: 0,
  forbidOnly: Boolean(process.env['CI']),
  timeout: 300_000,
  expect: { timeout: 120_000 },
  reporter: [['list']],
  use: {
    baseURL: ORIGIN,
    viewport: { width: 1280, height: 800 },
    actionTimeout: 60_000,
    navigationTimeout: 60_000,
    screenshot: 'only-on-failure',
    // It would answer what a test wants to answer itself; its own test lets it in.
    serviceWorkers: 'block',
  },
  projects: [
    {
      name: 'wasm',
      testIgnore: /webgpu\.spec/,
      use: {
        browserName: 'chromium',
        launchOptions: { executablePath, args: ['--disable-gpu', '--disable-quic'] },
      },
    },
    {
      name: 'webgpu',
      testMatch: /webgpu\.spec/,
      use: {
        browserName: 'chromium',
        launchOptions: {
          executablePath,
          args: ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--disable-quic'],
        },
      },
    },
  ],
  webServer: {
    command: `node node_modules/vite/bin/vite.js preview --port ${PORT} --strictPort`,
    url: ORIGIN,
    reuseExistingServer: false,
    timeout: 60_000,
  },
});

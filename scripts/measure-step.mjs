/**
 * What the page adds to the runtime: milliseconds of a sampling step in the built page, beside those of a bare
 * `session.run` of the same weights, in the same browser on the same number of threads (WASM). And seconds from opening the
 * page to its first finished picture, in contexts that have nothing stored (cold).
 *
 *   npm run build && node scripts/measure-step.mjs [--model fundus-idrid] [--variant odm] [--steps 20] [--rounds 3]
 *
 * The two are measured in turn, round by round, so that a machine that is busy for a while is busy for both. Medians are
 * printed: a shared machine makes means meaningless.
 */
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from '@playwright/test';
import { findChromium } from './lib/chromium.mjs';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'fundus-idrid' },
    variant: { type: 'string', default: 'odm' },
    steps: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '3' },
  },
});
const steps = Number(options.steps);
const rounds = Number(options.rounds);
const root = path.resolve(import.meta.dirname, '..');
/** @type {Record<string, string>} */
const MIME = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
};

/** The runtime as it is published, and the built page. */
const ORT = '/ort/';

/** @param {string} pathname */
function fileOf(pathname) {
  return pathname.startsWith(ORT)
    ? path.join(root, 'node_modules/onnxruntime-web/dist', path.normalize(pathname.slice(ORT.length)))
    : path.join(root, 'dist', path.normalize(pathname === '/' ? 'index.html' : pathname));
}

const server = createServer((request, response) => {
  void (async () => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const file = fileOf(pathname);
    const info = await stat(file).catch(() => undefined);
    // Threads need isolation, here as on any host.
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    if (pathname === '/bare') {
      response.setHeader('Content-Type', 'text/html');
      response.end('<!doctype html><title>bare</title>');
    } else if (pathname === '/bare.js') {
      response.setHeader('Content-Type', 'text/javascript');
      response.end(WORKER);
    } else if (info?.isFile()) {
      response.setHeader('Content-Type', MIME[path.extname(file)] ?? 'application/octet-stream');
      createReadStream(file).pipe(response);
    } else {
      response.statusCode = 404;
      response.end();
    }
  })();
});
await new Promise((resolve) => server.listen(0, () => resolve(undefined)));
const address = server.address();
const origin = `http://localhost:${typeof address === 'object' && address ? address.port : 0}`;

const manifest = JSON.parse(
  await readFile(path.join(root, 'models', options.model, 'manifest.json'), 'utf8'),
);
const { file } = manifest.variants[options.variant];
const { width, height } = manifest.image;

const executablePath = await findChromium();
if (!executablePath) throw new Error('No Chromium was found: set CHROMIUM_PATH to its executable.');
const browser = await chromium.launch({ executablePath, args: ['--disable-gpu'] });

async function openStudio() {
  const page = await browser.newPage();
  const start = performance.now();
  await page.goto(`${origin}/?model=${options.model}&variant=${options.variant}&ep=wasm`);
  await page.waitForFunction(`window.odmStudio?.store.getState().run?.status === 'finished'`, null, {
    timeout: 300_000,
  });
  return { page, ms: performance.now() - start };
}

// What runs in the browser is text: it belongs to another realm than this file.

/** One picture without guidance, one row a step: milliseconds of each step in the worker, and of all on the page's clock. */
const PAGE_ROUND = `(async () => {
  const session = window.odmStudio;
  const request = {
    ...session.store.getState().draft,
    ...${JSON.stringify({ model: options.model, variant: options.variant, steps, guidance: 1 })},
  };
  const { signal } = new AbortController();
  return session.withEngine(request, async (engine) => {
    const each = [];
    const start = performance.now();
    await engine.sample(request, (frame) => frame.index < ${steps} && each.push(frame.ms), signal);
    return { each, wall: (performance.now() - start) / ${steps} };
  }, signal);
})()`;

/**
 * @param {import('@playwright/test').Page} page
 * @returns {Promise<{ each: number[], wall: number }>}
 */
const pageRound = (page) => page.evaluate(PAGE_ROUND);

/** A worker with nothing but the runtime and the weights; it answers with the times of its runs. */
const WORKER = `
import * as ort from '/ort/ort.wasm.min.mjs';
let session;
onmessage = (event) => answer(event).then(postMessage, (thrown) => postMessage({ error: String(thrown) }));
const answer = async ({ data: { weights, threads, names, shape, classes, kind, rows, count } }) => {
  if (weights) {
    ort.env.wasm.wasmPaths = '${origin}/ort/';
    ort.env.wasm.numThreads = threads;
    session = await ort.InferenceSession.create(weights, { executionProviders: ['wasm'], graphOptimizationLevel: 'all' });
    return 'ready';
  }
  const length = shape.reduce((a, b) => a * b, 1);
  const feeds = {
    [names.x]: new ort.Tensor('float32', Float32Array.from({ length: rows * length }, () => Math.random() - 0.5), [rows, ...shape]),
    [names.t]: new ort.Tensor('float32', new Float32Array(rows).fill(0.5), [rows]),
    [names.y]: new ort.Tensor('float32', Float32Array.from({ length: rows * classes }, (_, i) => (i % classes === 1 ? 1 : 0)), [rows, classes]),
  };
  const each = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await session.run(feeds);
    each.push(performance.now() - start);
  }
  return each;
};`;

async function openBare() {
  const page = await browser.newPage();
  await page.goto(`${origin}/bare`);
  await page.evaluate(`(async () => {
    const worker = new Worker('/bare.js', { type: 'module' });
    window.ask = (message) =>
      new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data));
        worker.onerror = (event) => reject(new Error(event.message ?? 'the worker could not be loaded'));
        worker.postMessage(message);
      });
    const response = await fetch('${origin}/models/${options.model}/${file}');
    await window.ask({ weights: new Uint8Array(await response.arrayBuffer()), threads: navigator.hardwareConcurrency });
  })()`);
  return page;
}

/**
 * @param {import('@playwright/test').Page} page
 * @param {number} rows
 * @returns {Promise<number[]>}
 */
const bareRound = (page, rows) =>
  page.evaluate(
    `window.ask(${JSON.stringify({
      names: { x: manifest.inputs.x.name, t: manifest.inputs.t.name, y: manifest.inputs.y.name },
      shape: [3, height, width],
      classes: manifest.grades.length + 1,
      rows,
      count: steps,
    })})`,
  );

/** @param {number[]} numbers */
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
/**
 * @param {string} name
 * @param {number[]} numbers
 */
const print = (name, numbers) =>
  console.log(
    `${name.padEnd(44)} ${median(numbers).toFixed(1).padStart(8)} ms   (${Math.min(...numbers).toFixed(1)} to ${Math.max(...numbers).toFixed(1)}, n = ${numbers.length})`,
  );

try {
  /** @type {number[]} */
  const cold = [];
  for (let round = 0; round < rounds; round++) {
    const { page, ms } = await openStudio();
    cold.push(ms);
    await page.context().close();
  }
  const { page: studio } = await openStudio();
  const bare = await openBare();
  /** @type {number[]} */
  const inWorker = [];
  /** @type {number[]} */
  const onPage = [];
  /** @type {number[]} */
  const one = [];
  /** @type {number[]} */
  const four = [];
  // The first of each warms up.
  await pageRound(studio);
  await bareRound(bare, 1);
  for (let round = 0; round < rounds; round++) {
    const { each, wall } = await pageRound(studio);
    inWorker.push(...each);
    onPage.push(wall);
    one.push(...(await bareRound(bare, 1)));
    four.push(...(await bareRound(bare, 4)));
  }
  const cores = await studio.evaluate('navigator.hardwareConcurrency');
  console.log(
    `${options.model} ${options.variant}, ${width} x ${height}, WASM, ${cores} threads, ${browser.version()}`,
  );
  print('from opening the page to its first picture', cold);
  print('a step in the page’s worker', inWorker);
  print('a step on the page’s clock, frames included', onPage);
  print('a bare session.run of one row', one);
  print('a bare session.run of four rows', four);
  console.log(
    `a step is ${(median(inWorker) / median(one)).toFixed(2)} bare runs; a row in a batch of four is ${(median(four) / 4 / median(one)).toFixed(2)}`,
  );
} finally {
  await browser.close();
  server.close();
}

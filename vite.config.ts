/**
 * Build and serving of the page. Four things here are not defaults: `models/` is served next to the page (and copied
 * into the build), the COOP/COEP headers that WASM threads need are sent by the dev and preview servers,
 * onnxruntime-web is left alone by the dependency optimiser, which would break its own worker and WASM lookups, and a
 * service worker is built that keeps the page for visits without a network.
 */
import { createReadStream } from 'node:fs';
import { cp, stat } from 'node:fs/promises';
import path from 'node:path';
import react from '@vitejs/plugin-react';
import { defaultClientConditions, defineConfig, type Connect, type Plugin } from 'vite';
import { VitePWA } from 'vite-plugin-pwa';
import { DESCRIPTIONS_CACHE, RUNTIME_CACHE } from './src/models/offline.ts';

const ISOLATION_HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

const MIME: Record<string, string> = {
  '.json': 'application/json',
  '.onnx': 'application/octet-stream',
  '.md': 'text/markdown; charset=utf-8',
  '.webp': 'image/webp',
  '.png': 'image/png',
};

/**
 * Serves the files of one folder. What is missing is a plain 404 as on any static host: answered with the page, as
 * Vite does for unknown paths, absent weights would look like broken ones.
 */
function serveFolder(folder: string): Connect.NextHandleFunction {
  return (req, res, next) => {
    void (async () => {
      const pathname = decodeURIComponent((req.url ?? '/').split(/[?#]/)[0] ?? '/');
      const file = path.join(folder, path.normalize(pathname));
      const info = file.startsWith(folder + path.sep) ? await stat(file).catch(() => undefined) : undefined;
      if (!info?.isFile()) {
        res.statusCode = 404;
        res.end('Not found');
        return;
      }
      res.setHeader('Content-Type', MIME[path.extname(file)] ?? 'application/octet-stream');
      res.setHeader('Content-Length', info.size);
      res.setHeader('Cache-Control', 'no-cache');
      for (const [name, value] of Object.entries(ISOLATION_HEADERS)) res.setHeader(name, value);
      createReadStream(file).pipe(res);
    })().catch(next);
  };
}

/** `models/` of the repository at `/models/` in dev and preview, and in the build. */
function models(): Plugin {
  let source = '';
  let outDir = '';
  return {
    name: 'studio-models',
    configResolved(config) {
      source = path.resolve(config.root, 'models');
      outDir = path.resolve(config.root, config.build.outDir);
    },
    configureServer(server) {
      server.middlewares.use('/models', serveFolder(source));
    },
    configurePreviewServer(server) {
      server.middlewares.use('/models', serveFolder(path.join(outDir, 'models')));
    },
    async writeBundle() {
      if (await stat(source).catch(() => undefined)) {
        await cp(source, path.join(outDir, 'models'), { recursive: true });
      }
    },
  };
}

/**
 * The page as an app. The worker keeps the page itself; WebAssembly (tens of megabytes, of which one browser needs one
 * file) and descriptions of the models are kept as they are used. Weights are no business of its: src/models/weights.ts
 * keeps them by their hash. A new release waits until the person agrees to reload.
 */
function installable() {
  return VitePWA({
    registerType: 'prompt',
    injectRegister: false,
    includeManifestIcons: false,
    manifest: {
      name: 'Ordinal Diffusion Studio',
      short_name: 'Ordinal Studio',
      description:
        'Draws medical images by severity grade with an Ordinal Diffusion Model, in the browser. Synthetic pictures only.',
      lang: 'en',
      display: 'standalone',
      background_color: '#101214',
      theme_color: '#14181c',
      categories: ['education', 'medical'],
      icons: [
        { src: 'icons/icon-192.png', sizes: '192x192', type: 'image/png' },
        { src: 'icons/icon-512.png', sizes: '512x512', type: 'image/png' },
        { src: 'icons/icon-maskable-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
        { src: 'favicon.svg', sizes: 'any', type: 'image/svg+xml' },
      ],
    },
    workbox: {
      globPatterns: ['**/*.{html,js,mjs,css,svg,png}'],
      globIgnores: ['models/**', 'icons/**'],
      maximumFileSizeToCacheInBytes: 8 * 1024 * 1024,
      // What follows the ? says what to show; the page is one and the same.
      ignoreURLParametersMatching: [/./],
      navigateFallback: null,
      // So that the first visit already is at home: its pictures need no second one to work without a network.
      clientsClaim: true,
      cleanupOutdatedCaches: true,
      runtimeCaching: [
        {
          urlPattern: /\/assets\/[^/]+\.wasm$/,
          handler: 'CacheFirst',
          options: { cacheName: RUNTIME_CACHE },
        },
        {
          urlPattern: /\/models\/[^?#]+\.(?:json|md|webp)$/,
          handler: 'NetworkFirst',
          options: { cacheName: DESCRIPTIONS_CACHE, networkTimeoutSeconds: 5 },
        },
      ],
    },
  });
}

export default defineConfig({
  // Relative, so that the built page works from any folder of a static host.
  base: './',
  plugins: [react(), models(), installable()],
  server: { headers: ISOLATION_HEADERS },
  preview: { headers: ISOLATION_HEADERS },
  // The runtime's files are then named by src/engine/session.ts, and its threads do not run our worker's entry again.
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', ...defaultClientConditions] },
  // What only the worker imports is not found by the scan of the page, and finding it late reloads the page.
  optimizeDeps: { exclude: ['onnxruntime-web'], include: ['comlink', 'zod'] },
  worker: { format: 'es' },
  build: { target: 'es2023', chunkSizeWarningLimit: 1200 },
});

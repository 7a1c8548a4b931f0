/**
 * Reading what describes the bundles over the network: the catalogue and the manifests.
 */
import { cancelled, StudioError } from '../errors';
import { importedResponse, isImported } from './imported';
import type { BundleManifest, Catalogue } from './manifest';
import type { Metrics } from './metrics';
import {
  CATALOGUE,
  invalid,
  MANIFEST,
  METRICS,
  parseCatalogue,
  parseManifest,
  parseMetrics,
  type Kind,
} from './validate';

/**
 * `fetch` whose failures are typed; a missing file is an ordinary 404 response. Files of imported bundles come from where
 * they are kept.
 */
export async function fetchFrom(url: string, signal?: AbortSignal, init?: RequestInit): Promise<Response> {
  if (isImported(url)) return importedResponse(url, signal);
  let response: Response;
  try {
    response = await fetch(url, { ...init, signal: signal ?? null });
  } catch (thrown) {
    if (signal?.aborted) throw cancelled();
    throw new StudioError({
      code: 'download-failed',
      message: 'The download did not get through.',
      remedy: 'Check the connection, then try again.',
      detail: url,
      cause: thrown,
    });
  }
  if (!response.ok && response.status !== 404) {
    throw new StudioError({
      code: 'download-failed',
      message: `The server answered with an error (${response.status}).`,
      remedy: 'Try again in a moment.',
      detail: url,
    });
  }
  return response;
}

async function readJson<T>(
  url: string,
  parse: (value: unknown, origin: string) => T,
  kind: Kind,
  signal?: AbortSignal,
): Promise<T> {
  const response = await fetchFrom(url, signal, { cache: 'no-cache' });
  if (response.status === 404) throw invalid(kind, url, 'it is not there');
  let value: unknown;
  try {
    value = await response.json();
  } catch (thrown) {
    if (signal?.aborted) throw cancelled();
    throw invalid(kind, url, 'it is not JSON', thrown);
  }
  return parse(value, url);
}

/**
 * Reads `catalogue.json`.
 * @param modelsUrl URL of the folder of bundles, ending in `/`.
 * @throws StudioError `catalogue-invalid`, `download-failed` or `cancelled`.
 */
export function readCatalogue(modelsUrl: string, signal?: AbortSignal): Promise<Catalogue> {
  return readJson(`${modelsUrl}catalogue.json`, parseCatalogue, CATALOGUE, signal);
}

/**
 * Reads and validates the manifest of one bundle.
 * @param bundleUrl URL of the bundle's folder, ending in `/`.
 * @throws StudioError `manifest-invalid`, `download-failed` or `cancelled`.
 */
export function readManifest(bundleUrl: string, signal?: AbortSignal): Promise<BundleManifest> {
  return readJson(`${bundleUrl}manifest.json`, parseManifest, MANIFEST, signal);
}

/**
 * What the evaluation protocol found about a bundle; null when it was not evaluated.
 * @throws StudioError `manifest-invalid`, `download-failed` or `cancelled`.
 */
export async function readMetrics(
  bundleUrl: string,
  { id, evaluation }: BundleManifest,
  signal?: AbortSignal,
): Promise<Metrics | null> {
  if (evaluation === undefined) return null;
  const url = bundleUrl + evaluation;
  const metrics = await readJson(url, parseMetrics, METRICS, signal);
  if (metrics.bundle !== id) throw invalid(METRICS, url, `it is about ${metrics.bundle}`);
  return metrics;
}

/** A bundle's card, as Markdown; null when it has none. @throws StudioError `download-failed` or `cancelled`. */
export async function readCard(
  bundleUrl: string,
  { card }: BundleManifest,
  signal?: AbortSignal,
): Promise<string | null> {
  if (card === undefined) return null;
  const response = await fetchFrom(bundleUrl + card, signal, { cache: 'no-cache' });
  return response.status === 404 ? null : response.text();
}

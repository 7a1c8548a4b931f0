/**
 * Reading what describes the bundles: the catalogue and the manifests. What is wrong with them becomes a typed error
 * that names the file and the first few faults.
 */
import { z } from 'zod';
import { cancelled, StudioError, type ErrorCode } from '../errors';
import { catalogueSchema, manifestSchema, type BundleManifest, type Catalogue } from './manifest';

const FORMAT_VERSION = 1;
const SHOWN_FAULTS = 3;

interface Kind {
  readonly code: ErrorCode;
  /** As in "The manifest of ‘fundus’". */
  readonly name: string;
}

function invalid({ code, name }: Kind, url: string, what: string, cause?: unknown): StudioError {
  return new StudioError({
    code,
    message: `The ${name} cannot be used: ${what}.`,
    remedy: 'Choose another model; if you host the studio, build the bundle again with the training lab.',
    detail: url,
    cause,
  });
}

/** `fetch` whose failures are typed; a missing file is an ordinary 404 response. */
export async function fetchFrom(url: string, signal?: AbortSignal, init?: RequestInit): Promise<Response> {
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

function describe(error: z.ZodError): string {
  const faults = error.issues.slice(0, SHOWN_FAULTS).map((issue) => {
    const path = issue.path.map(String).join('.');
    return path ? `${path}: ${issue.message}` : issue.message;
  });
  const more = error.issues.length - faults.length;
  return faults.join('; ') + (more > 0 ? `; and ${more} more` : '');
}

/** Validates a parsed JSON value. `formatVersion` comes first: of another version nothing else can be said. */
function validate<T>(value: unknown, schema: z.ZodType<T>, kind: Kind, url: string): T {
  const version = z.looseObject({ formatVersion: z.number() }).safeParse(value);
  if (!version.success) throw invalid(kind, url, 'it does not name its format version');
  if (version.data.formatVersion !== FORMAT_VERSION) {
    throw new StudioError({
      code: kind.code,
      message: `The ${kind.name} is of format version ${version.data.formatVersion}; this studio reads ${FORMAT_VERSION}.`,
      remedy: 'Use the studio and the training lab of the same release.',
      detail: url,
    });
  }
  const result = schema.safeParse(value);
  if (!result.success) throw invalid(kind, url, describe(result.error), result.error);
  return result.data;
}

async function readJson<T>(url: string, schema: z.ZodType<T>, kind: Kind, signal?: AbortSignal): Promise<T> {
  const response = await fetchFrom(url, signal, { cache: 'no-cache' });
  if (response.status === 404) throw invalid(kind, url, 'it is not there');
  let value: unknown;
  try {
    value = await response.json();
  } catch (thrown) {
    if (signal?.aborted) throw cancelled();
    throw invalid(kind, url, 'it is not JSON', thrown);
  }
  return validate(value, schema, kind, url);
}

const CATALOGUE: Kind = { code: 'catalogue-invalid', name: 'catalogue of models' };
const MANIFEST: Kind = { code: 'manifest-invalid', name: "model's manifest" };

/**
 * Reads `catalogue.json`.
 * @param modelsUrl URL of the folder of bundles, ending in `/`.
 * @throws StudioError `catalogue-invalid`, `download-failed` or `cancelled`.
 */
export function readCatalogue(modelsUrl: string, signal?: AbortSignal): Promise<Catalogue> {
  return readJson(`${modelsUrl}catalogue.json`, catalogueSchema, CATALOGUE, signal);
}

/**
 * Reads and validates the manifest of one bundle.
 * @param bundleUrl URL of the bundle's folder, ending in `/`.
 * @throws StudioError `manifest-invalid`, `download-failed` or `cancelled`.
 */
export function readManifest(bundleUrl: string, signal?: AbortSignal): Promise<BundleManifest> {
  return readJson(`${bundleUrl}manifest.json`, manifestSchema, MANIFEST, signal);
}

/** Validates a manifest that is already at hand. @throws StudioError `manifest-invalid`. */
export function parseManifest(value: unknown, origin: string): BundleManifest {
  return validate(value, manifestSchema, MANIFEST, origin);
}

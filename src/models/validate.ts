/**
 * What is wrong with a catalogue or a manifest, as a typed error that names the file and the first few faults. Knows
 * nothing of where they come from.
 */
import { z } from 'zod';
import { StudioError, type ErrorCode } from '../errors';
import { catalogueSchema, manifestSchema, type BundleManifest, type Catalogue } from './manifest';
import { metricsSchema, type Metrics } from './metrics';

const FORMAT_VERSION = 1;
const SHOWN_FAULTS = 3;

export interface Kind {
  readonly code: ErrorCode;
  /** As in "The manifest of ‘fundus’". */
  readonly name: string;
}

export function invalid({ code, name }: Kind, url: string, what: string, cause?: unknown): StudioError {
  return new StudioError({
    code,
    message: `The ${name} cannot be used: ${what}.`,
    remedy: 'Choose another model; if you host the studio, build the bundle again with the training lab.',
    detail: url,
    cause,
  });
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

export const CATALOGUE: Kind = { code: 'catalogue-invalid', name: 'catalogue of models' };
export const MANIFEST: Kind = { code: 'manifest-invalid', name: "model's manifest" };

export const METRICS: Kind = { code: 'manifest-invalid', name: 'evaluation of this model' };

/** Validates a parsed catalogue. @throws StudioError `catalogue-invalid`. */
export function parseCatalogue(value: unknown, origin: string): Catalogue {
  return validate(value, catalogueSchema, CATALOGUE, origin);
}

/** Validates a manifest that is already at hand. @throws StudioError `manifest-invalid`. */
export function parseManifest(value: unknown, origin: string): BundleManifest {
  return validate(value, manifestSchema, MANIFEST, origin);
}

/** Validates what the evaluation protocol found. @throws StudioError `manifest-invalid`. */
export function parseMetrics(value: unknown, origin: string): Metrics {
  return validate(value, metricsSchema, METRICS, origin);
}

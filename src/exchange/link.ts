/**
 * The part of an address that holds everything on the Sample page: the request, the model's hash, the step and how it is
 * looked at. One table says every field's name in the link and how it is read; a link names its version, and older ones
 * are brought up to date.
 */
import { z } from 'zod';
import { StudioError } from '../errors';
import { changesText, parseChanges, sampleRequestSchema, type GradeChange } from '../models/request';

const LINK_VERSION = 3;

const viewSchema = z.strictObject({
  step: z.number().int().min(0).max(1000),
  view: z.enum(['x', 'x0', 'epsilon', 'difference']),
  noiseMap: z.enum(['rgb', 'luminance', 'norm']),
  differenceMap: z.enum(['luminance', 'red', 'green', 'blue', 'norm']),
  /** Index of the grade that is compared, or null. */
  compared: z.number().int().min(0).max(9).nullable(),
  /** Limit of the differences' scale while it is locked, or null. */
  lockedLimit: z.number().positive().finite().nullable(),
});

export const linkSchema = z.strictObject({
  request: sampleRequestSchema,
  /** SHA-256 of the weights. */
  modelSha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** What computed the picture; empty when the link does not say. */
  provider: z.string(),
  look: viewSchema,
});
export type LinkState = z.infer<typeof linkSchema>;
export type Look = LinkState['look'];

type Part = 'request' | 'look' | 'top';
type Kind = 'text' | 'number' | 'number or nothing' | 'changes';

/** Every field: its name in the link, where it belongs, what it is. */
const FIELDS: readonly (readonly [name: string, part: Part, key: string, kind: Kind])[] = [
  ['model', 'request', 'model', 'text'],
  ['variant', 'request', 'variant', 'text'],
  ['severity', 'request', 'severity', 'number'],
  ['seed', 'request', 'seed', 'number'],
  ['sampler', 'request', 'sampler', 'text'],
  ['steps', 'request', 'steps', 'number'],
  ['guidance', 'request', 'guidance', 'number'],
  ['eta', 'request', 'eta', 'number'],
  ['changed', 'request', 'changedFrom', 'changes'],
  ['sha256', 'top', 'modelSha256', 'text'],
  ['provider', 'top', 'provider', 'text'],
  ['step', 'look', 'step', 'number'],
  ['view', 'look', 'view', 'text'],
  ['noise', 'look', 'noiseMap', 'text'],
  ['difference', 'look', 'differenceMap', 'text'],
  ['compared', 'look', 'compared', 'number or nothing'],
  ['limit', 'look', 'lockedLimit', 'number or nothing'],
];

type Fields = Record<string, string>;

/**
 * From one version of a link's fields to the next. Version 1 held the request and the hash alone; version 2 knew no change
 * of the grade on the way.
 */
const MIGRATIONS: Record<number, (fields: Fields) => Fields> = {
  1: (fields) => ({
    ...fields,
    v: '2',
    provider: '',
    step: fields['steps'] ?? '',
    view: 'x',
    noise: 'rgb',
    difference: 'luminance',
  }),
  2: (fields) => ({ ...fields, v: '3' }),
};

/** e.g. `v=3&model=phantom&variant=odm&severity=2&…`; fields that are nothing are left out. */
export function encodeLink(state: LinkState): string {
  const params = new URLSearchParams({ v: String(LINK_VERSION) });
  for (const [name, part, key, kind] of FIELDS) {
    const holder = (part === 'top' ? state : state[part]) as Record<string, unknown>;
    const value = holder[key];
    if (value === null || value === undefined) continue;
    params.set(name, kind === 'changes' ? changesText(value as GradeChange[]) : String(value));
  }
  return params.toString();
}

/** Whether a text claims to be such a link; only then is it worth a complaint when it is broken. */
export function looksLikeLink(text: string): boolean {
  return new URLSearchParams(text).has('v');
}

/** Fields that are not ours (another part of the page may keep some) are left alone. @throws StudioError `link-invalid`. */
export function decodeLink(text: string): LinkState {
  let fields: Fields = Object.fromEntries(new URLSearchParams(text));
  const version = Number(fields['v']);
  if (!Number.isInteger(version) || version < 1) throw broken('it does not name its version');
  if (version > LINK_VERSION) {
    throw new StudioError({
      code: 'link-invalid',
      message: 'This link comes from a newer release of the studio.',
      remedy: 'Reload the page to get the newest release, then open the link again.',
      detail: `version ${version}; this release reads up to ${LINK_VERSION}`,
    });
  }
  for (let migrate; (migrate = MIGRATIONS[Number(fields['v'])]);) fields = migrate(fields);

  const state: Record<Part, Record<string, unknown>> = { request: {}, look: {}, top: {} };
  for (const [name, part, key, kind] of FIELDS) {
    const value = fields[name];
    if (value === undefined) {
      if (kind === 'number or nothing') state[part][key] = null;
    } else if (kind === 'changes') {
      // An empty list is damage, not the absence of one.
      state[part][key] = parseChanges(value) ?? [];
    } else {
      state[part][key] = kind === 'text' ? value : value.trim() === '' ? NaN : Number(value);
    }
  }
  const parsed = linkSchema.safeParse({ ...state.top, request: state.request, look: state.look });
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const place = FIELDS.find(([, , key]) => key === issue?.path.slice(0, 2).at(-1));
    throw broken(place ? `its ${place[0]} cannot be read` : 'it is incomplete', parsed.error.message);
  }
  return parsed.data;
}

function broken(what: string, detail = ''): StudioError {
  return new StudioError({
    code: 'link-invalid',
    message: `This link is damaged: ${what}.`,
    remedy: 'Copy the whole link again; until then the studio shows what it shows everyone at first.',
    detail,
  });
}

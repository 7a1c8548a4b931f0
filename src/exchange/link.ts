/**
 * The part of an address that holds what a workspace shows: the request, the model's hash, and, in Sample, the step and how
 * it is looked at, or, in Severity, what is compared and over which axes. One table for each says every field's name in the
 * link and how it is read; a link names its version, and older ones are brought up to date.
 */
import { z } from 'zod';
import { StudioError } from '../errors';
import {
  changesText,
  parseChanges,
  sampleRequestSchema,
  type GradeChange,
  type SampleRequest,
} from '../models/request';

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

export const AXES = ['severity', 'seed', 'steps', 'guidance', 'variant'] as const;

const axisSchema = z.strictObject({
  name: z.enum(AXES),
  from: z.number().finite(),
  to: z.number().finite(),
  count: z.number().int().min(1).max(100),
});
/** From one value to another in `count` places; seeds count up from `from`, variants are all there are. */
export type Axis = Readonly<z.infer<typeof axisSchema>>;

/** Pictures that stand side by side, at the most. */
export const MOST_COMPARED = 4;

const severitySchema = z.strictObject({
  tab: z.enum(['slider', 'grid', 'compare']),
  /** Whether the other variant's picture follows the slider as well. */
  beside: z.boolean(),
  /** The grid's axes; null: as they are at first. */
  rows: axisSchema.nullable(),
  columns: axisSchema.nullable(),
  /** Side by side; a person's own pictures are part of no link. */
  compared: z.array(sampleRequestSchema).max(MOST_COMPARED),
  mode: z.enum(['side', 'difference', 'blink']),
  shown: z.enum(['x0', 'x']),
  /** Place of the scrubber, 0 (noise) to 1 (finished). */
  place: z.number().min(0).max(1),
});
export const severityLinkSchema = z.strictObject({
  request: sampleRequestSchema,
  modelSha256: linkSchema.shape.modelSha256,
  severity: severitySchema,
});
export type SeverityLink = z.infer<typeof severityLinkSchema>;
/** What the Severity workspace is set to, apart from the request. */
export type SeverityLook = Readonly<SeverityLink['severity']>;

type Part = 'request' | 'look' | 'severity' | 'top';
type Kind = 'text' | 'number' | 'number or nothing' | 'changes' | 'flag' | 'axis or nothing' | 'requests';
type Field = readonly [name: string, part: Part, key: string, kind: Kind];

/** Every field: its name in the link, where it belongs, what it is. */
const REQUEST_FIELDS: readonly Field[] = [
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
];
const PICTURE_FIELDS = REQUEST_FIELDS.filter(([, part]) => part === 'request');
const SAMPLE_FIELDS: readonly Field[] = [
  ...REQUEST_FIELDS,
  ['provider', 'top', 'provider', 'text'],
  ['step', 'look', 'step', 'number'],
  ['view', 'look', 'view', 'text'],
  ['noise', 'look', 'noiseMap', 'text'],
  ['difference', 'look', 'differenceMap', 'text'],
  ['compared', 'look', 'compared', 'number or nothing'],
  ['limit', 'look', 'lockedLimit', 'number or nothing'],
];
const SEVERITY_FIELDS: readonly Field[] = [
  ...REQUEST_FIELDS,
  ['tab', 'severity', 'tab', 'text'],
  ['beside', 'severity', 'beside', 'flag'],
  ['rows', 'severity', 'rows', 'axis or nothing'],
  ['columns', 'severity', 'columns', 'axis or nothing'],
  ['pictures', 'severity', 'compared', 'requests'],
  ['mode', 'severity', 'mode', 'text'],
  ['shown', 'severity', 'shown', 'text'],
  ['place', 'severity', 'place', 'number'],
];

const toNumber = (text: string | undefined) =>
  text === undefined || text.trim() === '' ? NaN : Number(text);

/** `seed:7:7:6`: name, from, to, count. */
function readAxis(text: string): unknown {
  const [name, ...numbers] = text.split(':');
  const [from, to, count, ...more] = numbers.map(toNumber);
  return more.length > 0 ? text : { name, from, to, count };
}

/** `severity:0,variant:dm;severity:4`: of each what differs from the request of the link; a change taken back is empty. */
function writeRequests(requests: readonly SampleRequest[], base: SampleRequest): string | null {
  if (requests.length === 0) return null;
  return requests
    .map((one) =>
      PICTURE_FIELDS.flatMap(([name, , key, kind]) => {
        const [text, before] = [one, base].map((r) => write(kind, r[key as keyof SampleRequest], base));
        return text === before ? [] : [`${name}:${encodeURIComponent(text ?? '')}`];
      }).join(','),
    )
    .join(';');
}

function readRequests(text: string, base: Readonly<Record<string, unknown>>): unknown[] {
  return text.split(';').map((one) => {
    const changes = (one === '' ? [] : one.split(',')).map((change) => {
      const [name = '', value = ''] = change.split(':').map(decodeURIComponent);
      const [, , key, kind] = PICTURE_FIELDS.find((field) => field[0] === name) ?? [];
      if (key === undefined || kind === undefined) throw new RangeError(`a picture has no ${name}`);
      return [key, kind === 'changes' && value === '' ? undefined : read(kind, value, base)] as const;
    });
    const request = Object.entries({ ...base, ...Object.fromEntries(changes) });
    return Object.fromEntries(request.filter(([, value]) => value !== undefined));
  });
}

/** A value as the link has it; null leaves the field out. */
function write(kind: Kind, value: unknown, base: SampleRequest): string | null {
  if (value === null || value === undefined) return null;
  switch (kind) {
    case 'changes':
      return changesText(value as GradeChange[]);
    case 'flag':
      return value ? '1' : '0';
    case 'axis or nothing': {
      const { name, from, to, count } = value as Axis;
      return [name, from, to, count].join(':');
    }
    case 'requests':
      return writeRequests(value as SampleRequest[], base);
    default:
      return String(value);
  }
}

/** What a link's text stands for; the schema judges it. Undefined: a field that has to be there is not. */
function read(kind: Kind, text: string | undefined, base: Readonly<Record<string, unknown>>): unknown {
  switch (kind) {
    case 'text':
      return text;
    case 'number':
      return text === undefined ? undefined : toNumber(text);
    case 'number or nothing':
      return text === undefined ? null : toNumber(text);
    case 'changes':
      // An empty list is damage, not the absence of one.
      return text === undefined ? undefined : (parseChanges(text) ?? []);
    case 'flag':
      return text === '1' ? true : text === '0' ? false : text;
    case 'axis or nothing':
      return text === undefined ? null : readAxis(text);
    case 'requests':
      return text === undefined ? [] : readRequests(text, base);
  }
}

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

interface AnyLink {
  readonly request: SampleRequest;
}

function encode(fields: readonly Field[], state: AnyLink): string {
  const params = new URLSearchParams({ v: String(LINK_VERSION) });
  for (const [name, part, key, kind] of fields) {
    const holder = (part === 'top' ? state : (state as unknown as Record<Part, unknown>)[part]) as Record<
      string,
      unknown
    >;
    const value = write(kind, holder[key], state.request);
    if (value !== null) params.set(name, value);
  }
  return params.toString();
}

/** e.g. `v=3&model=phantom&variant=odm&severity=2&…`; fields that are nothing are left out. */
export const encodeLink = (state: LinkState): string => encode(SAMPLE_FIELDS, state);

/** The same for the Severity workspace. */
export const encodeSeverityLink = (state: SeverityLink): string => encode(SEVERITY_FIELDS, state);

/** Whether a text claims to be such a link; only then is it worth a complaint when it is broken. */
export function looksLikeLink(text: string): boolean {
  return new URLSearchParams(text).has('v');
}

function decode<T>(text: string, table: readonly Field[], schema: z.ZodType<T>): T {
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

  const state: Record<string, unknown> = {};
  const request: Record<string, unknown> = {};
  for (const [name, part, key, kind] of table) {
    const holder =
      part === 'top'
        ? state
        : ((state[part] ??= part === 'request' ? request : {}) as Record<string, unknown>);
    try {
      const value = read(kind, fields[name], request);
      if (value !== undefined) holder[key] = value;
    } catch (thrown) {
      // A percent sign that begins nothing, or a picture with something that pictures have not.
      throw broken(`its ${name} cannot be read`, String(thrown));
    }
  }
  const parsed = schema.safeParse(state);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const place = table.find(([, part, key]) => issue?.path[part === 'top' ? 0 : 1] === key);
    throw broken(place ? `its ${place[0]} cannot be read` : 'it is incomplete', parsed.error.message);
  }
  return parsed.data;
}

/** Fields that are not ours (another part of the page may keep some) are left alone. @throws StudioError `link-invalid`. */
export const decodeLink = (text: string): LinkState => decode(text, SAMPLE_FIELDS, linkSchema);

/** @throws StudioError `link-invalid`. */
export const decodeSeverityLink = (text: string): SeverityLink =>
  decode(text, SEVERITY_FIELDS, severityLinkSchema);

function broken(what: string, detail = ''): StudioError {
  return new StudioError({
    code: 'link-invalid',
    message: `This link is damaged: ${what}.`,
    remedy: 'Copy the whole link again; until then the studio shows what it shows everyone at first.',
    detail,
  });
}

/** Requests as a table, one a row; a data set's labels.csv is one. */
import { z } from 'zod';
import {
  changesText,
  parseChanges,
  SAMPLERS,
  sampleRequestSchema,
  type SampleRequest,
} from '../models/request';
import { invalidTable, parseCsv, toCsv, type CsvValue } from './csv';

/** How a request stands in a table, the grade first. */
const COLUMNS = ['grade', 'seed', 'model', 'variant', 'sampler', 'steps', 'guidance', 'eta'] as const;
/** Severities that the first steps were drawn with, as `changesText`; tables of older releases have not got it. */
const CHANGES = 'changed_from';
export const REQUEST_COLUMNS: readonly string[] = [...COLUMNS, CHANGES];

export function requestCells(request: SampleRequest): CsvValue[] {
  return [
    ...COLUMNS.map((column) => request[column === 'grade' ? 'severity' : column]),
    changesText(request.changedFrom),
  ];
}

/** A table of requests, one a row. */
export function formatRequests(requests: Iterable<SampleRequest>): string {
  const rows = function* () {
    for (const request of requests) yield requestCells(request);
  };
  return toCsv(REQUEST_COLUMNS, rows());
}

const row = z.object({
  grade: z.string().min(1).transform(Number),
  seed: z.string().min(1).transform(Number),
  model: z.string(),
  variant: z.string(),
  sampler: z.enum(SAMPLERS),
  steps: z.string().min(1).transform(Number),
  guidance: z.string().min(1).transform(Number),
  eta: z.string().min(1).transform(Number),
  [CHANGES]: z.string().default('').transform(parseChanges),
});

/** The requests of a table that has their columns, whatever others it has (a data set's labels.csv). @throws StudioError `file-invalid`. */
export function parseRequests(text: string): SampleRequest[] {
  const [header, ...rows] = parseCsv(text);
  const absent = COLUMNS.filter((column) => !header?.includes(column));
  if (!header || absent.length > 0) throw invalidTable(1, `the columns ${absent.join(', ')} are missing`);
  return rows.map((cells, i) => {
    if (cells.length !== header.length)
      throw invalidTable(i + 2, `${cells.length} cells under ${header.length} columns`);
    try {
      const {
        grade,
        [CHANGES]: changedFrom,
        ...rest
      } = row.parse(Object.fromEntries(header.map((column, k) => [column, cells[k]!])));
      return sampleRequestSchema.parse({ ...rest, severity: grade, ...(changedFrom && { changedFrom }) });
    } catch (thrown) {
      const detail = thrown instanceof z.ZodError ? thrown.issues[0]?.message : String(thrown);
      throw invalidTable(i + 2, detail ?? 'a value is out of range');
    }
  });
}

/** CSV after RFC 4180: comma, CRLF, quotes only where they are needed, a header line, UTF-8. Written and read. */
import { StudioError } from '../errors';

export type CsvValue = string | number | boolean | null;

function field(value: CsvValue): string {
  if (value === null) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const line = (values: readonly CsvValue[]) => values.map(field).join(',');

/**
 * A table as text, its last line ended too. Numbers are written so that they are read back exactly; null is an empty
 * field.
 * @throws RangeError when a row has another number of fields than the header.
 */
export function toCsv(header: readonly string[], rows: Iterable<readonly CsvValue[]>): string {
  const lines = [line(header)];
  for (const row of rows) {
    if (row.length !== header.length)
      throw new RangeError(`a row has ${row.length} fields, not ${header.length}`);
    lines.push(line(row));
  }
  return lines.join('\r\n') + '\r\n';
}

/** Rows of cells; an empty text has none, and a line end at the very end adds none. @throws StudioError `file-invalid`. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  if (at === text.length) return rows;
  for (;;) {
    let value = '';
    if (text[at] === '"') {
      for (at++; ; at++) {
        if (at >= text.length) throw invalidTable(rows.length + 1, 'a quotation mark is not closed');
        if (text[at] !== '"') value += text[at];
        else if (text[at + 1] === '"') value += text[at++];
        else break;
      }
      at++;
    } else {
      const start = at;
      while (at < text.length && !',\r\n'.includes(text[at]!)) at++;
      value = text.slice(start, at);
    }
    row.push(value);
    if (text[at] === ',') {
      at++;
      continue;
    }
    if (text[at] === '\r') at++;
    if (at < text.length && text[at] !== '\n')
      throw invalidTable(rows.length + 1, 'something follows a closed quotation mark');
    rows.push(row);
    row = [];
    if (++at >= text.length) return rows;
  }
}

/** The error of a table whose row (counted from 1) is not what it should be. */
export function invalidTable(line: number, what: string): StudioError {
  return new StudioError({
    code: 'file-invalid',
    message: `The table cannot be read: row ${line}, ${what}.`,
    remedy: 'Use the CSV file as it was saved.',
  });
}

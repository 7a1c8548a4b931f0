/** CSV after RFC 4180: comma, CRLF, quotes only where they are needed, a header line, UTF-8. */

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

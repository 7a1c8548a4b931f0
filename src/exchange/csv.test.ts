import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCsv, toCsv } from './csv';

/** A reader of its own, after the grammar of RFC 4180. */
function read(text: string): string[][] {
  const rows: string[][] = [];
  const pattern = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
  let row: string[] = [];
  for (let m = pattern.exec(text); m; m = pattern.exec(text)) {
    row.push(m[1] === undefined ? m[2]! : m[1].replaceAll('""', '"'));
    if (m[3] === ',') continue;
    rows.push(row);
    row = [];
    if (pattern.lastIndex === text.length) break;
  }
  return rows;
}

test('quotes what needs it and ends every line', () => {
  expect(
    toCsv(
      ['a', 'b'],
      [
        ['x, "y"', 1.5],
        [null, true],
      ],
    ),
  ).toBe('a,b\r\n"x, ""y""",1.5\r\n,true\r\n');
});

test('a row of another length is a mistake', () => {
  expect(() => toCsv(['a'], [[1, 2]])).toThrow(RangeError);
});

test('whatever is written is read back', () => {
  const cell = fc.oneof(fc.string(), fc.constantFrom('"', ',', '\r\n', 'a"b'), fc.double({ noNaN: true }));
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, cell), { minLength: 1 }), (rows) => {
      const text = toCsv(['p', 'q', 'r'], rows);
      expect(read(text)).toEqual([['p', 'q', 'r'], ...rows.map((row) => row.map(String))]);
    }),
  );
});

test('numbers are read back exactly', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (value) => {
      expect(Number(read(toCsv(['v'], [[value]]))[1]![0])).toBe(value === 0 ? 0 : value);
    }),
  );
});

test('any cells come back, with either line end and a byte order mark', () => {
  const cell = fc.string({ unit: 'grapheme' });
  const table = fc
    .integer({ min: 1, max: 4 })
    .chain((n) => fc.array(fc.array(cell, { minLength: n, maxLength: n }), { minLength: 1 }));
  fc.assert(
    fc.property(table, ([header, ...rows]) => {
      const text = toCsv(header!, rows);
      expect(parseCsv(text)).toEqual([header, ...rows]);
      expect(parseCsv(`\uFEFF${text}`)).toEqual([header, ...rows]);
    }),
  );
  expect(parseCsv('a,b\n1,2\n')).toEqual([
    ['a', 'b'],
    ['1', '2'],
  ]);
  expect(parseCsv('')).toEqual([]);
  expect(parseCsv('a\n\nb')).toEqual([['a'], [''], ['b']]);
});

test('what is no table is refused', () => {
  expect(() => parseCsv('"2,7')).toThrow(/quotation/);
  expect(() => parseCsv('"2"x,7')).toThrow(/quotation/);
});

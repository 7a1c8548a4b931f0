import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toCsv } from './csv';

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

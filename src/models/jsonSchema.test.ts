import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { manifestJsonSchemaText } from './jsonSchema';

test("the lab's schema is up to date (npm run schema)", async () => {
  const file = path.join(import.meta.dirname, '../../training/odm/manifest.schema.json');
  expect(await readFile(file, 'utf8')).toBe(manifestJsonSchemaText());
});

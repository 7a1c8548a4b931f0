import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { jsonSchemaTexts } from './jsonSchema';

test.each(Object.entries(jsonSchemaTexts()))(
  "the lab's %s is up to date (npm run schema)",
  async (name, text) => {
    const file = path.join(import.meta.dirname, '../../training/odm', name);
    expect(await readFile(file, 'utf8')).toBe(text);
  },
);

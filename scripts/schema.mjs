/**
 * `npm run schema`: writes the JSON Schema of a bundle's manifest, by which the training lab checks its exports, from
 * the one definition in src/models/. A unit test fails when the written file is out of date.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runnerImport } from 'vite';
import { ROOT, command, say } from './lib/terminal.mjs';

const TARGET = path.join('training', 'odm', 'manifest.schema.json');

await command(async () => {
  // Through Vite, because Node 20 does not run TypeScript.
  const { module } = await runnerImport(path.join(ROOT, 'src', 'models', 'jsonSchema.ts'), {
    root: ROOT,
    configFile: false,
    logLevel: 'error',
  });
  await writeFile(path.join(ROOT, TARGET), module.manifestJsonSchemaText());
  say(`Wrote ${TARGET}.`);
});

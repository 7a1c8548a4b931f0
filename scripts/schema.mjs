/**
 * `npm run schema`: writes the JSON Schemas of a bundle's manifest and metrics, by which the training lab checks what it
 * writes, from the one definition in src/models/. A unit test fails when a written file is out of date.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runnerImport } from 'vite';
import { ROOT, command, say } from './lib/terminal.mjs';

await command(async () => {
  // Through Vite, because Node 20 does not run TypeScript.
  const { module } = await runnerImport(path.join(ROOT, 'src', 'models', 'jsonSchema.ts'), {
    root: ROOT,
    configFile: false,
    logLevel: 'error',
  });
  for (const [name, text] of Object.entries(module.jsonSchemaTexts())) {
    const target = path.join('training', 'odm', name);
    await writeFile(path.join(ROOT, target), text);
    say(`Wrote ${target}.`);
  }
});

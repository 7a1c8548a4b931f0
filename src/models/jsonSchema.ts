/**
 * The manifest's JSON Schema, for readers that are not TypeScript: the training lab validates against it what it
 * exports. `npm run schema` writes it to `training/odm/manifest.schema.json`; a test holds the file to this text.
 */
import { z } from 'zod';
import { manifestSchema } from './manifest';

/** The schema as JSON text (draft 2020-12). The checks across fields (rising grades …) are not expressible in it. */
export function manifestJsonSchemaText(): string {
  const schema = z.toJSONSchema(manifestSchema, { target: 'draft-2020-12' });
  return `${JSON.stringify(schema, null, 2)}\n`;
}

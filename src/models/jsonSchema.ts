/**
 * The JSON Schemas of a bundle's manifest and of its metrics, for readers that are not TypeScript: the training lab
 * validates against them what it writes. `npm run schema` writes them to `training/odm/`; a test holds the files to this.
 */
import { z } from 'zod';
import { manifestSchema } from './manifest';
import { metricsSchema } from './metrics';

function text(schema: z.ZodType): string {
  return `${JSON.stringify(z.toJSONSchema(schema, { target: 'draft-2020-12' }), null, 2)}\n`;
}

/** File names in `training/odm/` and their text (draft 2020-12). Checks across fields are not expressible in it. */
export function jsonSchemaTexts(): Record<string, string> {
  return {
    'manifest.schema.json': text(manifestSchema),
    'metrics.schema.json': text(metricsSchema),
  };
}

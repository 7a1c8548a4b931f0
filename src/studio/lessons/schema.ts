/**
 * What a lesson is: plain data, one JSON file each, so that a teacher can write one without programming (docs/lessons.md).
 * A lesson speaks of the lowest, middle and highest grade rather than of particular ones, so that it works with any model.
 */
import { z } from 'zod';
import { MAX_SEED } from '../../models/seeds';
import { StudioError } from '../../errors';
import { SAMPLERS } from '../../models/request';
import { CONTROL_IDS } from '../store/controls';

const views = z.enum(['x', 'x0', 'epsilon', 'difference']);
const share = z.number().min(0).max(1);

/** A place on the model's scale, whatever its grades are called. */
const place = z.enum(['lowest', 'middle', 'highest']);
export type GradePlace = z.infer<typeof place>;

/** What the person has to have done for a step's task to be ticked off. */
const goal = z.discriminatedUnion('on', [
  /** The scrubber stands in this part of the trajectory: 0 is all noise, 1 the finished picture. */
  z.strictObject({ on: z.literal('cursor'), from: share, to: share }),
  z.strictObject({ on: z.literal('playing') }),
  z.strictObject({ on: z.literal('view'), is: z.array(views).min(1) }),
  /** A picture of this grade, or of any other than at the step's beginning, is finished. */
  z.strictObject({ on: z.literal('grade'), is: z.union([place, z.literal('other')]) }),
  /** A picture with another seed than at the step's beginning is finished. */
  z.strictObject({ on: z.literal('seed') }),
  /** A picture by this variant (`odm`, `dm`), or any other than at the step's beginning, is finished. */
  z.strictObject({ on: z.literal('variant'), is: z.string().min(1) }),
  /** The neighbours' estimates at the scrubber are there. */
  z.strictObject({ on: z.literal('neighbours') }),
  /** A neighbouring grade is compared with the chosen one. */
  z.strictObject({ on: z.literal('compared'), is: z.union([place, z.literal('other')]) }),
  /** The severity set up lies between two grades, beyond an end, or on a grade. */
  z.strictObject({ on: z.literal('severity'), is: z.enum(['between', 'beyond', 'grade']) }),
  z.strictObject({ on: z.literal('workspace'), is: z.string().min(1) }),
]);
export type Goal = z.infer<typeof goal>;

/** What the page itself brings about when a step begins. */
const scene = z.strictObject({
  workspace: z.string().min(1).optional(),
  view: views.optional(),
  noiseMap: z.enum(['rgb', 'luminance', 'norm']).optional(),
  differenceMap: z.enum(['luminance', 'red', 'green', 'blue', 'norm']).optional(),
  /** A share of the trajectory: 0 is all noise, 1 the finished picture. */
  cursor: share.optional(),
  compared: z.union([place, z.null()]).optional(),
});
export type Scene = z.infer<typeof scene>;

const step = z.strictObject({
  title: z.string().min(1).max(80),
  /** Paragraphs. `{lowest}`, `{middle}`, `{highest}` and `{chosen}` become the model's names of those grades. */
  text: z.array(z.string().min(1).max(600)).min(1).max(4),
  /** The part of the page that the step is about; it is marked. */
  control: z.enum(CONTROL_IDS).optional(),
  /** What to do, one sentence. */
  task: z.string().min(1).max(240).optional(),
  /** How the page knows that it is done; a task without it is left to the person. */
  goal: goal.optional(),
  scene: scene.optional(),
});
export type LessonStep = z.infer<typeof step>;

const FORMAT_VERSION = 1;

export const lessonSchema = z
  .strictObject({
    formatVersion: z.literal(FORMAT_VERSION),
    id: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'small letters, digits and hyphens'),
    title: z.string().min(1).max(80),
    summary: z.string().min(1).max(300),
    minutes: z.number().int().min(1).max(120),
    /** The first picture. What is left out is the model's own default. */
    start: z.strictObject({
      /** Taken when this page offers it, else its first model. */
      model: z.string().min(1).optional(),
      variant: z.string().min(1).optional(),
      grade: place,
      seed: z.number().int().min(0).max(MAX_SEED),
      sampler: z.enum(SAMPLERS).optional(),
      steps: z.number().int().min(1).max(1000).optional(),
      guidance: z.number().min(0).max(20).optional(),
      eta: z.number().min(0).max(1).optional(),
    }),
    steps: z.array(step).min(1).max(30),
  })
  .superRefine((lesson, ctx) => {
    lesson.steps.forEach(({ goal: g, task }, i) => {
      if (g && task === undefined)
        ctx.addIssue({ code: 'custom', path: ['steps', i, 'task'], message: 'a goal needs a task' });
      if (g?.on === 'cursor' && g.from > g.to)
        ctx.addIssue({ code: 'custom', path: ['steps', i, 'goal'], message: 'from must not exceed to' });
    });
  });

export type Lesson = z.infer<typeof lessonSchema>;

/**
 * Reads a lesson from the text of its file.
 * @throws StudioError `lesson-invalid`, which names the place and the fault.
 */
export function parseLesson(text: string, file: string): Lesson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw invalid(file, 'it is not JSON', String(thrown));
  }
  const version = z.looseObject({ formatVersion: z.number() }).safeParse(value);
  if (!version.success) throw invalid(file, 'it does not name its format version');
  if (version.data.formatVersion !== FORMAT_VERSION)
    throw invalid(
      file,
      `it is of format version ${version.data.formatVersion}, this page reads ${FORMAT_VERSION}`,
    );
  const result = lessonSchema.safeParse(value);
  if (result.success) return result.data;
  const [first, ...rest] = result.error.issues;
  const where = first!.path
    .map((key) => (typeof key === 'number' ? `number ${key + 1}` : String(key)))
    .join(', ');
  const more = rest.length > 0 ? ` (and ${rest.length} more)` : '';
  throw invalid(file, `${where ? `${where}: ` : ''}${first!.message}${more}`, result.error.message);
}

function invalid(file: string, what: string, detail = ''): StudioError {
  return new StudioError({
    code: 'lesson-invalid',
    message: `The lesson in ${file} cannot be used: ${what}.`,
    remedy: 'Correct the file, then open it again; docs/lessons.md describes the format.',
    detail,
  });
}

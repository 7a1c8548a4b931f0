/** How the page knows that a task is done, and what a lesson's words mean for the model at hand: pure functions. */
import type { BundleManifest } from '../../models/manifest';
import type { SampleRequest } from '../../models/request';
import { samplingDefaults } from '../../models/variants';
import type { StudioState } from '../store/state';
import type { Goal, GradePlace, Lesson } from './schema';

/** The index of a place on a scale of `count` grades. */
export function gradeAt(place: GradePlace, count: number): number {
  return { lowest: 0, middle: Math.floor(count / 2), highest: count - 1 }[place];
}

/** What was there when the step began. */
export type Before = Pick<StudioState, 'run'>;

/** Whether a goal is reached in this state; the player remembers that it once was. */
export function reached(goal: Goal, now: StudioState, before: Before): boolean {
  const { run } = now;
  const finished = run?.status === 'finished' ? run : null;
  const old = before.run?.request;
  const values = (finished ?? run)?.manifest.grades.map((grade) => grade.value) ?? [];
  switch (goal.on) {
    case 'cursor': {
      if (!run) return false;
      const at = now.cursor / run.request.steps;
      return at >= goal.from && at <= goal.to;
    }
    case 'playing':
      return now.playing;
    case 'view':
      return goal.is.includes(now.view);
    case 'grade':
      if (!finished) return false;
      return goal.is === 'other'
        ? finished.request.severity !== old?.severity
        : finished.request.severity === values[gradeAt(goal.is, values.length)];
    case 'seed':
      return finished !== null && finished.request.seed !== old?.seed;
    case 'variant':
      if (!finished) return false;
      return goal.is === 'other'
        ? finished.request.variant !== old?.variant
        : finished.request.variant === goal.is;
    case 'neighbours':
      return now.neighbours.status === 'ready';
    case 'compared':
      if (now.compared === null) return false;
      return goal.is === 'other' || now.compared === gradeAt(goal.is, values.length);
    case 'severity':
      return severityKind(now) === goal.is;
    case 'workspace':
      return now.workspace === goal.is;
  }
}

function severityKind({ draft, manifests }: StudioState): 'between' | 'beyond' | 'grade' | null {
  const grades = draft && manifests[draft.model]?.grades;
  if (!grades) return null;
  const { severity } = draft;
  if (severity < grades[0]!.value || severity > grades.at(-1)!.value) return 'beyond';
  return grades.some((grade) => grade.value === severity) ? 'grade' : 'between';
}

/** The first picture of a lesson with a model, whose own defaults fill what the lesson leaves open. */
export function startRequest(lesson: Lesson, manifest: BundleManifest): SampleRequest {
  const { start } = lesson;
  const keys = Object.keys(manifest.variants);
  const variant = [start.variant, 'odm'].find((key) => key !== undefined && keys.includes(key)) ?? keys[0]!;
  const defaults = samplingDefaults(manifest, variant);
  return {
    model: manifest.id,
    variant,
    severity: manifest.grades[gradeAt(start.grade, manifest.grades.length)]!.value,
    seed: start.seed,
    sampler: start.sampler ?? defaults.sampler,
    steps: start.steps ?? defaults.steps,
    guidance: start.guidance ?? defaults.guidance,
    eta: start.eta ?? 0,
  };
}

/** The lesson's words with the model's names in the places of `{lowest}`, `{middle}`, `{highest}` and `{chosen}`. */
export function withNames(text: string, manifest: BundleManifest | null, chosen: number | null): string {
  if (!manifest) return text.replace(/\{(\w+)\}/g, 'the $1 grade');
  const { grades } = manifest;
  const names: Record<string, string> = {
    lowest: grades[0]!.short,
    middle: grades[gradeAt('middle', grades.length)]!.short,
    highest: grades.at(-1)!.short,
    chosen: grades.find((grade) => grade.value === chosen)?.short ?? 'the chosen severity',
  };
  return text.replace(/\{(\w+)\}/g, (whole, key: string) => names[key] ?? whole);
}

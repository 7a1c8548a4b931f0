/**
 * The parts of the page that a lesson can point at and that a presenter's link can hide, by name. An element of the page
 * says which of them it is by its `data-control`; a tab without which it is not there, by its `data-reveals`.
 */

export interface Control {
  readonly id: string;
  /** As in "Hide: …". */
  readonly title: string;
  /** Ids of the workspaces that have it. */
  readonly workspaces: readonly string[];
  /** Can be left out by a presenter; what a picture cannot do without can't. */
  readonly hidable: boolean;
}

export const CONTROLS = [
  { id: 'model', title: 'Model and variant', workspaces: ['sample', 'severity'], hidable: true },
  { id: 'grade', title: 'Severity grade', workspaces: ['sample'], hidable: true },
  { id: 'seed', title: 'Seed', workspaces: ['sample', 'severity'], hidable: true },
  { id: 'sampling', title: 'Steps, guidance, sampler', workspaces: ['sample', 'severity'], hidable: true },
  { id: 'generate', title: 'Generate', workspaces: ['sample'], hidable: true },
  { id: 'view', title: 'View: xₜ, x̂₀, ε̂', workspaces: ['sample'], hidable: true },
  { id: 'picture', title: 'Picture', workspaces: ['sample'], hidable: false },
  { id: 'save', title: 'Save', workspaces: ['sample'], hidable: true },
  { id: 'transport', title: 'Scrubber and play', workspaces: ['sample'], hidable: true },
  { id: 'filmstrip', title: 'Filmstrip', workspaces: ['sample'], hidable: true },
  { id: 'continue', title: 'Go on with another grade', workspaces: ['sample'], hidable: true },
  { id: 'notation', title: 'Formulas of the step', workspaces: ['sample'], hidable: true },
  { id: 'severity', title: 'Severity slider', workspaces: ['severity'], hidable: true },
  { id: 'neighbours', title: 'Neighbouring grades', workspaces: ['sample'], hidable: true },
] as const satisfies readonly Control[];

export type ControlId = (typeof CONTROLS)[number]['id'];

export const CONTROL_IDS = CONTROLS.map((control) => control.id) as [ControlId, ...ControlId[]];

export function isControlId(text: string): text is ControlId {
  return CONTROLS.some((control) => control.id === text);
}

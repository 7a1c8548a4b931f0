/**
 * The workspaces of the page, in the order of the navigation. A workspace is a folder and one entry here: its keys are
 * known from the start, its component (with its styles) is fetched when it is first opened. Sample alone is part of the page
 * itself, so that the first picture waits for nothing.
 */
import type { ComponentType } from 'react';
import type { IconName } from '../components/Icon';
import type { Shortcut } from '../keyboard/shortcuts';
import { SampleWorkspace } from './sample/SampleWorkspace';
import { SAMPLE_SHORTCUTS } from './sample/shortcuts';
import { SEVERITY_SHORTCUTS } from './severity/shortcuts';
import { TEACH_SHORTCUTS } from './teach/shortcuts';

export interface Workspace {
  /** Stands in the address: `#severity`. */
  readonly id: string;
  /** In the navigation; one word. */
  readonly title: string;
  readonly icon: IconName;
  /** What one does there, for the tooltip and for screen readers. */
  readonly purpose: string;
  /** The component itself, or how to fetch it. It renders the page's one `<main>`. */
  readonly component: ComponentType | { readonly load: () => Promise<ComponentType> };
  readonly shortcuts: readonly Shortcut[];
  /** Has pictures of its own: opened first, it needs none drawn for Sample. */
  readonly drawsItself?: boolean;
}

export const SAMPLE: Workspace = {
  id: 'sample',
  title: 'Sample',
  icon: 'picture',
  purpose: 'Draw one picture and follow it from noise to the end',
  component: SampleWorkspace,
  shortcuts: SAMPLE_SHORTCUTS,
};

const SEVERITY: Workspace = {
  id: 'severity',
  title: 'Severity',
  icon: 'slider',
  purpose: 'Move one picture along the severity scale, fill grids, compare pictures side by side',
  component: { load: () => import('./severity/SeverityWorkspace').then((m) => m.SeverityWorkspace) },
  shortcuts: SEVERITY_SHORTCUTS,
  drawsItself: true,
};

const GALLERY: Workspace = {
  id: 'gallery',
  title: 'Gallery',
  icon: 'gallery',
  purpose: 'Find every picture drawn here again, draw many, take them away',
  component: { load: async () => (await import('./gallery/GalleryWorkspace')).GalleryWorkspace },
  shortcuts: [],
};

const TEACH: Workspace = {
  id: 'teach',
  title: 'Teach',
  icon: 'teach',
  purpose: 'Guided lessons, a quiz, a link for presenting',
  component: { load: () => import('./teach/TeachWorkspace').then((m) => m.TeachWorkspace) },
  shortcuts: TEACH_SHORTCUTS,
};

const ORDINALITY: Workspace = {
  id: 'ordinality',
  title: 'Ordinality',
  icon: 'line',
  purpose: 'Measure over many seeds whether the grades lie in order',
  component: { load: () => import('./ordinality/OrdinalityWorkspace').then((m) => m.OrdinalityWorkspace) },
  shortcuts: [],
  drawsItself: true,
};

export const WORKSPACES: readonly Workspace[] = [SAMPLE, SEVERITY, ORDINALITY, GALLERY, TEACH];

/** The workspace of that id; Sample when there is none. */
export function workspaceOf(id: string): Workspace {
  return WORKSPACES.find((w) => w.id === id) ?? SAMPLE;
}

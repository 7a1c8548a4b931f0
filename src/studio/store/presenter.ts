/**
 * The presenter's view: the page without its frame, in larger type, with chosen controls left out. It stands in the part
 * of the address before `#`, beside whatever link to a picture follows after it: `?present&hide=seed,model#sample?…`.
 * What is hidden is only hidden: its keys still work.
 */
import { CONTROLS, isControlId, type ControlId } from './controls';

export interface Presenter {
  readonly hidden: readonly ControlId[];
}

/** The presenter's view that an address asks for; names of controls that there are not are passed over. */
export function readPresenter(search: string): Presenter | null {
  const params = new URLSearchParams(search);
  if (!params.has('present')) return null;
  const names = (params.get('hide') ?? '').split(',').filter(isControlId);
  const hidable = new Set<string>(CONTROLS.filter((c) => c.hidable).map((c) => c.id));
  return { hidden: [...new Set(names)].filter((id) => hidable.has(id)) };
}

/** The same address with the presenter's view, or without it for null; other parameters are left alone. */
export function writePresenter(search: string, presenter: Presenter | null): string {
  const params = new URLSearchParams(search);
  params.delete('present');
  params.delete('hide');
  const rest = params.toString();
  const own = presenter
    ? ['present', ...(presenter.hidden.length > 0 ? [`hide=${presenter.hidden.join(',')}`] : [])].join('&')
    : '';
  const all = [rest, own].filter(Boolean).join('&');
  return all ? `?${all}` : '';
}

/** Controls of the settings panel: without any of them the panel goes too. */
const SETTINGS: readonly ControlId[] = ['model', 'grade', 'seed', 'sampling', 'generate'];

export interface PresenterLayout {
  readonly settings: boolean;
  readonly neighbours: boolean;
}

export function presenterLayout({ hidden }: Presenter): PresenterLayout {
  return {
    settings: SETTINGS.some((id) => !hidden.includes(id)),
    neighbours: !hidden.includes('neighbours'),
  };
}

/** Ready-made choices. */
export const PRESETS: readonly { readonly title: string; readonly shown: readonly ControlId[] }[] = [
  { title: 'Picture and scrubber', shown: ['transport', 'filmstrip'] },
  { title: 'And the grades', shown: ['transport', 'filmstrip', 'grade'] },
  { title: 'And the neighbours', shown: ['transport', 'filmstrip', 'view', 'neighbours'] },
];

/** What is hidden when only these are shown. */
export function hiddenBut(shown: readonly ControlId[]): ControlId[] {
  return CONTROLS.filter((c) => c.hidable && !shown.includes(c.id)).map((c) => c.id);
}

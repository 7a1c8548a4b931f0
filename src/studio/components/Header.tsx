/** The top line: what this is, that its pictures are nobody's, and which machine part draws them. */
import { useEffect } from 'react';
import { Button as AriaButton, Dialog, DialogTrigger, Popover } from 'react-aria-components';
import { usePreference, useStudio } from '../context';
import { providerName } from '../store/format';
import type { ThemeChoice } from '../store/preferences';
import { WORKSPACES, type Workspace } from '../workspaces';
import { Icon } from './Icon';
import { StorageButton } from './StorageDialog';
import { IconButton } from './widgets';

const NEXT_THEME: Record<ThemeChoice, ThemeChoice> = { system: 'light', light: 'dark', dark: 'system' };
const THEME_ICON = { system: 'system', light: 'sun', dark: 'moon' } as const;
const THEME_NAME = { system: 'as the system', light: 'light', dark: 'dark' } as const;

export function Header({ current, onShowKeys }: { current: Workspace; onShowKeys: () => void }) {
  const [theme, setTheme] = usePreference('theme');
  useEffect(() => {
    const root = document.documentElement;
    if (theme === 'system') delete root.dataset.theme;
    else root.dataset.theme = theme;
  }, [theme]);
  return (
    <header className="top">
      <div className="brand">
        <img src="./favicon.svg" alt="" width={24} height={24} />
        <h1>Ordinal Diffusion Studio</h1>
      </div>
      <WorkspaceNav current={current} />
      <p className="badge" data-testid="synthetic-badge">
        <strong>Synthetic</strong> – not a patient, not for diagnosis
      </p>
      <div className="top-end">
        <ProviderChip />
        <StorageButton />
        <IconButton
          icon="keyboard"
          label="Keyboard shortcuts"
          hotkey="?"
          onPress={onShowKeys}
          testId="shortcuts"
        />
        <IconButton
          icon={THEME_ICON[theme]}
          label={`Theme: ${THEME_NAME[theme]}`}
          onPress={() => setTheme(NEXT_THEME[theme])}
          testId="theme"
        />
      </div>
    </header>
  );
}

/** Links, so that the browser's own ways work: back, a new tab, the address as a bookmark. */
function WorkspaceNav({ current }: { current: Workspace }) {
  return (
    <nav className="workspaces" aria-label="Workspaces">
      <ul>
        {WORKSPACES.map((w) => (
          <li key={w.id}>
            <a
              href={`#${w.id}`}
              title={w.purpose}
              aria-current={w === current ? 'page' : undefined}
              data-testid={`workspace-${w.id}`}
            >
              <Icon name={w.icon} size={16} />
              {w.title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** Plainly: the provider in use, and why not a better one. */
function ProviderChip() {
  const model = useStudio((s) => s.model);
  if (!model) {
    return (
      <span className="chip chip-off" data-testid="provider-chip">
        Not ready
      </span>
    );
  }
  return (
    <DialogTrigger>
      <AriaButton className="chip" data-testid="provider-chip" data-provider={model.provider}>
        {model.provider === 'webgpu' ? 'WebGPU' : 'WASM'}
      </AriaButton>
      <Popover className="popover" placement="bottom end">
        <Dialog className="popover-dialog" aria-label="What computes the pictures">
          <p>
            Pictures are computed on this machine by <strong>{providerName(model.provider)}</strong>
            {model.providerDetail && ` (${model.providerDetail})`}.
          </p>
          {model.providerNote && <p data-testid="provider-note">{model.providerNote}</p>}
          <p>Nothing is sent anywhere.</p>
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

/** The page starts here: one store, one session, the real engine; then it opens the first model without being asked. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createEngineClient } from './engine/client';
import { readCatalogue, readManifest } from './models/source';
import { App } from './studio/App';
import { SessionContext } from './studio/context';
import { readLocation, readWorkspace, writeLocation } from './studio/store/location';
import { createPreferences } from './studio/store/preferences';
import { StudioSession } from './studio/store/session';
import { createStudioStore } from './studio/store/state';
import './studio/styles/index.css';

const modelsUrl = new URL('models/', document.baseURI).href;
const bundleUrl = (model: string) => `${modelsUrl}${model}/`;

const session = new StudioSession({
  store: createStudioStore({ workspace: readWorkspace(location.hash) }),
  preferences: createPreferences(() => localStorage),
  createEngine: createEngineClient,
  loadCatalogue: () => readCatalogue(modelsUrl),
  loadManifest: (model) => readManifest(bundleUrl(model)),
  bundleUrl,
  onShown: (shown) => history.replaceState(null, '', writeLocation(location.search, shown) + location.hash),
});

declare global {
  interface Window {
    /** The session, for researchers at the console and for tests: `odmStudio.lastFrame().x` is the picture's numbers. */
    odmStudio: StudioSession;
  }
}
window.odmStudio = session;

window.addEventListener('hashchange', () => session.openWorkspace(readWorkspace(location.hash)));
session.store.subscribe(({ workspace }) => {
  if (workspace !== readWorkspace(location.hash)) location.hash = workspace;
});

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <SessionContext value={session}>
      <App />
    </SessionContext>
  </StrictMode>,
);

void session.open(readLocation(location.search));

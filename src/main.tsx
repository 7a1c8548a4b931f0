/** The page starts here: one store, one session, the real engine; then it opens the first model without being asked. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { registerSW } from 'virtual:pwa-register';
import { createEngineClient } from './engine/client';
import { DESCRIPTIONS_CACHE, keep } from './models/offline';
import { readCatalogue, readManifest } from './models/source';
import { App } from './studio/App';
import { InstallationContext, SessionContext } from './studio/context';
import { BundleLibrary } from './studio/store/library';
import { Installation } from './studio/store/installation';
import { bindAddress } from './studio/store/address';
import { openFromAddress } from './studio/store/arrivals';
import { readWorkspace, writeLocation } from './studio/store/location';
import { createPreferences } from './studio/store/preferences';
import { readPresenter, writePresenter } from './studio/store/presenter';
import { StudioSession } from './studio/store/session';
import { createStudioStore } from './studio/store/state';
import { workspaceOf } from './studio/workspaces';
import { galleryDesk } from './studio/workspaces/gallery/useGallery';
import './studio/styles/index.css';

const modelsUrl = new URL('models/', document.baseURI).href;
const library = new BundleLibrary(document.baseURI);
const bundleUrl = (model: string) => (library.has(model) ? library.url(model) : `${modelsUrl}${model}/`);

const session = new StudioSession({
  store: createStudioStore({
    workspace: readWorkspace(location.hash),
    presenter: readPresenter(location.search),
  }),
  preferences: createPreferences(() => localStorage),
  createEngine: createEngineClient,
  async loadCatalogue() {
    const [catalogue, own] = await Promise.all([readCatalogue(modelsUrl), library.read()]);
    return {
      ...catalogue,
      bundles: [...catalogue.bundles, ...own.filter((id) => !catalogue.bundles.includes(id))],
    };
  },
  loadManifest: (model) => readManifest(bundleUrl(model)),
  bundleUrl,
  library,
  onShown: (shown) => history.replaceState(null, '', writeLocation(location.search, shown) + location.hash),
});

declare global {
  interface Window {
    /** The session, for researchers at the console and for tests: `odmStudio.lastFrame().x` is the picture's numbers. */
    odmStudio: StudioSession;
  }
}
window.odmStudio = session;

bindAddress(session, {
  get hash() {
    return location.hash;
  },
  set hash(hash) {
    location.hash = hash;
  },
  replaceHash: (hash) => history.replaceState(null, '', location.pathname + location.search + hash),
  onChange: (listener) => window.addEventListener('hashchange', listener),
});
session.store.subscribe(({ presenter }, before) => {
  if (presenter !== before.presenter) {
    history.replaceState(
      null,
      '',
      location.pathname + writePresenter(location.search, presenter) + location.hash,
    );
  }
});

/** Settles when everything that describes the models has been read; what can't be read is left out. */
function descriptions(): Promise<string[]> {
  const named = ({ bundles, manifests }: ReturnType<typeof session.store.getState>) =>
    bundles.length > 0 && bundles.every((id) => manifests[id])
      ? [
          `${modelsUrl}catalogue.json`,
          // What the person brought along is kept elsewhere.
          ...bundles
            .filter((id) => !library.has(id))
            .flatMap((id) =>
              ['manifest.json', manifests[id]?.evaluation, manifests[id]?.card, manifests[id]?.preview]
                .filter((file) => file !== undefined)
                .map((file) => bundleUrl(id) + file),
            ),
        ]
      : null;
  return new Promise((resolve) => {
    const look = () => {
      const urls = named(session.store.getState());
      if (!urls) return false;
      resolve(urls);
      return true;
    };
    if (look()) return;
    const off = session.store.subscribe(() => look() && off());
  });
}

const installation = new Installation({
  supported: import.meta.env.PROD && 'serviceWorker' in navigator,
  register: registerSW,
  onSwitch: (callback) => {
    const { serviceWorker } = navigator;
    // The first one to take control of a page that had none is no switch.
    let before = serviceWorker.controller;
    serviceWorker.addEventListener('controllerchange', () => {
      if (before) callback();
      before = serviceWorker.controller;
    });
  },
  active: () => navigator.serviceWorker.ready,
  keepRest: async () => keep(DESCRIPTIONS_CACHE, await descriptions()),
  reload: () => location.reload(),
});

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <SessionContext value={session}>
      <InstallationContext value={installation}>
        <App />
      </InstallationContext>
    </SessionContext>
  </StrictMode>,
);

// From the start, so that every run is kept, whichever workspace is open.
galleryDesk(session);

void openFromAddress(
  session,
  location.search,
  location.hash,
  !workspaceOf(readWorkspace(location.hash)).drawsItself,
);

/**
 * The page as an installed app: whether it would open without a network, and whether a newer release waits. A release is
 * never switched under someone's hands: the page asks, and reloads only when told to.
 */
import { createStore } from 'zustand/vanilla';

export interface InstallationState {
  /** `none`: this browser (or this way of opening the page) has no service workers; `failed`: it refused ours. */
  readonly offline: 'preparing' | 'ready' | 'none' | 'failed';
  /** `elsewhere`: another tab has switched to the new release; this one still shows the old. */
  readonly update: 'none' | 'waiting' | 'elsewhere';
}

/** The part of vite-plugin-pwa's `registerSW` that is used. */
export type Register = (options: {
  immediate: boolean;
  onNeedRefresh: () => void;
  onNeedReload: () => void;
  onRegisteredSW: (url: string, registration: ServiceWorkerRegistration | undefined) => void;
  onRegisterError: (error: unknown) => void;
}) => (reload?: boolean) => Promise<void>;

export interface InstallationParts {
  readonly supported: boolean;
  readonly register: Register;
  /** Calls back whenever another service worker than before is in control of this page. */
  readonly onSwitch: (callback: () => void) => void;
  /** Settles when a service worker is at work. */
  readonly active: () => Promise<unknown>;
  /** Keeps what the service worker did not see on a first visit; false when something could not be kept. */
  readonly keepRest: () => Promise<boolean>;
  readonly reload: () => void;
  /** How often to look for a new release while the page stays open. */
  readonly lookEveryMs?: number;
}

const HOUR = 3_600_000;

export class Installation {
  readonly store = createStore<InstallationState>()(() => ({ offline: 'preparing', update: 'none' }));
  readonly #reload: () => void;
  #switch: (reload?: boolean) => Promise<void> = async () => undefined;
  /** The person has agreed, in this tab. */
  #agreed = false;

  constructor(parts: InstallationParts) {
    this.#reload = parts.reload;
    if (!parts.supported) {
      this.store.setState({ offline: 'none' });
      return;
    }
    parts.onSwitch(() => {
      if (this.#agreed) this.#reload();
      else this.store.setState({ update: 'elsewhere' });
    });
    this.#switch = parts.register({
      immediate: true,
      onNeedRefresh: () => this.store.setState({ update: 'waiting' }),
      // Said by `onSwitch`, which knows of releases that come during the very first visit, too.
      onNeedReload: () => undefined,
      onRegisteredSW: (_, registration) => {
        if (!registration) {
          this.store.setState({ offline: 'failed' });
          return;
        }
        // Without a network there is nothing to find; the next look is in an hour.
        setInterval(() => void registration.update().catch(() => undefined), parts.lookEveryMs ?? HOUR);
        void this.#becomeReady(parts);
      },
      onRegisterError: () => this.store.setState({ offline: 'failed' }),
    });
  }

  async #becomeReady({ active, keepRest }: InstallationParts): Promise<void> {
    await active();
    const complete = await keepRest();
    this.store.setState({ offline: complete ? 'ready' : 'failed' });
  }

  /** What the person says to a waiting release. */
  async agree(): Promise<void> {
    this.#agreed = true;
    if (this.store.getState().update === 'elsewhere') this.#reload();
    else await this.#switch(true);
  }

  /** The release comes with the next visit; until then nothing is asked again. */
  later(): void {
    this.store.setState({ update: 'none' });
  }
}

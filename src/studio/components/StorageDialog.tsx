/** What this machine keeps: which models work without a network, how much room they take, and how to give it back. */
import { useCallback, useEffect, useState } from 'react';
import { StudioError } from '../../errors';
import type { BundleManifest, BundleVariant } from '../../models/manifest';
import { cacheBytes, RUNTIME_CACHE } from '../../models/offline';
import { deleteWeights, fetchWeights, storedWeights } from '../../models/weights';
import { useInstallation, useSession, useStudio } from '../context';
import { formatBytes, formatDownload } from '../store/format';
import { Button, DialogBox, IconButton } from './widgets';

export function StorageButton() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <IconButton
        icon="storage"
        label="Storage and offline use"
        onPress={() => setOpen(true)}
        testId="storage"
      />
      <DialogBox title="Storage and offline use" open={open} onOpenChange={setOpen} testId="storage-dialog">
        <StorageView />
      </DialogBox>
    </>
  );
}

interface Usage {
  /** Bytes of each kept weights file, by hash. */
  readonly weights: ReadonlyMap<string, number>;
  readonly runtime: number;
  /** What the browser says of everything this page keeps; null where it does not say. */
  readonly total: { readonly used: number; readonly quota: number } | null;
}

async function readUsage(): Promise<Usage> {
  const [weights, runtime, estimate] = await Promise.all([
    storedWeights(),
    cacheBytes(RUNTIME_CACHE),
    (navigator.storage as StorageManager | undefined)?.estimate().catch(() => undefined),
  ]);
  return {
    weights: new Map(weights.map(({ sha256, bytes }) => [sha256, bytes])),
    runtime,
    total:
      estimate?.usage !== undefined && estimate.quota
        ? { used: estimate.usage, quota: estimate.quota }
        : null,
  };
}

const OFFLINE_WORDS = {
  preparing: 'Getting ready for use without a network …',
  ready: 'The page opens without a network; so do the models kept below.',
  none: 'This browser cannot keep the page for use without a network. Kept models still load faster.',
  failed: 'The page could not be kept for use without a network. Reload it with a connection to try again.',
} as const;

function StorageView() {
  const session = useSession();
  const bundles = useStudio((s) => s.bundles);
  const manifests = useStudio((s) => s.manifests);
  const [, { offline }] = useInstallation();
  const [usage, setUsage] = useState<Usage | null>(null);
  const refresh = useCallback(() => void readUsage().then(setUsage), []);
  useEffect(refresh, [refresh]);

  const known = new Set(
    Object.values(manifests).flatMap((m) => Object.values(m.variants).map((v) => v.sha256)),
  );
  const others = usage ? [...usage.weights].filter(([sha256]) => !known.has(sha256)) : [];
  const otherBytes = others.reduce((sum, [, bytes]) => sum + bytes, 0);
  return (
    <>
      <p data-testid="offline-state" data-state={offline}>
        {OFFLINE_WORDS[offline]}
      </p>
      <table className="info-table storage-table">
        <caption className="visually-hidden">Models on this machine</caption>
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col" className="number">
              Size
            </th>
            <th scope="col">On this machine</th>
          </tr>
        </thead>
        <tbody>
          {bundles.flatMap((id) => {
            // What was brought along is removed where it was brought in.
            const manifest = session.isImported(id) ? undefined : manifests[id];
            return manifest
              ? Object.entries(manifest.variants).map(([key, variant]) => (
                  <VariantRow
                    key={`${id}/${key}`}
                    manifest={manifest}
                    variantKey={key}
                    variant={variant}
                    kept={usage?.weights.has(variant.sha256) ?? null}
                    onChange={refresh}
                  />
                ))
              : [];
          })}
          {others.length > 0 && (
            <tr>
              <th scope="row">Models no longer offered here</th>
              <td className="number">{formatBytes(otherBytes)}</td>
              <td>
                <Button
                  onPress={() =>
                    void Promise.all(others.map(([sha256]) => deleteWeights(sha256))).then(refresh)
                  }
                  testId="delete-others"
                >
                  Delete
                </Button>
              </td>
            </tr>
          )}
        </tbody>
      </table>
      {usage && (
        <p>
          {usage.runtime > 0 && `The engine that runs the models takes ${formatBytes(usage.runtime)}. `}
          {usage.total &&
            `In all the studio keeps ${formatBytes(usage.total.used)} here; the browser would allow ${formatBytes(usage.total.quota)}.`}
        </p>
      )}
      <p className="field-hint">
        A model that has drawn is kept by itself. Deleting one takes nothing that you have saved; it is
        downloaded again when it is needed.
      </p>
    </>
  );
}

interface VariantRowProps {
  manifest: BundleManifest;
  variantKey: string;
  variant: BundleVariant;
  /** Null until it is known. */
  kept: boolean | null;
  onChange: () => void;
}

function VariantRow({ manifest, variantKey, variant, kept, onChange }: VariantRowProps) {
  const session = useSession();
  const [loaded, setLoaded] = useState<number | null>(null);
  const [problem, setProblem] = useState('');
  const name = `${manifest.title}, ${variant.title}`;
  const testId = `${manifest.id}-${variantKey}`;

  const fetchIt = async () => {
    setProblem('');
    setLoaded(0);
    try {
      await fetchWeights({
        url: session.bundleUrl(manifest.id) + variant.file,
        sha256: variant.sha256,
        bytes: variant.bytes,
        onProgress: setLoaded,
        onVerify: () => undefined,
      });
      session.announce(`${name} is kept on this machine`);
    } catch (thrown) {
      const { message, remedy } = StudioError.from(thrown);
      setProblem(`${message} ${remedy}`);
    }
    setLoaded(null);
    onChange();
  };

  return (
    <tr data-testid={`storage-${testId}`} data-kept={kept ?? undefined}>
      <th scope="row">
        {manifest.title}
        <span className="info-small">{variant.title}</span>
      </th>
      <td className="number">{formatBytes(variant.bytes)}</td>
      <td>
        {loaded !== null ? (
          formatDownload(loaded, variant.bytes)
        ) : kept === null ? (
          '…'
        ) : kept ? (
          <Button
            aria-label={`Delete ${name} from this machine`}
            onPress={() => void deleteWeights(variant.sha256).then(onChange)}
            testId={`delete-${testId}`}
          >
            Delete
          </Button>
        ) : (
          <Button
            aria-label={`Keep for offline: ${name}`}
            onPress={() => void fetchIt()}
            testId={`keep-${testId}`}
          >
            Keep for offline
          </Button>
        )}
        {problem && (
          <span className="info-small" role="alert">
            {problem}
          </span>
        )}
      </td>
    </tr>
  );
}

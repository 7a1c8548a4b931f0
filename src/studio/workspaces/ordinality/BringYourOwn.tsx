/** Bringing a model along: dropped or chosen, judged, described where it does not describe itself, checked, kept. */
import { useRef, useState } from 'react';
import { DropZone, FileTrigger } from 'react-aria-components';
import { StudioError, type ErrorInfo } from '../../../errors';
import { foreignManifest, type ForeignDescription } from '../../../models/foreign';
import { Icon } from '../../components/Icon';
import { Button, DialogBox } from '../../components/widgets';
import { useSession, useStudio } from '../../context';
import { loadProgressText } from '../../store/format';
import { ForeignForm } from './ForeignForm';
import { chosenFiles, droppedFiles, recognise, type Found } from './importing';
import { useRunner } from './shown';

export function BringYourOwn() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button icon="plus" onPress={() => setOpen(true)} testId="bring-model">
        Bring your own model
      </Button>
      <DialogBox title="Bring your own model" open={open} onOpenChange={setOpen} testId="bring-dialog">
        <Importer onDone={() => setOpen(false)} />
        <OwnModels />
      </DialogBox>
    </>
  );
}

type OnnxFile = Extract<Found, { kind: 'onnx' }>;

function Importer({ onDone }: { onDone: () => void }) {
  const session = useSession();
  const runner = useRunner();
  const [doing, setDoing] = useState<string | null>(null);
  const [error, setError] = useState<ErrorInfo | null>(null);
  const [onnx, setOnnx] = useState<OnnxFile | null>(null);
  const job = useRef<AbortController | null>(null);

  const attempt = async (first: string, work: (signal: AbortSignal) => Promise<void>) => {
    const controller = new AbortController();
    job.current = controller;
    setError(null);
    setDoing(first);
    try {
      await work(controller.signal);
    } catch (thrown) {
      const problem = StudioError.from(thrown);
      if (problem.code !== 'cancelled') setError(problem.toInfo());
    } finally {
      setDoing(null);
    }
  };

  const add = async (
    bundle: Parameters<typeof session.importBundle>[0],
    unreferenced: Parameters<typeof session.importBundle>[1],
    signal: AbortSignal,
  ) => {
    setDoing('Checking that the model runs here');
    const id = await session.importBundle(bundle, unreferenced, signal, (p) =>
      setDoing(loadProgressText(p).label),
    );
    const manifest = session.store.getState().manifests[id];
    if (manifest) runner.chooseModel(manifest);
    onDone();
  };

  const take = (gather: () => Promise<ReadonlyMap<string, File>>) =>
    attempt('Reading the files', async (signal) => {
      setOnnx(null);
      const found = await recognise(await gather());
      if (found.kind === 'onnx') setOnnx(found);
      else await add(found.bundle, null, signal);
    });

  const describeAndAdd = (file: OnnxFile, description: ForeignDescription) =>
    attempt('Writing the manifest', async (signal) => {
      const { weights, sha256, inspection } = file;
      const manifest = foreignManifest(description, inspection, { sha256, bytes: weights.length });
      const [variant] = Object.keys(manifest.variants);
      const files = new Map([[manifest.variants[variant!]!.file, weights]]);
      await add({ manifest, files }, { variant: variant!, weights }, signal);
    });

  return (
    <>
      <DropZone
        className="drop-zone"
        onDrop={(event) => void take(() => droppedFiles(event))}
        data-testid="drop-zone"
      >
        <p>Drop a bundle here (its folder or a ZIP), or an ONNX file.</p>
        <div className="drop-buttons">
          <FileTrigger
            acceptedFileTypes={['.zip', '.onnx', '.json']}
            allowsMultiple
            onSelect={(list) => void take(async () => chosenFiles(list))}
          >
            <Button testId="choose-files">Choose files</Button>
          </FileTrigger>
          <FileTrigger acceptDirectory onSelect={(list) => void take(async () => chosenFiles(list))}>
            <Button>Choose a folder</Button>
          </FileTrigger>
        </div>
        <p className="field-hint">
          It is read and kept on this machine only. RGB or grey pictures, 8 × 8 to 512 × 512; 2 to 10 grades.
        </p>
      </DropZone>
      {doing && (
        <p className="import-doing" role="status">
          {doing} …{' '}
          <Button kind="quiet" onPress={() => job.current?.abort()}>
            Cancel
          </Button>
        </p>
      )}
      {error && (
        <div className="import-error" role="alert" data-testid="import-error" data-code={error.code}>
          <Icon name="warning" />
          <div>
            <p>
              <strong>{error.message}</strong> {error.remedy} The model that is open stays as it is.
            </p>
            {error.detail && (
              <details>
                <summary>Technical detail</summary>
                <pre>{error.detail}</pre>
              </details>
            )}
          </div>
        </div>
      )}
      {onnx && (
        <ForeignForm
          key={onnx.sha256}
          name={onnx.name}
          inspection={onnx.inspection}
          busy={doing !== null}
          onSubmit={(description) => void describeAndAdd(onnx, description)}
        />
      )}
    </>
  );
}

function OwnModels() {
  const session = useSession();
  const bundles = useStudio((s) => s.bundles);
  const manifests = useStudio((s) => s.manifests);
  const own = bundles.filter((id) => session.isImported(id));
  if (own.length === 0) return null;
  return (
    <section aria-labelledby="own-models">
      <h3 id="own-models">Your models in this browser</h3>
      <ul className="own-models">
        {own.map((id) => (
          <li key={id}>
            <span>{manifests[id]?.title ?? id}</span>
            <Button
              onPress={() => void session.removeBundle(id)}
              aria-label={`Remove ${manifests[id]?.title ?? id}`}
            >
              Remove
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

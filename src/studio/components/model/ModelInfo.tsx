/** The model's panel: what it is and is not for, what was measured of it, and its card. */
import { lazy, Suspense, useState } from 'react';
import type { BundleManifest } from '../../../models/manifest';
import { DialogBox, IconButton, Segmented } from '../widgets';
import { About } from './About';

// Charts and Markdown are fetched when someone looks at them.
const Figures = lazy(() => import('./Figures').then((m) => ({ default: m.Figures })));
const Card = lazy(() => import('./Card').then((m) => ({ default: m.Card })));

export function ModelInfo({ manifest }: { manifest: BundleManifest }) {
  const [open, setOpen] = useState(false);
  const [part, setPart] = useState<'about' | 'figures' | 'card'>('about');
  return (
    <DialogBox
      title={manifest.title}
      trigger={<IconButton icon="info" label="About this model" testId="model-info" />}
      open={open}
      onOpenChange={setOpen}
      wide={part === 'figures'}
      testId="model-info-dialog"
    >
      <Segmented
        label="Part of the description"
        value={part}
        choices={[
          { value: 'about', label: 'About and limits' },
          { value: 'figures', label: 'Measured' },
          { value: 'card', label: 'Card' },
        ]}
        onChange={setPart}
        testId="model-part"
      />
      <Suspense fallback={<p>Opening …</p>}>
        {part === 'about' && <About manifest={manifest} />}
        {part === 'figures' && <Figures manifest={manifest} onLeave={() => setOpen(false)} />}
        {part === 'card' && <Card manifest={manifest} />}
      </Suspense>
    </DialogBox>
  );
}

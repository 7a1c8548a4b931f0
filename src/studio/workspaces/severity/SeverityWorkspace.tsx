/** Severity as something that one moves: a slider, a grid over several settings, pictures side by side. */
import { useEffect } from 'react';
import { ModelFields, SamplingFields, SeedFields } from '../../components/RequestFields';
import { Segmented } from '../../components/widgets';
import { useSession, useStudio } from '../../context';
import { draftManifest } from '../../store/state';
import { CompareView } from './CompareView';
import { GridView } from './GridView';
import { SliderView } from './SliderView';
import { Tray } from './Tray';
import { useDesk, useDeskState } from './useDesk';
import './severity.css';

export function SeverityWorkspace() {
  const desk = useDesk();
  useEffect(() => desk.enter(), [desk]);
  const tab = useDeskState((s) => s.tab);
  const slots = useDeskState((s) => s.slots.length);
  return (
    <main className="settings-beside">
      <Settings />
      <div className="settings-beside-shown severity-main">
        <Segmented
          label="What to do"
          value={tab}
          choices={[
            { value: 'slider', label: 'Slider', reveals: 'severity' },
            { value: 'grid', label: 'Grid' },
            { value: 'compare', label: slots > 0 ? `Side by side (${slots})` : 'Side by side' },
          ]}
          onChange={(v) => desk.openTab(v)}
          testId="severity-tab"
        />
        {tab === 'slider' && <SliderView />}
        {tab === 'grid' && <GridView />}
        {tab === 'compare' && <CompareView />}
        <Tray />
      </div>
    </main>
  );
}

/** What stays while the severity moves. */
const SUBJECT = {
  fundus: 'which eye',
  colon: 'which stretch of bowel',
  phantom: 'which phantom',
  other: 'which picture',
} as const;

function Settings() {
  const session = useSession();
  const seed = useStudio((s) => s.draft?.seed ?? 0);
  const domain = useStudio(draftManifest)?.domain ?? 'other';
  return (
    <section className="panel controls" aria-label="Settings">
      <ModelFields
        onModel={(model) => void session.setUp({ model })}
        onVariant={(variant) => void session.setUp({ variant })}
      />
      <SeedFields
        onSeed={(value) => void session.setUp({ seed: value })}
        onStep={(by) => void session.setUp({ seed: (seed + by) >>> 0 })}
        onRoll={() => session.setUpRandomSeed()}
      />
      <p className="field-hint">
        The seed decides {SUBJECT[domain]} it is; the severity only what is seen in it.
      </p>
      <SamplingFields onChange={(change) => void session.setUp(change)} />
    </section>
  );
}

/** The page around the workspace. */
import { useState } from 'react';
import { Header } from './components/Header';
import { useStudio } from './context';
import { Keyboard } from './workspaces/sample/Keyboard';
import { SampleWorkspace } from './workspaces/sample/SampleWorkspace';

export function App() {
  const [keysShown, setKeysShown] = useState(false);
  return (
    <>
      <Header onShowKeys={() => setKeysShown(true)} />
      <SampleWorkspace />
      <Keyboard listOpen={keysShown} onListOpenChange={setKeysShown} />
      <Announcer />
    </>
  );
}

/** The one status region: speaks at milestones, not at every step. */
function Announcer() {
  const announcement = useStudio((s) => s.announcement);
  return (
    <p className="visually-hidden" role="status" data-testid="status">
      {announcement}
    </p>
  );
}

/** The page around the workspaces. */
import { createElement, useEffect, useState, type ComponentType, type ReactNode } from 'react';
import { ErrorPanel } from './components/ErrorPanel';
import { Arrivals } from './components/Arrivals';
import { Header } from './components/Header';
import { PresenterFrame } from './components/PresenterFrame';
import { UpdateNotice } from './components/UpdateNotice';
import { Button } from './components/widgets';
import { useStore } from 'zustand';
import { useSession, useStudio } from './context';
import { Keyboard } from './keyboard/Keyboard';
import { Coach } from './lessons/Coach';
import { LESSON_SHORTCUTS } from './lessons/shortcuts';
import { makeLessonPlayer } from './lessons/player';
import { SAMPLE, workspaceOf, type Workspace } from './workspaces';

const PAGE_TITLE = 'Ordinal Diffusion Studio';

export function App() {
  const [keysShown, setKeysShown] = useState(false);
  const workspace = workspaceOf(useStudio((s) => s.workspace));
  const presenter = useStudio((s) => s.presenter);
  const inLesson = useStore(useSession().kept(makeLessonPlayer).store, (s) => s.lesson !== null);
  useEffect(() => {
    document.title = workspace === SAMPLE ? PAGE_TITLE : `${workspace.title} – ${PAGE_TITLE}`;
  }, [workspace]);
  return (
    <>
      {presenter ? (
        <PresenterFrame presenter={presenter} onShowKeys={() => setKeysShown(true)} />
      ) : (
        <Header current={workspace} onShowKeys={() => setKeysShown(true)} />
      )}
      <Arrivals />
      {workspace !== SAMPLE && <ShellProblem />}
      <WorkspacePlace key={workspace.id} workspace={workspace} />
      <Keyboard
        title={workspace.title}
        table={inLesson ? [...LESSON_SHORTCUTS, ...workspace.shortcuts] : workspace.shortcuts}
        listOpen={keysShown}
        onListOpenChange={setKeysShown}
      />
      <Coach />
      <UpdateNotice />
      <Announcer />
    </>
  );
}

/** What went wrong with loading a model; the Sample workspace shows it over its picture. */
function ShellProblem() {
  const failed = useStudio((s) => s.failure !== null);
  return failed ? (
    <div className="shell-problem">
      <ErrorPanel />
    </div>
  ) : null;
}

function WorkspacePlace({ workspace }: { workspace: Workspace }) {
  const { component } = workspace;
  return 'load' in component ? (
    <FetchedWorkspace title={workspace.title} load={component.load} />
  ) : (
    createElement(component)
  );
}

function FetchedWorkspace({ title, load }: { title: string; load: () => Promise<ComponentType> }) {
  const [view, setView] = useState<ReactNode>(null);
  const [failed, setFailed] = useState(false);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let here = true;
    load().then(
      (component) => here && setView(createElement(component)),
      () => here && setFailed(true),
    );
    return () => {
      here = false;
    };
  }, [load, attempt]);
  if (view) return view;
  return (
    <main className="shell-wait">
      {failed ? (
        <>
          <p role="alert">
            This part of the page could not be fetched. Check the connection, then try again.
          </p>
          <Button
            kind="primary"
            onPress={() => {
              setFailed(false);
              setAttempt(attempt + 1);
            }}
          >
            Try again
          </Button>
        </>
      ) : (
        <p>Opening {title} …</p>
      )}
    </main>
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

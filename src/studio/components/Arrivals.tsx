/** Takes pictures that are dropped on the page or pasted, shows that it does, and says what was wrong with one. */
import { useEffect, useState } from 'react';
import { useSession, useStudio } from '../context';
import { receiveFile, receiveText } from '../store/arrivals';
import { Icon } from './Icon';
import { IconButton } from './widgets';

const holdsFiles = (data: DataTransfer | null) => data?.types.includes('Files') ?? false;

const TAKES_TEXT = 'textarea, [contenteditable], input:not([type=radio], [type=checkbox], [type=range])';

export function Arrivals() {
  const session = useSession();
  const [over, setOver] = useState(false);
  useEffect(() => {
    const end = new AbortController();
    const on = <K extends keyof DocumentEventMap>(type: K, listener: (e: DocumentEventMap[K]) => void) =>
      document.addEventListener(type, listener, { signal: end.signal });
    on('dragover', (e) => {
      if (!holdsFiles(e.dataTransfer)) return;
      // A place on the page that takes files itself has said so.
      const ours = !e.defaultPrevented;
      e.preventDefault();
      setOver(ours);
    });
    on('dragleave', (e) => {
      if (e.relatedTarget === null) setOver(false);
    });
    on('drop', (e) => {
      setOver(false);
      const file = e.dataTransfer?.files[0];
      if (!file || e.defaultPrevented) return;
      e.preventDefault();
      void receiveFile(session, file);
    });
    on('paste', (e) => {
      // A field takes what is pasted into it.
      if (e.target instanceof Element && e.target.closest(TAKES_TEXT)) return;
      const text = e.clipboardData?.getData('text/plain') ?? '';
      const file = e.clipboardData?.files[0];
      if (file) void receiveFile(session, file);
      else if (receiveText(session, text)) e.preventDefault();
    });
    return () => end.abort();
  }, [session]);
  return (
    <>
      <NoticeBar />
      {over && (
        <div className="drop-veil" aria-hidden="true">
          <p>Drop a picture saved by this studio to restore its run</p>
        </div>
      )}
    </>
  );
}

function NoticeBar() {
  const session = useSession();
  const notice = useStudio((s) => s.notice);
  if (!notice) return null;
  return (
    <section
      className={`notice notice-${notice.kind}`}
      role={notice.kind === 'problem' ? 'alert' : 'status'}
      aria-label={notice.kind === 'problem' ? 'Problem' : 'Notice'}
      data-testid="notice"
    >
      <Icon name={notice.kind === 'problem' ? 'warning' : 'info'} />
      <p>
        <strong>{notice.message}</strong> {notice.remedy}
      </p>
      <IconButton
        icon="close"
        label="Put this message away"
        onPress={() => session.notify(null)}
        testId="notice-close"
      />
    </section>
  );
}

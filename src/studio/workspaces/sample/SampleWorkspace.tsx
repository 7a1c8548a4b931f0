/** One picture at a time: settings, the picture with its trajectory, and its neighbouring grades. */
import { Controls } from './Controls';
import { NeighbourPanel } from './NeighbourPanel';
import { Viewer } from './Viewer';

export function SampleWorkspace() {
  return (
    <main className="sample">
      <Controls />
      <Viewer />
      <NeighbourPanel />
    </main>
  );
}

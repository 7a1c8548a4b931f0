/** What can be taken away of a run: its numbers as CSV and JSON, and a report. */
import { Button as AriaButton, Dialog, DialogTrigger, Popover } from 'react-aria-components';
import { csvOf, ordinalityJson, tablesOf } from '../../../exchange/ordinality';
import { orderPlaces } from '../../../models/ordinalityAnalysis';
import { Icon } from '../../components/Icon';
import { Button } from '../../components/widgets';
import { allCharts } from './Charts';
import { useRunner, type ShownRun } from './shown';
import { placesTable, reportHtml } from './report';
import { saveFile } from '../../store/saving';

const TABLE_NAMES: Record<string, string> = {
  triples: 'Triples of grades',
  distances: 'Distances of pairs',
  readings: 'Readings of the grader',
};
const REPORTED_PLACES = 25;

export function ExportMenu({ shown }: { shown: ShownRun }) {
  const runner = useRunner();
  const { run, stem } = shown;
  const report = () => {
    const { look, planned } = runner.store.getState();
    const short = run.manifest.grades.map((g) => g.short);
    const titles = (variant: string) => run.manifest.variants[variant]?.title ?? variant;
    return reportHtml({
      run,
      planned,
      charts: allCharts(shown, look),
      caption: shown.caption,
      worst: placesTable(orderPlaces(shown.measured, 'slack', true).slice(0, REPORTED_PLACES), titles, short),
      made: new Date(),
    });
  };
  const hasTriples = run.manifest.grades.length > 2;
  const tables = [
    ...(hasTriples ? ['triples'] : []),
    'distances',
    ...(run.manifest.grader ? ['readings'] : []),
  ];
  const saveTable = (name: string) => {
    const table = tablesOf(run).find((t) => t.name === name);
    if (table) saveFile(csvOf(table), 'text/csv', `${stem}_${name}.csv`);
  };
  return (
    <DialogTrigger>
      <AriaButton className="button button-plain" data-testid="qa-export">
        <Icon name="save" />
        Export
      </AriaButton>
      <Popover className="popover" placement="bottom end">
        <Dialog className="popover-dialog save-menu" aria-label="Export">
          <Button
            kind="primary"
            onPress={() => saveFile(report(), 'text/html', `${stem}.html`)}
            testId="qa-export-html"
          >
            Report (HTML)
          </Button>
          <p className="field-hint">
            Settings, charts as they are shown now, tables; one file, no connection needed
          </p>
          <hr />
          {tables.map((name) => (
            <Button key={name} onPress={() => saveTable(name)} testId={`qa-export-${name}`}>
              {TABLE_NAMES[name]} (CSV)
            </Button>
          ))}
          <p className="field-hint">Every measured number, one a line</p>
          <hr />
          <Button
            onPress={() => saveFile(ordinalityJson(run), 'application/json', `${stem}.json`)}
            testId="qa-export-json"
          >
            Everything (JSON)
          </Button>
          <p className="field-hint">With the request, the weights’ hashes and the versions</p>
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

/** What a bundle says of itself in its manifest: what it is for, what it cannot do, its data, its licence. */
import type { BundleManifest } from '../../../models/manifest';
import { useStudio } from '../../context';
import { formatBytes, formatCount, formatDuration, providerName } from '../../store/format';

export function About({ manifest }: { manifest: BundleManifest }) {
  const loaded = useStudio((s) => (s.model?.manifest.id === manifest.id ? s.model : null));
  const most = Math.max(1, ...manifest.data.counts);
  return (
    <>
      <p className="lead">{manifest.intendedUse}</p>
      <h3>What it cannot do</h3>
      <ul>
        {manifest.limits.map((limit) => (
          <li key={limit}>{limit}</li>
        ))}
      </ul>
      <h3>Training pictures: {manifest.data.name}</h3>
      <table className="info-table">
        <caption className="visually-hidden">Training pictures per grade</caption>
        <thead>
          <tr>
            <th scope="col">Grade</th>
            <th scope="col">Meaning</th>
            <th scope="col" className="number">
              Pictures
            </th>
            <td aria-hidden="true" />
          </tr>
        </thead>
        <tbody>
          {manifest.grades.map((g, i) => (
            <tr key={g.value}>
              <th scope="row">{g.short}</th>
              <td>
                {g.label}
                {g.description && <span className="info-small">{g.description}</span>}
              </td>
              <td className="number">{formatCount(manifest.data.counts[i]!)}</td>
              <td className="info-bar-cell" aria-hidden="true">
                <span
                  className="info-bar"
                  style={{ inlineSize: `${(manifest.data.counts[i]! / most) * 100}%` }}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {manifest.data.preprocessing && <p>{manifest.data.preprocessing}</p>}
      {manifest.data.knownFlaws.length > 0 && (
        <>
          <h3>Known flaws of the data</h3>
          <ul>
            {manifest.data.knownFlaws.map((flaw) => (
              <li key={flaw}>{flaw}</li>
            ))}
          </ul>
        </>
      )}
      <h3>Variants</h3>
      <table className="info-table">
        <caption className="visually-hidden">Variants of this model</caption>
        <thead>
          <tr>
            <th scope="col">Variant</th>
            <th scope="col" className="number">
              Images seen
            </th>
            <th scope="col" className="number">
              Parameters
            </th>
            <th scope="col" className="number">
              File
            </th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(manifest.variants).map(([key, v]) => (
            <tr key={key}>
              <th scope="row">{v.title}</th>
              <td className="number">{formatCount(v.imagesSeen)}</td>
              <td className="number">{formatCount(v.params)}</td>
              <td className="number">{formatBytes(v.bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <h3>Licence and credit</h3>
      <dl className="info-list">
        <dt>Model</dt>
        <dd>
          {manifest.license}. {manifest.attribution}
        </dd>
        <dt>Data</dt>
        <dd>
          {manifest.data.license}. {manifest.data.credit}
        </dd>
      </dl>
      {loaded && (
        <>
          <h3>On this machine</h3>
          <dl className="info-list">
            <dt>Computed by</dt>
            <dd>
              {providerName(loaded.provider)}
              {loaded.providerDetail && ` (${loaded.providerDetail})`}
              {loaded.providerNote && `. ${loaded.providerNote}`}
            </dd>
            <dt>Checked against the reference</dt>
            <dd>largest difference {loaded.parityMaxError.toExponential(1)}</dd>
            <dt>Time to get ready</dt>
            <dd>
              weights {formatDuration(loaded.timings.downloadMs)}, session{' '}
              {formatDuration(loaded.timings.sessionMs)}, first run {formatDuration(loaded.timings.warmUpMs)}
            </dd>
          </dl>
        </>
      )}
    </>
  );
}

/** One picture that follows the slider; beside it, if wanted, what the other model draws from the same noise. */
import { useMemo, useState } from 'react';
import { FilmDialog } from '../../components/FilmDialog';
import { LevelGlyph } from '../../components/Icon';
import { PixelCanvas } from '../../components/PixelCanvas';
import { paintPicture } from '../../components/colour';
import { Button, Switch } from '../../components/widgets';
import { usePreference, useSession, useStudio } from '../../context';
import type { BundleManifest } from '../../../models/manifest';
import type { SampleRequest } from '../../../models/request';
import { formatSeverity, loadProgressText, severityPlace, severityText } from '../../store/format';
import { draftManifest } from '../../store/state';
import { counterpart, pictureText, settingsText } from './desk';
import { NOTHING_SHOWN } from './follow';
import { PictureActions } from './PictureActions';
import { SeveritySlider } from './SeveritySlider';
import { useDesk, useDeskState } from './useDesk';

export function SliderView() {
  const session = useSession();
  const desk = useDesk();
  const draft = useStudio((s) => s.draft);
  const manifest = useStudio(draftManifest);
  const followed = useDeskState((s) => s.followed);
  const beside = useDeskState((s) => s.beside);
  const [filming, setFilming] = useState(false);
  if (!draft || !manifest) return <section className="viewer severity-stage" aria-label="Picture" />;
  const other = counterpart(manifest, draft.variant);
  return (
    <section className="viewer severity-stage" aria-label="Picture">
      <div className="severity-pictures" data-count={followed.length}>
        {followed.map((variant) => (
          <Followed key={variant} variant={variant} draft={draft} manifest={manifest} />
        ))}
      </div>
      <SeveritySlider
        manifest={manifest}
        value={draft.severity}
        onChange={(severity) => void session.setUp({ severity })}
        onRest={() => desk.letGo()}
      />
      <div className="severity-more">
        {other !== null && (
          <Switch
            label={`${manifest.variants[other]!.title} beside it, from the same noise`}
            value={beside}
            onChange={(v) => desk.setBeside(v)}
            testId="beside"
          />
        )}
        <span className="spacer" />
        <Button onPress={() => setFilming(true)} testId="film-scale">
          Film of the scale …
        </Button>
      </div>
      <FilmDialog open={filming} onOpenChange={setFilming} filmed={{ manifest, request: draft, run: null }} />
    </section>
  );
}

interface FollowedProps {
  variant: string;
  draft: SampleRequest;
  manifest: BundleManifest;
}

function Followed({ variant, draft, manifest }: FollowedProps) {
  const desk = useDesk();
  const [smooth] = usePreference('smooth');
  const state = useDeskState((s) => s.following[variant] ?? NOTHING_SHOWN);
  const loading = useDeskState((s) => s.loading);
  const { picture, shown, quality, working, error } = state;
  const chw = picture?.request.model === draft.model ? picture.chw : null;
  const paint = useMemo(() => (chw ? (rgba: Uint8ClampedArray) => paintPicture(chw, rgba) : null), [chw]);
  const { width, height } = manifest.image;
  const request = { ...draft, variant };
  // What the picture shows: while the hand moves it lags a moment behind the settings.
  const { severity, seed, steps } = chw && shown ? shown : request;
  const place = severityPlace(manifest.grades, severity);
  const title = manifest.variants[variant]!.title;
  let note =
    quality === 'preview'
      ? `preview, ${picture?.request.steps ?? 0} of ${steps} steps`
      : settingsText({ ...request, steps }, manifest);
  if (!chw) note = loading ? loadProgressText(loading).label : 'on its way';
  else if (severity !== draft.severity && working !== 'no') {
    note = `${note}; ${formatSeverity(draft.severity)} is being drawn`;
  } else if (working === 'full') note = `${note}, being refined`;
  return (
    <figure
      className="followed"
      data-testid={`followed-${variant}`}
      data-quality={chw ? quality : 'none'}
      data-working={working}
    >
      <div className="followed-picture" style={{ aspectRatio: `${width} / ${height}` }}>
        <PixelCanvas
          width={width}
          height={height}
          paint={paint}
          smooth={smooth}
          label={`Synthetic picture: ${severityText(manifest.grades, severity)}, ${title}, seed ${seed}`}
          testId={`followed-picture-${variant}`}
        />
        <span className="stage-stamp" aria-hidden="true">
          Synthetic
        </span>
        {place.kind === 'beyond' && chw && (
          <span className="stage-stamp stage-stamp-start">Extrapolated</span>
        )}
      </div>
      <figcaption className="followed-caption">
        <span className="stage-grade">
          <LevelGlyph level={place.level} count={manifest.grades.length} />
          <strong>{severityText(manifest.grades, severity)}</strong>
        </span>
        <span className="stage-meta">
          {title} · seed {seed} · {note}
        </span>
      </figcaption>
      {error && (
        <div className="slot-problem" role="alert">
          <p>
            {error.message} {error.remedy}
          </p>
          <Button onPress={() => desk.retry()} testId="follow-retry">
            Try again
          </Button>
        </div>
      )}
      <PictureActions
        request={request}
        of={pictureText(request, manifest)}
        ready={quality === 'full' && chw !== null}
        testId={`followed-${variant}`}
      />
    </figure>
  );
}

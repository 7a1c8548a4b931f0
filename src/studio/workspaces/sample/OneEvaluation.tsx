/** In the place of the trajectory when a generator has made the picture: what there is not to be seen, in plain words. */
import { isDiffusion } from '../../../models/manifest';
import { useStudio } from '../../context';
import { formatCount } from '../../store/format';

export function OneEvaluation() {
  const variants = useStudio((s) => s.run?.manifest.variants);
  const own = useStudio((s) => s.run?.manifest.variants[s.run.request.variant]);
  const saw = own?.imagesSeen ?? 0;
  const others = Object.values(variants ?? {}).filter(isDiffusion);
  const most = Math.max(0, ...others.map((v) => v.imagesSeen));
  return (
    <div className="one-evaluation" data-testid="one-evaluation">
      <p>
        <strong>{own?.title} has no denoising trajectory.</strong> It turns random numbers and a grade into
        the picture at once: there are no steps to go through and no noise estimates to compare. It is here so
        that its pictures can be compared with those of the diffusion models.
        {saw > 0 && most > 0 && (
          <>
            {' '}
            In training it saw {formatCount(saw)} images; they saw up to {formatCount(most)}.
          </>
        )}
      </p>
    </div>
  );
}

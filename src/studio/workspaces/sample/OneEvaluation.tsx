/** In the place of the trajectory when a generator has made the picture: what there is not to be seen, in plain words. */
import { useStudio } from '../../context';

export function OneEvaluation() {
  const title = useStudio((s) => s.run?.manifest.variants[s.run.request.variant]?.title ?? '');
  return (
    <div className="one-evaluation" data-testid="one-evaluation">
      <p>
        <strong>{title} has no denoising trajectory.</strong> It turns random numbers and a grade into the
        picture at once: there are no steps to go through and no noise estimates to compare. It is here so
        that its pictures can be compared with those of the diffusion models.
      </p>
    </div>
  );
}

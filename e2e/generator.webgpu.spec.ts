/** The generator's operators on WebGPU, held to PyTorch's picture. */
import { expect, test } from './fixtures';
import { addGenerator, drawsAsPyTorch } from './generator';

test('a generator computes on WebGPU what PyTorch computes', async ({ studio, page }) => {
  const golden = await addGenerator(page);
  await studio.open({ model: 'phantom', variant: 'stylegan2', ep: 'webgpu' });
  expect((await studio.finished()).provider).toBe('webgpu');
  await drawsAsPyTorch(studio, page, golden);
});

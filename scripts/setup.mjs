/**
 * `npm run setup`: everything that `npm test` needs, made ready once.
 *   --no-browser   without Chromium for the browser tests
 *   --no-lab       without the training lab's Python environment
 */
import { checkNode, installChromium, installLab, installNodePackages } from './lib/install.mjs';
import { command, say } from './lib/terminal.mjs';

await command(async () => {
  const flags = new Set(process.argv.slice(2));
  checkNode();
  await installNodePackages();
  if (!flags.has('--no-browser')) say(`Chromium: ${await installChromium()}`);
  if (!flags.has('--no-lab')) await installLab();
  say('Ready.');
});

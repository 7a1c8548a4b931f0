/**
 * ESLint. Besides the usual rules it holds the direction of imports, studio -> engine -> models -> diffusion, and that
 * exactly one file of the engine knows onnxruntime-web.
 */
import reactHooks from 'eslint-plugin-react-hooks';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const ORT = { regex: '^onnxruntime-', message: 'Only src/engine/session.ts talks to onnxruntime.' };
const REACT = {
  regex: '^(react|react-dom|react-aria-components|zustand)(/|$)',
  message: 'React lives in src/studio.',
};
const rooms = (names, message) => ({ regex: `^\\.\\.?/(.*/)?(${names})(/|$)`, message });

/** Forbids imports, static and dynamic, that match the patterns. */
function forbid(...patterns) {
  return {
    '@typescript-eslint/no-restricted-imports': ['error', { patterns }],
    'no-restricted-syntax': [
      'error',
      ...patterns.map(({ regex, message }) => ({
        selector: `ImportExpression[source.value=/${regex.replaceAll('/', '\\/')}/]`,
        message,
      })),
    ],
  };
}

export default defineConfig(
  {
    ignores: [
      'dist/',
      'node_modules/',
      'models/',
      'runs/',
      'training/',
      'test-results/',
      'playwright-report/',
    ],
  },
  tseslint.configs.strict,
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      // An index that a loop has already bounded is asserted, not tested again.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['src/diffusion/**/*.ts'],
    rules: forbid(
      { regex: '^\\.\\./', message: 'src/diffusion is mathematics and imports nothing of the house.' },
      ORT,
      REACT,
    ),
  },
  {
    files: ['src/models/**/*.ts'],
    rules: forbid(rooms('engine|exchange|studio', 'src/models imports only src/diffusion.'), ORT, REACT),
  },
  {
    files: ['src/engine/**/*.ts'],
    rules: forbid(
      rooms('exchange|studio', 'src/engine imports only src/models and src/diffusion.'),
      ORT,
      REACT,
    ),
  },
  {
    files: ['src/engine/session.ts'],
    rules: forbid(rooms('exchange|studio', 'src/engine imports only src/models and src/diffusion.'), REACT),
  },
  {
    files: ['src/exchange/**/*.ts'],
    rules: forbid(
      rooms('engine|storage|studio', 'src/exchange imports only src/models and src/diffusion.'),
      ORT,
      REACT,
    ),
  },
  {
    files: ['src/storage/**/*.ts'],
    rules: forbid(
      rooms('engine|studio', 'src/storage imports only src/exchange and src/models.'),
      ORT,
      REACT,
    ),
  },
  {
    files: ['src/studio/**/*.{ts,tsx}', 'src/main.tsx'],
    extends: [reactHooks.configs.flat.recommended],
    rules: forbid(
      {
        regex: '(^|/)engine/(?!(api|client|types)$)',
        message: 'src/studio sees of the engine only api, client and types.',
      },
      ORT,
    ),
  },
  {
    files: ['cli/**/*.ts'],
    rules: forbid(
      rooms('engine|studio', 'cli imports only src/diffusion, src/models and src/exchange.'),
      REACT,
      {
        regex: '^onnxruntime-web',
        message: 'The command line computes on onnxruntime-node.',
      },
    ),
  },
  { files: ['scripts/**', 'e2e/**', '*.config.{js,ts}'], rules: { 'no-console': 'off' } },
);

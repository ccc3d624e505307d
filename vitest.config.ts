/**
 * Two projects: `fast` is what `npm run check` runs, `slow` is what starts processes for long, kills them, packs the
 * package or measures. `npm test` runs both, and fails where they cover too little of the product.
 */
import { configDefaults, defineConfig } from 'vitest/config';
import { SummaryReporter } from './scripts/vitest-summary.ts';

const SLOW = [
  'test/chaos/**/*.test.ts',
  'test/package/**/*.test.ts',
  'test/bench/**/*.test.ts',
  'test/**/*.slow.test.ts',
];
const ROOMS = ['protocol', 'client', 'runtime', 'actors', 'supervisors', 'cluster', 'gateway', 'cli'];

/** Whether all tests run, once: a run of some (a path, a name, a project) says nothing about the coverage of all. */
function isWholeRun(args: readonly string[]): boolean {
  const selecting = /^(-t$|--(testNamePattern|project|shard|changed|exclude|dir)\b)/;
  return args[0] === 'run' && args.slice(1).every((arg) => arg.startsWith('-') && !selecting.test(arg));
}

const whole = isWholeRun(process.argv.slice(2));

export default defineConfig({
  test: {
    pool: 'forks',
    // What hangs is found a little later; what a slow machine takes its time for is not taken for it.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    reporters: ['default', new SummaryReporter()],
    projects: [
      {
        extends: true,
        test: { name: 'fast', include: ['test/**/*.test.ts'], exclude: [...configDefaults.exclude, ...SLOW] },
      },
      { extends: true, test: { name: 'slow', include: SLOW } },
    ],
    coverage: {
      provider: 'v8',
      include: [
        'index.ts',
        'node.ts',
        'staff.ts',
        'worker-node.ts',
        'node-gauges.ts',
        ...ROOMS.map((room) => `${room}/**/*.ts`),
      ],
      enabled: whole,
      reporter: ['text', 'lcov'],
      ...(whole ? { thresholds: { lines: 90 } } : {}),
    },
  },
});

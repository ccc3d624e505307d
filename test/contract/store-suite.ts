/** The contract of runtime/stores/store.ts as tests. Every driver runs all of them. */
import { describe } from 'vitest';
import { cellCases } from './store-cells.ts';
import { commitCases } from './store-commits.ts';
import { damageCases } from './store-damage.ts';
import { effectCases } from './store-effects.ts';
import { listCases } from './store-lists.ts';
import type { MakeMedium } from './store-medium.ts';
import { modelCases } from './store-model.ts';
import { pruningCases } from './store-pruning.ts';
import { taskCases } from './store-tasks.ts';
import { valueCases } from './store-values.ts';

/** Runs the suite against a driver. */
export function storeSuite(name: string, makeMedium: MakeMedium): void {
  describe(`the ${name} store`, () => {
    commitCases(makeMedium);
    taskCases(makeMedium);
    listCases(makeMedium);
    effectCases(makeMedium);
    cellCases(makeMedium);
    valueCases(makeMedium);
    damageCases(makeMedium);
    pruningCases(makeMedium);
    modelCases(makeMedium);
  });
}

/** The whole corpus: the contract that an upgrade of XState must keep. Add a case to the file of its feature. */
import type { Case } from './case.ts';
import { childCases } from './children.ts';
import { dataCases } from './data.ts';
import { flowCases } from './flow.ts';
import { outsideCases } from './outside.ts';
import { referenceCases } from './references.ts';
import { timerCases } from './timers.ts';

export const CORPUS: readonly Case[] = [
  ...flowCases,
  ...timerCases,
  ...childCases,
  ...referenceCases,
  ...outsideCases,
  ...dataCases,
];

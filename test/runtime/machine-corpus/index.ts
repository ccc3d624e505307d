/** The whole corpus: the contract that an upgrade of XState must keep. Add a case to the file of its feature. */
import { actingCases } from './acting.ts';
import type { Case } from './case.ts';
import { childCases } from './children.ts';
import { dataCases } from './data.ts';
import { flowCases } from './flow.ts';
import { meetingCases } from './meeting.ts';
import { outsideCases } from './outside.ts';
import { referenceCases } from './references.ts';
import { spawningCases } from './spawning.ts';
import { structureCases } from './structure.ts';
import { timerCases } from './timers.ts';

export const CORPUS: readonly Case[] = [
  ...flowCases,
  ...structureCases,
  ...actingCases,
  ...timerCases,
  ...childCases,
  ...spawningCases,
  ...referenceCases,
  ...meetingCases,
  ...outsideCases,
  ...dataCases,
];

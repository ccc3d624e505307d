/** The plan templates that come with the node. */
import type { PlanTemplate } from '../../protocol/plan-template.ts';
import { ANALYSE_DATASET } from '../analyst/analyse-dataset.ts';

/** All of them. */
export const BUNDLED_TEMPLATES: readonly PlanTemplate[] = [
  {
    name: 'analyse-dataset',
    version: '1.0.0',
    type: 'data.analysis',
    description:
      'Analyse a data file (CSV, JSON, NDJSON): statistics, outliers, correlations, trends, a report with charts.',
    goals: [
      'analyse {path}',
      'analyze {path}',
      'analyse the data in {path}',
      'analyze the data in {path}',
      'profile {path}',
      'write a report about {path}',
      'find correlations and outliers in {path}',
      'what is in {path}',
    ],
    slots: { path: { kind: 'path', description: 'The data file.' } },
    graph: ANALYSE_DATASET,
  },
];

/** The bundled workflow: from a data file to a report. Columns are profiled in groups, several at a time. */

/** As it is registered. Its input: {path, groupSize?}. */
export const ANALYSE_DATASET = {
  name: 'analyse-dataset',
  version: '1.0.0',
  description: 'Profiles a data file (CSV, JSON, NDJSON), relates its columns, and writes report.md with charts.',
  steps: [
    {
      id: 'scan',
      agent: 'analyst',
      input: { op: 'scan', path: '${input.path}', groupSize: '${has(input.groupSize) ? input.groupSize : 4}' },
    },
    {
      id: 'profile',
      agent: 'analyst',
      forEach: '${steps.scan.output.groups}',
      concurrency: 4,
      input: {
        op: 'profile',
        path: '${input.path}',
        columns: '${item.columns}',
        dialect: '${steps.scan.output.dialect}',
        workDir: 'work',
      },
    },
    {
      id: 'correlate',
      agent: 'analyst',
      input: {
        op: 'correlate',
        path: '${input.path}',
        columns: '${steps.scan.output.columns}',
        dialect: '${steps.scan.output.dialect}',
        workDir: 'work',
      },
    },
    {
      id: 'report',
      agent: 'analyst',
      input: {
        op: 'report',
        scan: '${steps.scan.output}',
        profiles: '${steps.profile.output}',
        correlations: '${steps.correlate.output}',
        outDir: 'report',
      },
    },
  ],
  output: {
    report: '${steps.report.output.report}',
    findings: '${steps.report.output.findings}',
  },
};

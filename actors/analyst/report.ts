/** Writes the report of an analysis: `report.md`, its charts, and all findings as JSON, below one folder. */
import { basename } from 'node:path';
import type { z } from 'zod';
import type { Progress } from './progress.ts';
import { drawCharts } from './report-charts.ts';
import { gatherParts, type ReportInput } from './report-parts.ts';
import type { reportOutputSchema } from './report-schema.ts';
import { collectFindings, keyFindings, writeReportText } from './report-text.ts';
import { writeWhole } from './work-files.ts';

/** See `reportOutputSchema`. */
export type ReportOutput = z.infer<typeof reportOutputSchema>;

/**
 * Writes the report; the text last, so that where it is, all it shows is.
 * Errors: INVALID_INPUT, NOT_FOUND, FORBIDDEN, UNAVAILABLE (disk full).
 */
export async function writeReport(input: ReportInput, progress?: Progress): Promise<ReportOutput> {
  const parts = await gatherParts(input, progress);
  const fileName = basename(parts.scan.path);
  const findings = collectFindings(parts);
  const key = keyFindings(findings, parts.profiles);
  const charts = drawCharts(parts);
  const total = charts.length + 2;
  for (const [index, chart] of charts.entries()) {
    await writeWhole(input.outDir, chart.path, chart.svg);
    progress?.({ done: index + 1, total, unit: 'files' });
  }
  const all = { file: fileName, sha256: parts.correlations.sha256, rows: parts.correlations.rows, ...findings };
  const findingsFile = await writeWhole(input.outDir, 'findings.json', `${JSON.stringify(all, null, 2)}\n`);
  const head = { fileName, title: input.title ?? `Analysis of ${fileName}`, generatedAt: input.generatedAt };
  const report = await writeWhole(input.outDir, 'report.md', writeReportText(parts, findings, charts, head));
  progress?.({ done: total, total, unit: 'files' });
  return {
    report,
    charts: charts.map(({ path }) => path),
    findingsFile,
    rows: parts.correlations.rows,
    columns: parts.profiles.length,
    findings: key,
    findingsTotal: findings.relations.length + findings.quality.length,
  };
}

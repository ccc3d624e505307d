/** The signals that workflows wait for, as far as their names are known before they run. */
import type { WorkflowGraph } from '../../protocol/graph.ts';
import type { AwaitedSignal } from '../kept-signals.ts';
import { scanText } from './expression-scanner.ts';

/** The names that the steps of these graphs wait for, each once; of a name with expressions in it, what stands before the first. */
export function awaitedBy(graphs: readonly WorkflowGraph[]): readonly AwaitedSignal[] {
  const found = new Map<string, AwaitedSignal>();
  for (const { steps } of graphs) {
    for (const { signal } of steps) {
      if (signal === undefined) continue;
      const awaited = awaitedName(signal.name);
      found.set(JSON.stringify(awaited), awaited);
    }
  }
  return [...found.values()];
}

function awaitedName(written: string): AwaitedSignal {
  const scanned = scanText(written);
  const parts = 'parts' in scanned ? scanned.parts : [];
  const [first] = parts;
  const name = first?.type === 'text' ? first.text : '';
  return parts.every(({ type }) => type === 'text') ? { name } : { name, isPrefix: true };
}

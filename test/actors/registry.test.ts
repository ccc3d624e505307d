import { beforeEach, describe, expect, it } from 'vitest';
import { type AgentOptions, defineAgent } from '../../actors/agent-definition.ts';
import { Registry } from '../../actors/registry.ts';
import { Selector } from '../../actors/selector.ts';
import { parseGraph } from '../../protocol/graph.ts';
import type { InstalledLogic } from '../../runtime/cell.ts';
import { createRegisters } from '../../runtime/registers.ts';

let installed: string[] = [];
let registers = createRegisters();
let registry: Registry;

beforeEach(() => {
  installed = [];
  registers = createRegisters();
  const book = {
    install: ({ name }: InstalledLogic) => void installed.push(name),
    uninstall: (name: string) => void installed.splice(installed.indexOf(name), 1),
  };
  registry = new Registry(
    book,
    registers,
    ({ name, version }) => ({ name: `agent:${name}@${version}` }) as InstalledLogic,
  );
});

const add = (name: string, version: string, more: Partial<AgentOptions> = {}): void =>
  registry.registerAgent(defineAgent({ name, version, run: () => 1, ...more }));
const listed = (): string[] => Object.keys(registers.getSnapshot().context.agents);

describe('The registry', () => {
  it('gives the newest version that is no pre-release, or the one that was named', () => {
    for (const version of ['1.9.0', '1.10.0', '2.0.0-rc.1']) add('x', version);
    expect(registry.agent('x')?.version).toBe('1.10.0');
    expect(registry.agent('x@1.9.0')?.version).toBe('1.9.0');
    expect([registry.agent('x@3.0.0'), registry.agent('y'), registry.agent('x@')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    add('y', '1.0.0-a');
    expect(registry.agent('y')?.version).toBe('1.0.0-a');
  });

  it('takes a version once, and lets it go with all that led to it', () => {
    add('x', '1.0.0', { capabilities: ['c', 'd'] });
    add('x', '2.0.0', { capabilities: ['c'] });
    expect(() => add('x', '1.0.0')).toThrow(expect.objectContaining({ code: 'STATE_CONFLICT' }));
    expect(registry.withCapability('c').map(({ version }) => version)).toEqual(['2.0.0', '1.0.0']);
    registry.unregisterAgent('x@1.0.0');
    expect([registry.withCapability('d'), registry.agent('x')?.version]).toEqual([[], '2.0.0']);
    expect([installed, listed()]).toEqual([['agent:x@2.0.0'], ['x@2.0.0']]);
    registry.unregisterAgent('x');
    expect([registry.agents(), registry.names(), registry.withCapability('c')]).toEqual([[], [], []]);
    expect(() => registry.unregisterAgent('x')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });

  it('takes a workflow again only if it is the same', () => {
    const graph = (agent: string) => parseGraph({ name: 'w', version: '1.0.0', steps: [{ id: 'a', agent }] });
    registry.registerWorkflow(graph('x'), 'registered');
    registry.registerWorkflow(graph('x'), 'registered');
    expect(() => registry.registerWorkflow(graph('y'), 'registered')).toThrow(
      expect.objectContaining({ code: 'STATE_CONFLICT' }),
    );
    expect([registry.workflows().length, registry.workflow('w')?.version]).toEqual([1, '1.0.0']);
  });
});

describe('The selector', () => {
  const selector = (
    busy: Readonly<Record<string, number>> = {},
    waitsMs: Readonly<Record<string, number>> = {},
  ): Selector =>
    new Selector(
      registry,
      { laneFigures: (lane) => ({ running: busy[lane] ?? 0, waiting: 0 }) },
      { waitMs: (agent) => waitsMs[agent] ?? 0 },
    );

  it('passes over those whose breaker is open, and says so', () => {
    for (const name of ['idle', 'busy']) add(name, '1.0.0', { capabilities: ['c'] });
    const { agent, data } = selector({ 'agent:busy': 8 }, { idle: 700 }).choose({ capability: 'c' }, []);
    expect(agent.name).toBe('busy');
    expect(data['why']).toBe('the least busy that offers it and whose breaker is not open');
    expect(data['candidates']).toContainEqual({ agent: 'idle@1.0.0', load: 0, breaker: 'open', retryAfterMs: 700 });
  });

  it('takes the one that comes back first where all breakers are open, and says so', () => {
    for (const name of ['late', 'soon']) add(name, '1.0.0', { capabilities: ['c'] });
    const { agent, data } = selector({ 'agent:soon': 8 }, { late: 700, soon: 300 }).choose({ capability: 'c' }, []);
    expect(agent.name).toBe('soon');
    expect(data['why']).toMatch(/^the breakers of all that offer it are open/);
  });

  it('takes the least busy, measured by what each may do at once, and says why', () => {
    add('big', '1.0.0', { capabilities: ['c'], concurrency: 100 });
    add('small', '1.0.0', { capabilities: ['c'], concurrency: 2 });
    const { agent, data } = selector({ 'agent:big': 10, 'agent:small': 1 }).choose({ capability: 'c' }, []);
    expect(agent.name).toBe('big');
    expect(data).toEqual({
      agent: 'big@1.0.0',
      capability: 'c',
      why: 'the least busy that offers it',
      candidates: [
        { agent: 'big@1.0.0', load: 0.1 },
        { agent: 'small@1.0.0', load: 0.5 },
      ],
    });
    expect(selector().choose({ capability: 'c' }, ['big@1.0.0']).agent.name).toBe('small');
    expect(() => selector().choose({ capability: 'c' }, ['big@1.0.0', 'small@1.0.0'])).toThrow(
      expect.objectContaining({ code: 'NO_AGENT' }),
    );
  });

  it('takes the one that was named', () => {
    add('x', '1.0.0');
    expect(selector().choose({ agent: 'x' }, []).data).toEqual({ agent: 'x@1.0.0', why: 'named' });
    expect(() => selector().choose({ agent: 'y' }, [])).toThrow(expect.objectContaining({ code: 'NO_AGENT' }));
  });
});

describe('The definition of an agent', () => {
  it('has defaults for all that is left out', () => {
    expect(defineAgent({ name: 'x', version: '1.0.0', run: () => 1, retry: { attempts: 7 } })).toMatchObject({
      capabilities: [],
      kind: 'keyed',
      keyed: false,
      concurrency: 16,
      timeoutMs: 60_000,
      retry: { attempts: 7, backoffMs: 200, factor: 2, maxBackoffMs: 30_000, jitter: true },
      breaker: { failures: 5, periodMs: 30_000, openMs: 10_000 },
    });
  });

  it.each<[string, object]>([
    ['`name`', { name: 'no name' }],
    ['`version`', { version: '1' }],
    ['exactly one', { run: undefined }],
    ['keyed', { keyed: true }],
    ['capability', { capabilities: ['not one!'] }],
    ['`concurrency`', { concurrency: 0 }],
    ['`timeoutMs`', { timeoutMs: -1 }],
    ['`retry.attempts`', { retry: { attempts: 0 } }],
    ['`retry.factor`', { retry: { factor: Number.NaN } }],
    ['`breaker.openMs`', { breaker: { openMs: -1 } }],
    ['`kind`', { kind: 'maybe' }],
  ])('is refused for its %s', (words, fault) => {
    expect(() => defineAgent({ name: 'x', version: '1.0.0', run: () => 1, ...fault })).toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        details: { faults: [expect.stringContaining(words)] },
      }),
    );
  });
});

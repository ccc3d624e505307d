/** Breakers as clients meet them: over REST, over the socket, and in the metrics. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { setup } from 'xstate';
import { defineAgent } from '../../actors/agent-definition.ts';
import { type Rig, startRig } from './rig.ts';

let isBroken = true;
const away = (name: string) =>
  defineAgent({
    name,
    version: '1.0.0',
    capabilities: ['talk'],
    retry: { attempts: 1 },
    breaker: { openMs: 60_000 },
    run: () => {
      if (isBroken) throw new TypeError('The line is dead.');
      return 'hello';
    },
  });
const present = defineAgent({ name: 'present', version: '1.0.0', capabilities: ['talk'], run: () => 'instead' });
const oracle = defineAgent({
  name: 'oracle',
  version: '1.0.0',
  keyed: true,
  breaker: { failures: 1, openMs: 60_000 },
  machine: setup({
    actions: {
      breaks: () => {
        throw new TypeError('The oracle is silent.');
      },
    },
  }).createMachine({ id: 'oracle', on: { speak: { actions: 'breaks' } } }),
});

let rig: Rig;
beforeAll(async () => {
  rig = await startRig({ agents: [away('away'), away('remote'), present, oracle] });
});
afterAll(async () => await rig.stop());

const BREAKERS = '/api/v1/breakers';
const fail = async (agent: string): Promise<void> => {
  for (let n = 0; n < 5; n++) await rig.send('POST', '/api/v1/tasks?wait=10', { agent });
};

describe('Breakers over REST', () => {
  it('are listed with their states, in pages', async () => {
    await fail('away');
    const { status, json } = await rig.get(BREAKERS);
    expect([status, json['cursor']]).toEqual([200, null]);
    const breakers = json['breakers'] as Record<string, unknown>[];
    const ids = breakers.map(({ breaker }) => String(breaker));
    expect(ids).toEqual(ids.toSorted());
    expect(breakers.find(({ breaker }) => breaker === 'agent:away')).toMatchObject({
      state: 'open',
      agent: 'away',
      supervisor: 'supervisor/agents/away',
      opens: 1,
      failures: 5,
      failuresMax: 5,
      lastError: { code: 'AGENT_FAILED', message: 'The line is dead.' },
    });
    expect(breakers.find(({ breaker }) => breaker === 'agent:present')).toMatchObject({
      state: 'closed',
      openedAt: null,
    });
    const paged: unknown[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await rig.get(`${BREAKERS}?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      paged.push(...(page.json['breakers'] as Record<string, unknown>[]).map(({ breaker }) => breaker));
      cursor = page.json['cursor'] as string | null;
    }
    expect(paged).toEqual(ids);
  });

  it('are had one by one, by id and by agent', async () => {
    const [byId, byAgent] = [await rig.get(`${BREAKERS}/agent:away`), await rig.get(`${BREAKERS}/away`)];
    expect([byId.json['breaker'], byAgent.json['breaker']]).toEqual(['agent:away', 'agent:away']);
  });

  it('show in the tree and in the metrics', async () => {
    const tree = await rig.get('/api/v1/supervisors');
    expect(tree.text).toContain('"state":"open"');
    const { text } = await rig.get('/metrics');
    expect(text).toMatch(/^troupe_breaker_state\{breaker="agent:away"\} 2$/m);
    expect(text).toMatch(/^troupe_breaker_state\{breaker="agent:present"\} 0$/m);
  });

  it('take tasks on, and fail them with UNAVAILABLE and retryAfterMs when their attempts are used up', async () => {
    const { status, json } = await rig.send('POST', '/api/v1/tasks?wait=10', { agent: 'away' });
    expect(status).toBe(200);
    expect(json).toMatchObject({ status: 'failed', error: { code: 'UNAVAILABLE', retryable: true } });
    expect((json['error'] as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(30_000);
  });

  it('send work that asks for a capability to another agent', async () => {
    await fail('remote');
    const { json } = await rig.send('POST', '/api/v1/tasks?wait=10', { capability: 'talk' });
    expect(json).toMatchObject({ status: 'completed', output: 'instead' });
  });

  it('are closed by hand, and what waited goes on', async () => {
    const graph = {
      name: 'waits',
      version: '1.0.0',
      steps: [{ id: 'talk', agent: 'away', retry: { attempts: 2 } }],
      output: '${steps.talk.output}',
    };
    const task = await rig.submit({ graph });
    await vi.waitFor(async () => expect((await rig.get(`${BREAKERS}/away`)).json['waiting']).toBe(1));
    isBroken = false;
    const { status, json } = await rig.send('POST', `${BREAKERS}/agent:away/reset`);
    expect([status, json['state']]).toEqual([200, 'closed']);
    await vi.waitFor(async () => expect((await rig.get(`/api/v1/tasks/${task}`)).json['status']).toBe('completed'));
    isBroken = true;
  });
});

describe('Breakers over the socket', () => {
  it('turn tell and ask away with UNAVAILABLE and retryAfterMs', async () => {
    const wire = await rig.open();
    const tell = { type: 'agent.tell', agent: 'oracle', key: 'k', event: { type: 'speak' } };
    expect((await wire.request(tell)).type).toBe('ok');
    await vi.waitFor(async () => expect((await rig.get(`${BREAKERS}/oracle`)).json['state']).toBe('open'));
    const ask = { ...tell, type: 'agent.ask', timeoutMs: 1_000 };
    for (const message of [tell, ask]) {
      const answer = await wire.request(message);
      expect(answer).toMatchObject({ type: 'error', code: 'UNAVAILABLE', retryable: true });
      expect(answer['retryAfterMs']).toBeGreaterThan(30_000);
    }
  });
});

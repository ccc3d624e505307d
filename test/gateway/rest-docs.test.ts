import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Rig, startRig } from './rig.ts';

const page = readFileSync(new URL('../../docs/rest.md', import.meta.url), 'utf8');

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => await rig.stop());

describe('docs/rest.md', () => {
  it('shows a request that can be sent, with the answer it says', async () => {
    const [, path = '', body = ''] = /localhost:7600(\S+) [\s\S]*?-d '(.+)'/.exec(page) ?? [];
    const { status, json } = await rig.send('POST', path, body);
    expect({ status, output: json['output'] }).toEqual({ status: 200, output: { text: 'hi' } });
  });

  it('shows an error as it is', async () => {
    const [, example = ''] = /```json\n([\s\S]+?)```/.exec(page) ?? [];
    const { json } = await rig.send('POST', '/api/v1/tasks', { agent: 'lab.ecko' });
    expect(json).toEqual(JSON.parse(example));
  });

  it('names no route that is not there', async () => {
    const { json } = await rig.get('/openapi.json');
    const known = Object.keys(json['paths'] as object);
    const named = [...page.matchAll(/`(?:GET|POST) (\/[^`?]+)/g)].map(([, route]) => route);
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((route) => !known.includes(String(route)))).toEqual([]);
  });
});

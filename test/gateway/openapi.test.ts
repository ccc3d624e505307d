import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Rig, startRig } from './rig.ts';

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
  readonly requestBody?: { readonly required: boolean };
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

let rig: Rig;
let document: Document;
beforeAll(async () => {
  rig = await startRig();
  document = (await rig.get('/openapi.json')).json as unknown as Document;
});
afterAll(async () => await rig.stop());

describe('The OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const outcome = await new Validator().validate(structuredClone(document) as never);
    expect(outcome.errors).toBeUndefined();
    expect(outcome.valid).toBe(true);
    expect(document.openapi).toBe('3.1.0');
  });

  it('has every route that this version answers, and no other', () => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(operations.toSorted()).toEqual(
      [
        'GET /api/v1/state/{scope}',
        'GET /api/v1/state/{scope}/{name}',
        'PUT /api/v1/state/{scope}/{name}',
        'DELETE /api/v1/state/{scope}/{name}',
        'GET /api/v1/state/{scope}/{name}/history',
        'POST /api/v1/state/{scope}/{name}/lease',
        'PUT /api/v1/state/{scope}/{name}/lease',
        'DELETE /api/v1/state/{scope}/{name}/lease',
        'POST /api/v1/plans',
        'GET /api/v1/templates',
        'POST /api/v1/templates',
        'GET /api/v1/templates/{name}',
        'DELETE /api/v1/templates/{name}',
        'GET /api/v1/tasks/{id}/why',
        'GET /api/v1/cache',
        'DELETE /api/v1/cache',
        'POST /api/v1/tasks',
        'GET /api/v1/tasks',
        'GET /api/v1/tasks/{id}',
        'GET /api/v1/tasks/{id}/tree',
        'GET /api/v1/tasks/{id}/events',
        'POST /api/v1/tasks/{id}/cancel',
        'POST /api/v1/tasks/{id}/signals/{name}',
        'GET /api/v1/tasks/{id}/checkpoints',
        'GET /api/v1/tasks/{id}/checkpoints/{checkpoint}',
        'POST /api/v1/tasks/{id}/fork',
        'GET /api/v1/backup',
        'GET /api/v1/agents',
        'GET /api/v1/agents/{name}',
        'POST /api/v1/agents',
        'DELETE /api/v1/agents/{name}',
        'GET /api/v1/workflows',
        'GET /api/v1/workflows/{name}',
        'POST /api/v1/workflows',
        'DELETE /api/v1/workflows/{name}',
        'POST /api/v1/tasks/{id}/migrate',
        'POST /api/v1/topics/{topic}',
        'GET /api/v1/subscriptions',
        'POST /api/v1/subscriptions',
        'GET /api/v1/subscriptions/{name}',
        'PUT /api/v1/subscriptions/{name}',
        'DELETE /api/v1/subscriptions/{name}',
        'GET /api/v1/groups',
        'GET /api/v1/groups/{group}',
        'PUT /api/v1/groups/{group}',
        'DELETE /api/v1/groups/{group}',
        'POST /api/v1/groups/{group}/members',
        'DELETE /api/v1/groups/{group}/members/{agent}/{key}',
        'POST /api/v1/broadcasts',
        'GET /api/v1/dead-letters',
        'GET /api/v1/quarantine',
        'GET /api/v1/quarantine/{id}',
        'PUT /api/v1/quarantine/{id}',
        'DELETE /api/v1/quarantine/{id}',
        'POST /api/v1/quarantine/{id}/replay',
        'GET /api/v1/effects',
        'GET /api/v1/effects/{id}',
        'POST /api/v1/effects/{id}',
        'GET /api/v1/approvals',
        'GET /api/v1/approvals/{id}',
        'POST /api/v1/approvals/{id}',
        'GET /api/v1/schedules',
        'POST /api/v1/schedules',
        'GET /api/v1/schedules/{name}',
        'PUT /api/v1/schedules/{name}',
        'DELETE /api/v1/schedules/{name}',
        'POST /api/v1/schedules/{name}/pause',
        'POST /api/v1/schedules/{name}/resume',
        'POST /api/v1/schedules/{name}/trigger',
        'GET /api/v1/supervisors',
        'GET /api/v1/breakers',
        'GET /api/v1/breakers/{id}',
        'POST /api/v1/breakers/{id}/reset',
        'GET /api/v1/cluster',
        'GET /healthz',
        'GET /readyz',
        'GET /metrics',
      ].toSorted(),
    );
  });

  it('says of each what it is, what it answers, and that errors are problems', () => {
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const { summary, responses } of operations) {
      expect(summary).toBeTruthy();
      expect(responses['default']).toHaveProperty(['content', 'application/problem+json']);
      for (const { description } of Object.values(responses)) expect(description).not.toBe('Default Response');
    }
    expect(document.paths['/api/v1/tasks/{id}/cancel']?.['post']?.requestBody?.required).toBe(false);
    expect(document.paths['/api/v1/tasks']?.['post']?.requestBody?.required).toBe(true);
  });

  it.each([
    ['/api/v1/tasks', /same task/],
    ['/api/v1/topics/{topic}', /topic and data/],
  ])('says what an idempotency key of %s stands for', (path, words) => {
    expect(JSON.stringify(document.paths[path]?.['post'])).toMatch(words);
  });

  it('does not promise that answers never grow, and holds no shape that nothing uses', () => {
    const text = JSON.stringify(document.paths) + JSON.stringify(document.components);
    for (const name of Object.keys(document.components.schemas)) {
      expect(text).toContain(`"#/components/schemas/${name}"`);
      if (!name.endsWith('Input'))
        expect(JSON.stringify(document.components.schemas[name])).not.toContain('"additionalProperties":false');
    }
  });

  it('can be read as pages, with all that they load from here', async () => {
    const page = await rig.get('/docs');
    expect(page).toMatchObject({ status: 200 });
    const links = [...page.text.matchAll(/(?:src|href)="(\/docs\/[^"]+)"/g)].map(([, link]) => String(link));
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) expect(await rig.get(link)).toMatchObject({ status: 200 });
    expect(page.text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect((await rig.get('/docs/json')).json).toMatchObject({ openapi: '3.1.0' });
    expect(await rig.get('/docs/nix')).toMatchObject({
      status: 404,
      json: { code: 'UNKNOWN_TYPE', instance: '/docs/nix' },
    });
    expect((await rig.get('/docs/static/../../package.json')).status).toBe(404);
    expect((await rig.get('/docs/static/..%2f..%2fpackage.json')).status).toBeGreaterThanOrEqual(400);
  });

  it('stands on the first page, among what else there is', async () => {
    const page = await rig.get('/');
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const links = [...page.text.matchAll(/href="([^"]+)"/g)].map(([, link]) => String(link));
    for (const link of links) expect((await rig.get(link)).status).toBe(200);
    expect(links).toContain('/openapi.json');
  });
});

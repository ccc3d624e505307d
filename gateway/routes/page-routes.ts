/** What a browser is shown: a first page with links, and the documentation of the routes. */
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { SECURITY_HEADERS } from '../http-app.ts';
import { type ApiDocs, DOCS_PATH } from '../openapi.ts';

/** Adds `/`, `/openapi.json` and the pages below `/docs`. */
export function registerPages(
  app: FastifyInstance,
  deps: { readonly node: { readonly id: string; readonly version: string }; readonly docs: ApiDocs },
): void {
  const page = frontPage(deps.node.version);
  app.get('/', async (_request, reply) => {
    reply.type('text/html; charset=utf-8').header('Content-Security-Policy', FRONT_POLICY);
    return page;
  });
  app.get('/openapi.json', async () => await deps.docs.document());
  for (const url of [DOCS_PATH, `${DOCS_PATH}/*`]) {
    app.get(url, async (request, reply) => {
      // Its pages say themselves what they may load.
      const { 'Content-Security-Policy': _own, ...headers } = SECURITY_HEADERS;
      reply.hijack();
      for (const [name, value] of Object.entries(headers)) reply.raw.setHeader(name, value);
      await deps.docs.answer(request.raw, reply.raw);
    });
  }
}

const STYLE = [
  'body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;color-scheme:light dark}',
  'li{margin:.4rem 0}code{font-size:.95em}',
].join('');

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');
const FRONT_POLICY = `default-src 'none'; frame-ancestors 'none'; style-src 'sha256-${STYLE_HASH}'`;

function frontPage(version: string): string {
  const links = [
    [DOCS_PATH, 'The REST routes, to read and to try'],
    ['/openapi.json', 'The same for programs (OpenAPI 3.1)'],
    ['/api/v1/agents', 'Agents'],
    ['/api/v1/workflows', 'Workflows'],
    ['/api/v1/tasks', 'Tasks, the newest first'],
    ['/api/v1/supervisors', 'The tree of supervisors'],
    ['/metrics', 'Metrics'],
    ['/readyz', 'Whether the node takes work'],
  ].map(([href = '', text = '']) => `<li><a href="${href}">${text}</a></li>`);
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Troupe</title><style>${STYLE}</style></head>
<body>
<h1>Troupe ${version}</h1>
<p>This node takes tasks over the WebSocket at <code>/ws</code> and over REST.</p>
<ul>
${links.join('\n')}
</ul>
</body>
</html>
`;
}

/** A gateway with a vendor that counts what reaches it, and callers who try what their rules do not allow. */
import { request } from 'node:http'
import type { Rule } from '../../src/access/rules.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Recorded, sendJson, type Upstream } from '../support/upstream.ts'

/** A passthrough by GraphQL. */
export interface Try {
  /** GET and HEAD are asked as a query, all others as a mutation. */
  readonly method?: string
  readonly path: string
  readonly query?: object
  readonly headers?: Readonly<Record<string, unknown>>
  readonly body?: unknown
  readonly options?: object
}

/** A request on the raw route. */
export interface RawTry {
  readonly method?: string
  readonly target: string
  /** Names and values in turn. */
  readonly headers?: readonly string[]
  readonly body?: string
}

/** `sent`, or the code of what refuses it, and how many requests reached a vendor. */
export type Verdict = readonly [verdict: string, reached: number]

export interface Bypass extends AsyncDisposable {
  readonly gateway: TestGateway
  /** The integration `flat` is at its root, `based` below its `/v2`. */
  readonly upstream: Upstream
  /** Another pinned host of `based`. */
  readonly other: Upstream
  /** The first one again, by another name. */
  readonly aliasUrl: string
  readonly connections: Readonly<Record<'flat' | 'based', string>>
  session(rules: readonly Rule[], scopes?: readonly string[]): Promise<string>
  /** Fails when `explain` says something else. */
  attempt(token: string, connectionId: string, asked: Try): Promise<Verdict>
  attemptRaw(token: string, connectionId: string, asked: RawTry): Promise<Verdict>
}

const parameters = '$id: ID!, $path: String!, $query: JSONObject, $headers: JSONObject, $options: PassthroughOptions'
const given = 'connectionId: $id, path: $path, query: $query, headers: $headers, options: $options'
const withBody = (kind: string, field: string, answer: string) =>
  `${kind}($method: HttpMethod!, $body: JSON, ${parameters}) { ${field}(method: $method, body: $body, ${given}) { ${answer} } }`

const read = withBody('query', 'passthrough', 'status')
const write = withBody('mutation', 'passthrough', 'status')
const explain = withBody('query', 'explain', 'allowed refusal { code }')

export async function createBypass(): Promise<Bypass> {
  await using parts = new AsyncDisposableStack()
  const upstream = parts.use(await createUpstream(answer))
  const other = parts.use(await createUpstream())
  const alias = `localhost:${new URL(upstream.url).port}`
  const hosts = [upstream.host, other.host, alias]
  const gateway = parts.use(await createGateway({ allow: hosts }))
  const auth = [{ scheme: 'bearer' }]
  const methodParameters = ['method', 'verb']
  await gateway.createIntegration({ slug: 'flat', name: 'Flat', baseUrl: upstream.url, auth })
  const based = { slug: 'based', name: 'Based', baseUrl: `${upstream.url}/v2`, hosts, auth, methodParameters }
  await gateway.createIntegration(based)
  const connect = (integration: string) =>
    gateway.createConnection({ integration, endUserId: 'ann', credential: { bearer: { token: 'canary' } } })
  const connections = { flat: await connect('flat'), based: await connect('based') }
  const reached = () => upstream.seen.length + other.seen.length
  const owned = parts.move()
  return {
    gateway,
    upstream,
    other,
    aliasUrl: `http://${alias}`,
    connections,
    async session(rules, scopes) {
      const query = 'mutation($i: CreateSessionInput!) { createSession(input: $i) { token } }'
      return (await gateway.ask(query, { i: { endUserId: 'ann', rules, scopes } })).createSession.token
    },
    async attempt(token, id, { method = 'GET', ...asked }) {
      const variables = { id, method, ...asked }
      const explained = await gateway.run(explain, variables, token)
      const before = reached()
      const sent = await gateway.run(method === 'GET' || method === 'HEAD' ? read : write, variables, token)
      const verdict = codeOf(sent) ?? 'sent'
      const foreseen = codeOf(explained) ?? explained.data.explain.refusal?.code ?? 'sent'
      if (foreseen !== verdict) throw new Error(`explain says ${foreseen}, the call ${verdict}: ${sent.text}`)
      return [verdict, reached() - before]
    },
    async attemptRaw(token, id, asked) {
      const before = reached()
      const verdict = await sendRaw(gateway.url, token, { ...asked, target: `/passthrough/${id}${asked.target}` })
      return [verdict, reached() - before]
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** `/to?{path}` redirects there. */
function answer({ url, method }: Recorded, response: Parameters<typeof sendJson>[0]): void {
  const [, location] = /\/to\?(.*)$/.exec(url) ?? []
  if (location === undefined) sendJson(response, { url, method })
  else response.writeHead(302, { location: decodeURIComponent(location) }).end()
}

function codeOf({ errors }: Awaited<ReturnType<TestGateway['run']>>): string | undefined {
  return errors === undefined ? undefined : String(errors[0]?.extensions.code ?? errors[0]?.message)
}

/** By hand: `fetch` would tidy path and headers up. */
async function sendRaw(
  url: string,
  token: string,
  { method = 'GET', target, headers = [], body }: RawTry,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const { host, port } = new URL(url)
  const own = ['host', host, 'authorization', `Bearer ${token}`, 'connection', 'close']
  const sent = request({ host: '127.0.0.1', port, method, path: target, headers: [...own, ...headers] }, response => {
    const chunks: Buffer[] = []
    response.on('data', chunk => chunks.push(chunk))
    response.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      resolve(response.headers['content-type']?.includes('problem') === true ? JSON.parse(text).code : 'sent')
    })
  })
  sent.on('error', reject)
  sent.end(body)
  return await promise
}

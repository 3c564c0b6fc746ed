/** Secrets of every scheme through the whole life of a connection, at a vendor that repeats them: none gets out. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SchemeName, schemeNames } from '../../../src/auth/scheme.ts'
import { createGateway, type TestGateway } from '../../support/gateway.ts'
import { createVisitor, type Page } from '../../support/visitor.ts'
import { createEchoingVendor, type EchoingVendor, moods } from './echoing-vendor.ts'
import { configureClient, erase, readRows, refresh } from './vendor-house.ts'

const tls = (name: string) => readFileSync(join(import.meta.dirname, `../../support/tls/${name}.pem`), 'utf8')
const mtls = { certificate: tls('client-cert'), privateKey: tls('client-key') }
const secretField = { key: { title: 'Key' }, user: { title: 'User', secret: false } }
const later = '2099-01-01T00:00:00Z'

interface Case {
  readonly entry: object
  readonly credential: object
  /** What an end user types. */
  readonly form?: Readonly<Record<string, string>>
}

/** One of each scheme; `URL` is the vendor's. */
const cases: Readonly<Record<SchemeName, Case>> = {
  none: { entry: {}, credential: { none: { ok: true } }, form: {} },
  apiKey: {
    entry: { inject: { headers: { 'x-key': '{apiKey}' }, query: { key: '{apiKey}' } } },
    credential: { apiKey: { key: 'canary-api-key' } },
    form: { key: 'canary-api-key-typed' },
  },
  basic: {
    entry: {},
    credential: { basic: { username: 'ann', password: 'canary-password' } },
    form: { username: 'ann', password: 'canary-password-typed' },
  },
  bearer: { entry: {}, credential: { bearer: { token: 'canary-bearer' } }, form: { token: 'canary-bearer-typed' } },
  oauth2: {
    entry: { authorizationUrl: 'URL/authorize', tokenUrl: 'URL/token', revocationUrl: 'URL/revoke' },
    credential: { oauth2: { accessToken: 'canary-access', refreshToken: 'canary-refresh', expiresAt: later } },
  },
  clientCredentials: {
    entry: { tokenUrl: 'URL/token' },
    credential: { clientCredentials: { clientId: 'c', clientSecret: 'canary-cc-secret' } },
    form: { clientId: 'c', clientSecret: 'canary-cc-typed' },
  },
  twoStep: {
    entry: { tokenUrl: 'URL/token', fields: secretField, tokenParams: { k: '{key}' }, tokenQuery: { q: '{key}' } },
    credential: { twoStep: { fields: { key: 'canary-two-step', user: 'ann' } } },
    form: { key: 'canary-two-step-typed', user: 'ann' },
  },
  jwt: {
    entry: { fields: secretField, algorithm: 'HS256', key: '{key}', claims: { sub: '{user}' } },
    credential: { jwt: { fields: { key: `canary-jwt-${'k'.repeat(32)}`, user: 'ann' } } },
    form: { key: `canary-jwt-typed-${'k'.repeat(32)}`, user: 'ann' },
  },
  jwtBearer: {
    entry: { fields: secretField, algorithm: 'HS256', key: '{key}', tokenUrl: 'URL/token', claims: { sub: '{user}' } },
    credential: { jwtBearer: { fields: { key: `canary-assertion-${'k'.repeat(32)}`, user: 'ann' } } },
    form: { key: `canary-assertion-typed-${'k'.repeat(32)}`, user: 'ann' },
  },
  oauth1: {
    entry: { requestTokenUrl: 'URL/token/1', authorizationUrl: 'URL/authorize', accessTokenUrl: 'URL/token/2' },
    credential: { oauth1: { token: 'canary-one', tokenSecret: 'canary-one-secret' } },
  },
  awsSigV4: {
    entry: { service: 's3', region: 'eu-west-1' },
    credential: { awsSigV4: { accessKeyId: 'AKID', secretAccessKey: 'canary-aws', sessionToken: 'canary-session' } },
    form: { accessKeyId: 'AKID', secretAccessKey: 'canary-aws-typed', sessionToken: 'canary-session-typed' },
  },
  headers: {
    entry: { fields: secretField, inject: { headers: { 'x-one': '{key}', 'x-two': '{user}' } } },
    credential: { headers: { fields: { key: 'canary-header', user: 'ann' } } },
    form: { key: 'canary-header-typed', user: 'ann' },
  },
  mtls: { entry: {}, credential: { mtls }, form: mtls },
}

const pem = mtls.privateKey.split('\n').filter(line => line.length > 40)
/** The word in plain, in base64 at each of its three places, in hex; and the private key's lines. */
const spellings = ['canary', 'Y2FuYXJ5', 'NhbmFye', 'jYW5hcn', '63616e617279', ...pem]

function leaksIn(text: string): string[] {
  return spellings.filter(spelling => (spelling === 'canary' ? text.toLowerCase() : text).includes(spelling))
}

let vendor: EchoingVendor
let gateway: TestGateway
/** All that left: answers and pages. */
const left: { what: string; text: string }[] = []
/** What is a secret although it was given away once: links, states, codes. */
const tickets: string[] = []

const read =
  'query($id: ID!) { passthrough(connectionId: $id, path: "/x", options: {timeoutMs: 300}) { status toCurl attemptLog { reason } } }'
const create = 'mutation($i: CreateConnectionInput!) { createConnection(input: $i) { connection { id } } }'
const verify = 'mutation($id: ID!) { verifyConnection(input: { id: $id }) { outcome message httpStatus } }'
const link = 'mutation($i: CreateConnectSessionInput!) { createConnectSession(input: $i) { url } }'
const all =
  '{ connections(first: 100) { nodes { id config metadata status statusReason account { id name } connectUrl } } }'
const recorded = '{ calls(first: 100) { nodes { id path status errorCode attemptLog { status reason } } } }'

async function run(what: string, query: string, variables: object = {}) {
  const answer = await gateway.run(query, variables)
  left.push({ what, text: answer.text })
  return answer
}

function keep(what: string, page: Page): Page {
  // The state and the link themselves are in addresses, where they belong.
  left.push({ what, text: `${page.status} ${page.html}` })
  return page
}

async function live(scheme: SchemeName): Promise<void> {
  const { credential } = cases[scheme]
  for (const mood of moods) {
    const what = `${scheme}, ${mood}`
    vendor.mood = mood
    await run(what, create, {
      i: { integration: `life-${scheme.toLowerCase()}`, endUserId: `new-${mood}`, credential },
    })
    vendor.mood = 'good'
    const input = { integration: `life-${scheme.toLowerCase()}`, endUserId: `old-${mood}`, credential, verify: false }
    const { data } = await run(what, create, { i: input })
    const { id } = data.createConnection.connection
    vendor.mood = mood
    for (const query of [verify, refresh, read]) await run(what, query, { id })
    // With a token that was given by then.
    vendor.mood = 'good'
    await run(what, read, { id })
    vendor.mood = mood
    for (const query of [read, refresh, verify, erase, erase]) await run(what, query, { id })
  }
}

async function connect(scheme: SchemeName): Promise<void> {
  const integration = `life-${scheme.toLowerCase()}`
  for (const mood of moods) {
    const what = `page of ${scheme}, ${mood}`
    vendor.mood = 'good'
    const { createConnectSession } = await gateway.ask(link, { i: { endUserId: mood, integrations: [integration] } })
    const { url } = createConnectSession
    tickets.push(url.split('/').at(-1))
    const visitor = createVisitor()
    const page = keep(what, await visitor.visit(url))
    vendor.mood = mood
    const typed = Object.entries(cases[scheme].form ?? {}).map(([name, value]) => [`credential.${name}`, value])
    const sent = await visitor.submit(page, { integration, scheme, ...Object.fromEntries(typed) })
    keep(what, sent)
    const state = URL.parse(sent.location ?? '')?.searchParams.get('state')
    if (state == null) continue
    tickets.push(state)
    // One of them stays on its way.
    if (mood === 'away') continue
    const query = new URLSearchParams({ state, code: `canary-code-${mood}`, canary: 'canary-query' })
    keep(what, await visitor.visit(`${gateway.url}oauth/callback?${query}`))
  }
}

beforeAll(async () => {
  vendor = await createEchoingVendor()
  gateway = await createGateway({ allow: [vendor.host] })
  for (const scheme of schemeNames) {
    const slug = `life-${scheme.toLowerCase()}`
    const entry = JSON.parse(JSON.stringify({ scheme, ...cases[scheme].entry }).replaceAll('URL', vendor.url))
    const more = { verify: { path: '/me', account: { id: '$.id' } } }
    await gateway.createIntegration({ slug, name: scheme, baseUrl: vendor.url, auth: [entry], ...more })
    if (scheme.startsWith('oauth')) await configureClient(gateway, slug, { clientSecret: 'canary-of-the-workspace' })
  }
}, 60_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await vendor[Symbol.asyncDispose]()
})

test.each(schemeNames)(
  '%s lives and dies, well and badly',
  async scheme => {
    const count = left.length
    await live(scheme)
    await connect(scheme)
    expect(left.length - count).toBeGreaterThan(100)
  },
  60_000,
)

describe('then', () => {
  test('the vendor has had every secret that is meant for it', () => {
    const told = vendor.seen.map(({ url, headers, text }) => `${url} ${JSON.stringify(headers)} ${text}`).join('\n')
    const basic = (user: string, password: string) => btoa(`${user}:${password}`)
    const missing = [
      ...['canary-api-key', 'canary-api-key-typed', 'canary-bearer', 'canary-bearer-typed', 'canary-refresh'],
      ...[basic('ann', 'canary-password'), basic('client-1', 'canary-of-the-workspace'), basic('c', 'canary-cc-typed')],
      ...[
        'canary-two-step',
        'canary-two-step-typed',
        'canary-session',
        'canary-header',
        'canary-code-plain',
        'canary-one',
      ],
    ].filter(secret => !told.includes(secret))
    expect(missing).toEqual([])
  })

  test('no answer, problem or page has one', async () => {
    for (const query of [all, recorded]) await run('lists', query)
    expect(left.filter(({ text }) => leaksIn(text).length > 0).map(({ what, text }) => [what, leaksIn(text)])).toEqual(
      [],
    )
  })

  test('no log line has one, nor a link, a state or a code', () => {
    const lines = gateway.log().split('\n')
    expect(lines.length).toBeGreaterThan(100)
    expect(lines.filter(line => leaksIn(line).length > 0)).toEqual([])
    expect(tickets.length).toBeGreaterThan(100)
    expect(tickets.filter(ticket => gateway.log().includes(ticket))).toEqual([])
  })

  test('no row of any table has one, nor a link or a state', async () => {
    await gateway.app.flush()
    const tables = await readRows(gateway, "select tablename as name from pg_tables where schemaname = 'public'")
    const filled: string[] = []
    for (const { name = '' } of tables) {
      const texts = (await readRows(gateway, `select t::text as row from ${name} t`)).map(({ row = '' }) => row)
      if (texts.length > 0) filled.push(name)
      expect(texts.filter(text => leaksIn(text).length > 0)).toEqual([])
      expect(texts.filter(text => tickets.some(ticket => text.includes(ticket)))).toEqual([])
    }
    const life = ['connection_deletions', 'connection_events', 'connect_flights', 'connect_sessions', 'token_refreshes']
    expect(filled).toEqual(expect.arrayContaining(['calls', 'connections', 'integrations', ...life]))
  })
})

/** Every entry's credential reaches the vendor where the entry says, and no other part of the request holds any of it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthEntry, injectOf } from '../../src/auth/scheme.ts'
import { parseSingularPath } from '../../src/auth/singular-path.ts'
import { placeholdersOf } from '../../src/auth/template.ts'
import { Catalog } from '../../src/catalog/catalog.ts'
import type { IntegrationDefinition } from '../../src/catalog/entry.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createUpstream, type Recorded, sendJson, type Upstream } from '../support/upstream.ts'
import { newSecret, type SampleCredential, sampleCredential } from './sample-credentials.ts'

const mintedToken = newSecret()
const tokenPath = '/minting/token'
const signed = { oauth1: /^OAuth .*oauth_signature=/, awsSigV4: /^AWS4-HMAC-SHA256 .*Signature=/ } as const

let vendor: Upstream
let gateway: TestGateway

beforeAll(async () => {
  vendor = await createUpstream((request, response) =>
    sendJson(response, answers.get(request.url.split('?')[0] ?? '') ?? {}),
  )
  gateway = await createGateway({ allow: [vendor.host] })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await vendor[Symbol.asyncDispose]()
})

/** What the vendor's token endpoints say, by their address. */
const answers = new Map<string, object>()

const entries = Catalog.load()
  .list()
  .filter(({ slug }) => slug !== 'sandbox')

test.each(entries.map(entry => [entry.slug, entry] as const))('%s', async (slug, entry) => {
  const needsTokenUrl = entry.auth.some(({ scheme }) => /^(?:clientCredentials|twoStep|jwtBearer)$/.test(scheme))
  await gateway.ask(
    'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { id } } }',
    {
      input: {
        slug,
        baseUrl: `${vendor.url}/base`,
        ...(needsTokenUrl && { tokenUrl: `${vendor.url}${tokenPath}/${slug}` }),
      },
    },
  )
  for (const auth of entry.auth) {
    const credential = sampleCredential(auth)
    if (credential === undefined) continue
    answers.set(`${tokenPath}/${slug}`, tokenAnswer(auth))
    const request = await callWith(entry, auth, credential)
    expect([auth.scheme, placesIn(request, credential, auth)]).toEqual([auth.scheme, placesOf(auth, credential)])
    if (auth.scheme === 'oauth1' || auth.scheme === 'awsSigV4')
      expect(request.headers.authorization).toMatch(signed[auth.scheme])
  }
})

/** A write with a JSON body, so that a credential in the body has a body to be in. */
async function callWith(entry: IntegrationDefinition, auth: AuthEntry, { input }: SampleCredential): Promise<Recorded> {
  const config = Object.fromEntries(
    Object.entries(entry.config ?? {}).map(([name, field]) => [name, field.example ?? '']),
  )
  const create = `mutation($input: CreateConnectionInput!) { createConnection(input: $input) { connection { id } } }`
  const account = { integration: entry.slug, endUserId: auth.scheme, config, credential: input, verify: false }
  const { createConnection } = await gateway.ask(create, { input: account })
  const call = `mutation($id: ID!) { passthrough(connectionId: $id, method: POST, path: "/things", body: {own: 1}) { status } }`
  const { passthrough } = await gateway.ask(call, { id: createConnection.connection.id })
  expect(passthrough).toEqual({ status: 200 })
  const request = vendor.seen.at(-1)
  if (request?.url.startsWith('/base/things') !== true) throw new Error(`the last request was to ${request?.url}`)
  return request
}

function tokenAnswer(auth: AuthEntry): object {
  const path = ('tokenAnswer' in auth && auth.tokenAnswer?.accessToken) || '$.access_token'
  const inner = (parseSingularPath(path) ?? []).reduceRight<unknown>(
    (value, step) => (typeof step === 'number' ? [value] : { [step]: value }),
    mintedToken,
  )
  return { token_type: 'bearer', expires_in: 3600, ...(inner as object) }
}

/** Where each secret has to be: `header:name`, `query:name`, `body:name`. */
function placesOf(auth: AuthEntry, { secrets }: SampleCredential): Record<string, string[]> {
  const userPass = 'userPass' in auth && auth.userPass !== undefined ? auth.userPass : '{username}:{password}'
  const named = (template: string) =>
    placeholdersOf(template).flatMap(name => (name === 'basic' ? placeholdersOf(userPass) : [name]))
  const { headers = {}, query = {}, body = {} } = injectOf(auth)
  const templates = Object.entries({ header: headers, query, body }).flatMap(([kind, named]) =>
    Object.entries(named).map(([name, template]) => [`${kind}:${name}`, template] as const),
  )
  const holding = (placeholder: string) =>
    templates.filter(([, template]) => named(template).includes(placeholder)).map(([place]) => place)
  return Object.fromEntries([...Object.keys(secrets), 'accessToken'].map(name => [name, holding(name)]))
}

/** Where each secret is. A token that is signed here is known by its form. */
function placesIn(request: Recorded, { secrets }: SampleCredential, auth: AuthEntry): Record<string, string[]> {
  const texts = textsOf(request)
  const token = auth.scheme === 'jwt' ? /eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/ : (secrets.accessToken ?? mintedToken)
  const holding = (secret: string | RegExp) =>
    texts
      .filter(([, text]) => (typeof secret === 'string' ? text.includes(secret) : secret.test(text)))
      .map(([place]) => place)
  return Object.fromEntries(
    Object.entries({ ...secrets, accessToken: token }).map(([name, secret]) => [name, [...new Set(holding(secret))]]),
  )
}

function textsOf({ url, headers, text }: Recorded): [place: string, text: string][] {
  const { pathname, searchParams } = new URL(url, 'http://vendor')
  const fields = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map(one => [`header:${name}`, decodeBasic(one)]),
  )
  const query = [...searchParams].map(([name, value]) => [`query:${name}`, value])
  const body = Object.entries(JSON.parse(text)).map(([name, value]) => [`body:${name}`, String(value)])
  return [['path', pathname], ...fields, ...query, ...body] as [string, string][]
}

function decodeBasic(value: string): string {
  return value.replace(/^Basic (.+)$/, (_all, encoded) => Buffer.from(encoded, 'base64').toString())
}

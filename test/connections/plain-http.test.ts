/** Plain http towards a host that the operator did not list is refused where an integration is defined, not first in a call. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGateway, type TestGateway } from '../support/gateway.ts'

const stack = new AsyncDisposableStack()
let gateway: TestGateway

const define = 'mutation($d: JSONObject!) { createIntegration(input: {definition: $d}) { integration { id } } }'
const redefine = 'mutation($d: JSONObject!) { updateIntegration(input: {definition: $d}) { integration { id } } }'
const configure = 'mutation($i: ConfigureIntegrationInput!) { configureIntegration(input: $i) { integration { id } } }'
const listed = 'http://127.0.0.1:9999'
const unlisted = 'http://127.0.0.1:9998'
const takes = 'it takes https: plain http goes only to hosts that the operator lists in PASSGATE_EGRESS_ALLOW.'

function definition(slug: string, more: object = {}, auth: object = {}): object {
  const oauth2 = { scheme: 'oauth2', authorizationUrl: `${listed}/a`, tokenUrl: `${listed}/t`, ...auth }
  const config = { tenant: { title: 'Tenant', pattern: '[a-z]+', example: 'acme' } }
  return { slug, name: 'Own', baseUrl: `${listed}/v1`, config, auth: [{ scheme: 'bearer' }, oauth2], ...more }
}

beforeAll(async () => {
  gateway = stack.use(await createGateway({ allow: ['127.0.0.1:9999', 'crm.internal:8080', '10.0.0.0/8'] }))
  await gateway.createIntegration(definition('own'))
})
afterAll(() => stack.disposeAsync())

describe.each([
  ['baseUrl', unlisted, { baseUrl: unlisted }, {}],
  ['baseUrl', 'http://127.0.0.1/{tenant}', { baseUrl: 'http://127.0.0.1/{tenant}' }, {}],
  ['baseUrl', 'http://crm.internal', { baseUrl: 'http://crm.internal' }, {}],
  ['auth.1.authorizationUrl', `${unlisted}/a`, {}, { authorizationUrl: `${unlisted}/a` }],
  ['auth.1.tokenUrl', `${unlisted}/{tenant}/t`, {}, { tokenUrl: `${unlisted}/{tenant}/t` }],
  ['auth.1.refreshUrl', `${unlisted}/r`, {}, { refreshUrl: `${unlisted}/r` }],
  ['auth.1.revocationUrl', 'http://vendor.example/r', {}, { revocationUrl: 'http://vendor.example/r' }],
  ['auth.1.revoke.url', 'http://vendor.example/r', {}, { revoke: { method: 'POST', url: 'http://vendor.example/r' } }],
])('%s %s', (path, url, more, auth) => {
  test.each([
    ['createIntegration', define, 'new'],
    ['updateIntegration', redefine, 'own'],
  ])('is refused by %s', async (_, query, slug) => {
    const { errors } = await gateway.run(query, { d: definition(slug, more, auth) })
    const field = `definition.${path}`
    const message = `${field} got ${JSON.stringify(url)}; ${takes}`
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field, message }] })
    expect(errors?.[0]?.message).toBe(message)
  })
})

test.each(['baseUrl', 'authorizationUrl', 'tokenUrl'])('%s is refused by configureIntegration', async field => {
  const { errors } = await gateway.run(configure, { i: { slug: 'own', [field]: `${unlisted}/x` } })
  const message = `${field} got "${unlisted}/x"; ${takes}`
  expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', details: [{ field, message }] })
  expect((await gateway.run(configure, { i: { slug: 'own', [field]: `${listed}/x` } })).errors).toBeUndefined()
  expect((await gateway.run(configure, { i: { slug: 'own', [field]: null } })).errors).toBeUndefined()
})

test('all wrong addresses are told at once', async () => {
  const wrong = definition('new', { baseUrl: unlisted }, { tokenUrl: `${unlisted}/t` })
  const { errors } = await gateway.run(define, { d: wrong })
  expect(errors?.[0]?.extensions.details).toMatchObject([
    { field: 'definition.baseUrl' },
    { field: 'definition.auth.1.tokenUrl' },
  ])
})

test.each([
  ['a host that is listed', listed, {}],
  ['a name that is listed with its port', 'http://crm.internal:8080', {}],
  ['an address in a network that is listed', 'http://10.1.2.3:81', {}],
  ['https anywhere', 'https://127.0.0.1:1', {}],
  ['a host that only a connection tells', 'http://{tenant}.vendor.example', {}],
  ['a whole URL that only a connection tells', '{tenant}', { config: { tenant: { title: 'URL' } } }],
  ['an issuer, which is a name', listed, {}, { issuer: 'http://vendor.example' }],
])('%s is taken', async (_, baseUrl, more: object, auth?: object) => {
  const slug = `s${crypto.randomUUID()}`
  expect((await gateway.run(define, { d: definition(slug, { baseUrl, ...more }, auth) })).errors).toBeUndefined()
})

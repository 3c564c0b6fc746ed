/** Which authorization server an answer comes from (RFC 9207): what a definition knows of it, and what settings make of that. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseIntegration } from '../../src/catalog/parse.ts'
import { applySettings } from '../../src/catalog/settings.ts'
import { createGateway, type TestGateway } from '../support/gateway.ts'
import { createTokenVendor, type TokenVendor } from '../support/token-vendor.ts'
import { createVisitor } from '../support/visitor.ts'
import { configureClient } from './attacks/vendor-house.ts'

const link = 'mutation($input: CreateConnectSessionInput!) { createConnectSession(input: $input) { url } }'
const own = 'https://one.id.example/realms/one'

let vendor: TokenVendor
let gateway: TestGateway

/** An entry for the vendor, with more of it. */
function define(slug: string, more: object): object {
  const definition = vendor.definition(slug)
  const [entry] = (definition as { auth: object[] }).auth
  const config = { tenant: { title: 'Tenant', pattern: '[a-z]+', example: 'one' } }
  return { ...definition, config, auth: [{ ...entry, ...more }] }
}

beforeAll(async () => {
  vendor = await createTokenVendor()
  gateway = await createGateway({ allow: [vendor.host] })
  const issuer = 'https://{tenant}.id.example/realms/{tenant}'
  await gateway.createIntegration(define('lax', { issuer }))
  await gateway.createIntegration(define('strict', { issuer, sendsIssuer: true }))
  for (const slug of ['lax', 'strict']) await configureClient(gateway, slug)
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await vendor[Symbol.asyncDispose]()
})

async function connect(slug: string, iss: string | undefined): Promise<number> {
  vendor.behaviour.brings = { redirect: iss === undefined ? {} : { iss } }
  const { url } = (await gateway.ask(link, { input: { endUserId: 'ann', integrations: [slug] } })).createConnectSession
  const visitor = createVisitor()
  const form = { integration: slug, scheme: 'oauth2', 'config.tenant': 'one' }
  return (await visitor.follow(await visitor.submit(await visitor.visit(url), form))).status
}

test.each([
  ['lax', own, 200],
  ['lax', undefined, 200],
  ['lax', 'https://two.id.example/realms/two', 400],
  ['lax', 'https://{tenant}.id.example/realms/{tenant}', 400],
  ['strict', own, 200],
  ['strict', undefined, 400],
  ['strict', `${own}/`, 400],
])('at the %s one, %s is answered with %i', async (slug, iss, status) => {
  const before = vendor.requests.length
  expect(await connect(slug, iss)).toBe(status)
  expect(vendor.requests.length - before).toBe(status === 200 ? 1 : 0)
})

describe('a definition', () => {
  const refusal = (more: object) => {
    try {
      return parseIntegration(define('odd', more))
    } catch (error) {
      return error
    }
  }

  test('that says that the issuer is always sent says which', () => {
    const message =
      'definition.auth.0.sendsIssuer got true; it takes a value only beside issuer, which the answers are held against.'
    expect(refusal({ sendsIssuer: true })).toMatchObject({
      code: 'INVALID_INPUT',
      details: [{ field: 'definition.auth.0.sendsIssuer', message }],
    })
  })

  test('names config fields only', () => {
    expect(refusal({ issuer: 'https://{realm}.id.example' })).toMatchObject({
      details: [{ field: 'definition.auth.0.issuer' }],
    })
  })

  test.each([{ authorizationUrl: 'https://other.example/a' }, { tokenUrl: 'https://other.example/t' }])(
    'that is pointed elsewhere with %j no longer knows who answers',
    settings => {
      const definition = parseIntegration(define('moved', { issuer: own, sendsIssuer: true }))
      expect(applySettings(definition, { scopes: ['a'] }).auth[0]).toMatchObject({ issuer: own, sendsIssuer: true })
      const [entry] = applySettings(definition, settings).auth
      expect(entry).not.toHaveProperty('issuer')
      expect(entry).not.toHaveProperty('sendsIssuer')
    },
  )
})

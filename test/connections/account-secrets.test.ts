/** What a vendor tells of an account is kept, unless it repeats what is secret in the credential; what is not secret hides nothing. */
import { describe, expect, test } from 'vitest'
import type { Credential } from '../../src/auth/credential.ts'
import { type AuthEntry, authEntrySchema } from '../../src/auth/scheme.ts'
import { withoutSecrets } from '../../src/connections/verification.ts'
import { createGateway } from '../support/gateway.ts'
import { createUpstream, sendJson } from '../support/upstream.ts'

const told = 'account-4711'
const tokenUrl = 'https://acme.example/token'
const fields = {
  login: { title: 'Login', secret: false },
  password: { title: 'Password' },
  key: { title: 'Key', multiline: true },
}
const inject = { headers: { 'x-key': '{password}' } }
const entries = {
  apiKey: { scheme: 'apiKey', inject: { headers: { 'x-key': '{apiKey}' } } },
  basic: { scheme: 'basic' },
  bearer: { scheme: 'bearer' },
  oauth2: { scheme: 'oauth2', tokenUrl },
  clientCredentials: { scheme: 'clientCredentials', tokenUrl },
  twoStep: { scheme: 'twoStep', fields, tokenUrl },
  jwtBearer: { scheme: 'jwtBearer', fields, tokenUrl, algorithm: 'HS256', key: '{key}', claims: {} },
  oauth1: { scheme: 'oauth1' },
  awsSigV4: { scheme: 'awsSigV4', service: 's3', region: 'eu-west-1' },
  headers: { scheme: 'headers', fields, inject },
  mtls: { scheme: 'mtls' },
} as const

const entryOf = (scheme: keyof typeof entries): AuthEntry => authEntrySchema.parse(entries[scheme])

function idBeside(credential: Credential, id = told): string | null | undefined {
  const account = { id, name: null, email: null, url: null }
  return withoutSecrets(account, credential, entryOf(credential.scheme as keyof typeof entries))?.id
}

describe('an id is kept that is', () => {
  test.each<[string, Credential]>([
    ['the client id', { scheme: 'clientCredentials', clientId: told, clientSecret: 'canary-secret' }],
    ['the user name', { scheme: 'basic', username: told, password: 'canary-secret' }],
    ['the key id', { scheme: 'awsSigV4', accessKeyId: told, secretAccessKey: 'canary-secret' }],
    ['the consumer key', { scheme: 'oauth1', token: 'canary-t', tokenSecret: 'canary-s', consumerKey: told }],
    ['in the certificate', { scheme: 'mtls', certificate: `CN=${told}`, privateKey: 'canary-secret' }],
    ['a scope', { scheme: 'oauth2', accessToken: 'canary-secret', scopes: [told] }],
    ['a time', { scheme: 'oauth2', accessToken: 'canary-secret', expiresAt: told }],
    ['a field that is not secret', { scheme: 'twoStep', fields: { login: told, password: 'canary-secret' } }],
    ['such a field of headers', { scheme: 'headers', fields: { login: told, password: 'canary-secret' } }],
    ['such a field of a signed token', { scheme: 'jwtBearer', fields: { login: told, key: 'canary-secret' } }],
  ])('%s', (_case, credential) => {
    expect(idBeside(credential)).toBe(told)
  })
})

describe('an id is hidden that holds', () => {
  test.each<[string, Credential]>([
    ['the key', { scheme: 'apiKey', key: told }],
    ['the token', { scheme: 'bearer', token: told }],
    ['the client secret', { scheme: 'clientCredentials', clientId: 'client-1', clientSecret: told }],
    ['the token that was minted', { scheme: 'twoStep', fields: {}, minted: { accessToken: told } }],
    ['the password', { scheme: 'basic', username: 'ann', password: told }],
    ['a user name without a password', { scheme: 'basic', username: told, password: '' }],
    ['the refresh token', { scheme: 'oauth2', accessToken: 'canary-secret', refreshToken: told }],
    ['the token secret', { scheme: 'oauth1', token: 'canary-t', tokenSecret: told }],
    ['the session token', { scheme: 'awsSigV4', accessKeyId: 'a', secretAccessKey: 'canary-s', sessionToken: told }],
    ['the passphrase', { scheme: 'mtls', certificate: 'c', privateKey: 'canary-secret', passphrase: told }],
    ['a secret field', { scheme: 'twoStep', fields: { login: 'ann', password: told } }],
    ['a field that the entry no longer names', { scheme: 'headers', fields: { gone: told } }],
  ])('%s', (_case, credential) => {
    expect(idBeside(credential, `id ${told}`)).toBeNull()
  })

  test('what is both a secret and not', () => {
    expect(idBeside({ scheme: 'clientCredentials', clientId: told, clientSecret: told })).toBeNull()
  })
})

test('through the gateway, an id that is the config value and the login is kept', async () => {
  await using vendor = await createUpstream((request, response) =>
    sendJson(response, { id: request.headers['x-login'], name: request.headers['x-password'] }),
  )
  await using gateway = await createGateway({ allow: [vendor.host] })
  await gateway.createIntegration({
    slug: 'acme',
    name: 'Acme',
    baseUrl: `${vendor.url}/{tenant}`,
    config: { tenant: { title: 'Tenant', pattern: '[a-z0-9-]+', example: 'one' } },
    auth: [{ scheme: 'headers', fields, inject: { headers: { 'x-login': '{login}', 'x-password': '{password}' } } }],
    verify: { path: '/me', account: { id: '$.id', name: '$.name' } },
  })
  const given = { login: told, password: 'canary-password', key: 'canary-key' }
  const id = await gateway.createConnection({
    integration: 'acme',
    endUserId: 'ann',
    config: { tenant: told },
    credential: { headers: { fields: given } },
  })
  const kept = { id: told, name: null }
  expect(
    (await gateway.ask('query($id: ID!) { connection(id: $id) { account { id name } } }', { id })).connection,
  ).toEqual({ account: kept })
  const verify = 'mutation($id: ID!) { verifyConnection(input: {id: $id}) { connection { account { id name } } } }'
  expect((await gateway.ask(verify, { id })).verifyConnection.connection.account).toEqual(kept)
})

/** A JWT is verified with the other half of its key, whatever shape the key came in, and a wrong key is refused unseen. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { decodeProtectedHeader, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { type JwtAlgorithm, type JwtOptions, signJwt } from '../../src/auth/signed-jwt.ts'
import { GatewayError } from '../../src/errors.ts'

const nowMs = Date.UTC(2026, 1, 3, 4, 5, 6, 789)
const nowSeconds = Math.floor(nowMs / 1000)
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const ed25519 = generateKeyPairSync('ed25519')
const secret = randomBytes(64)
const claims = { iss: 'client', aud: ['a', 'b'], nested: { n: 1 } }

describe('each algorithm', () => {
  it.each(['HS256', 'HS384', 'HS512'] as const)('%s with a shared secret in each encoding', async algorithm => {
    const spellings = [
      { key: secret.toString('hex'), keyEncoding: 'hex' },
      { key: secret.toString('hex').toUpperCase(), keyEncoding: 'hex' },
      { key: secret.toString('base64'), keyEncoding: 'base64' },
      { key: secret.toString('base64url'), keyEncoding: 'base64' },
    ] as const
    for (const spelling of spellings) await expectVerified({ algorithm, ...spelling }, secret)
    await expectVerified({ algorithm, key: 'pässword' }, Buffer.from('pässword'))
  })

  it.each([
    ['RS256', rsa],
    ['RS384', rsa],
    ['RS512', rsa],
    ['PS256', rsa],
    ['ES256', p256],
    ['ES384', p384],
    ['EdDSA', ed25519],
  ] as const)('%s with a private key', async (algorithm, { privateKey, publicKey }) => {
    await expectVerified({ algorithm, key: pkcs8(privateKey) }, publicKey)
  })
})

describe('a private key', () => {
  const sec1 = p256.privateKey.export({ type: 'sec1', format: 'pem' }).toString()
  const pkcs1 = rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()

  it.each([
    ['PKCS#1', 'RS256', pkcs1, rsa.publicKey],
    ['SEC 1', 'ES256', sec1, p256.publicKey],
    [
      'SEC 1 behind its parameters',
      'ES256',
      `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${sec1}`,
      p256.publicKey,
    ],
    ['PKCS#8 with \\n for line breaks', 'RS256', pkcs8(rsa.privateKey).replaceAll('\n', '\\n'), rsa.publicKey],
    ['PKCS#1 with \\r\\n for line breaks', 'RS256', pkcs1.replaceAll('\n', '\\r\\n'), rsa.publicKey],
    ['PKCS#8 with CRLF', 'EdDSA', pkcs8(ed25519.privateKey).replaceAll('\n', '\r\n'), ed25519.publicKey],
    ['PKCS#8 with blanks for line breaks', 'RS256', pkcs8(rsa.privateKey).replaceAll('\n', ' '), rsa.publicKey],
    ['PKCS#8 in one line, indented', 'RS256', `  ${pkcs8(rsa.privateKey).replaceAll('\n', '')}`, rsa.publicKey],
  ] as const)('is read as %s', async (_, algorithm, key, publicKey) => {
    await expectVerified({ algorithm, key }, publicKey)
  })

  const small = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const encrypted = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'p' } as const
  const spki = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()

  it.each([
    ['RS256', 'an elliptic-curve key', pkcs8(p256.privateKey), 'an RSA key of at least 2048 bits'],
    ['PS256', 'a short RSA key', pkcs8(small.privateKey), 'an RSA key of at least 2048 bits'],
    ['ES256', 'a key on another curve', pkcs8(p384.privateKey), 'an elliptic-curve key on P-256'],
    ['ES384', 'an RSA key', pkcs8(rsa.privateKey), 'an elliptic-curve key on P-384'],
    ['EdDSA', 'an X25519 key', pkcs8(generateKeyPairSync('x25519').privateKey), 'an Ed25519 key'],
    ['RS256', 'a public key', spki, 'not an unencrypted private key in PEM'],
    ['RS256', 'an encrypted key', rsa.privateKey.export(encrypted).toString(), 'not an unencrypted private key in PEM'],
    [
      'RS256',
      'an encrypted key of old',
      rsa.privateKey.export({ ...encrypted, type: 'pkcs1' }).toString(),
      'not an unencrypted private key in PEM',
    ],
    ['RS256', 'a text', 'CANARY', 'not an unencrypted private key in PEM'],
    ['RS256', 'a torn key', pkcs8(rsa.privateKey).slice(0, 300), 'not an unencrypted private key in PEM'],
    ['HS256', 'a private key as a shared secret', pkcs8(rsa.privateKey), 'a shared secret and no PEM key'],
    ['HS256', 'a public key as a shared secret', spki, 'a shared secret and no PEM key'],
    ['HS256', 'no secret', '', 'a shared secret written as text'],
  ] as const)('for %s is refused as %s, unseen', async (algorithm, _, key, sentence) => {
    await expectRefused({ algorithm, key }, 'credential', sentence)
  })
})

describe('a shared secret', () => {
  it.each([
    ['hex', 'CANARYxyz'],
    ['hex', 'abc'],
    ['base64', 'CANARY secret!'],
    ['base64', `${'a'.repeat(5000)}!`],
  ] as const)('that is no %s is refused, unseen: %s', async (keyEncoding, key) => {
    await expectRefused({ algorithm: 'HS256', key, keyEncoding }, 'credential', `written as ${keyEncoding}`)
  })
})

describe('times', () => {
  it.each([
    [3600, 30],
    [300, 30],
    [60, 30],
    [10, 5],
    [1, 0],
  ])('of a token for %s s begin %s s back and end that much earlier', async (lifetimeSeconds, back) => {
    const { token, expiresAt } = await sign({ lifetimeSeconds })
    const { payload } = await jwtVerify(token, secret, { currentDate: new Date(nowMs) })
    expect(payload).toMatchObject({ iat: nowSeconds - back, exp: nowSeconds - back + lifetimeSeconds })
    expect(expiresAt).toEqual(new Date((nowSeconds - back + lifetimeSeconds) * 1000))
  })

  it('are never those of the claims', async () => {
    const { token } = await sign({ claims: { iat: 1, exp: 9_999_999_999, nbf: nowSeconds } })
    const { payload } = await jwtVerify(token, secret, { currentDate: new Date(nowMs) })
    expect(payload).toEqual({ iat: nowSeconds - 30, exp: nowSeconds + 270, nbf: nowSeconds })
  })
})

describe('the header', () => {
  it('takes more parameters, but no other algorithm', async () => {
    const { token } = await sign({ header: { kid: 'k1', typ: 'at+jwt', alg: 'none' } })
    expect(decodeProtectedHeader(token)).toEqual({ kid: 'k1', typ: 'at+jwt', alg: 'HS256' })
    expect(decodeProtectedHeader((await sign({})).token)).toEqual({ typ: 'JWT', alg: 'HS256' })
  })

  it.each(['crit', 'b64'])('refuses %s', async name => {
    await expectRefused({ header: { [name]: 'exp' } }, 'jwtHeader', 'crit and b64 cannot be set')
  })
})

function sign(given: Partial<JwtOptions>) {
  const plain = {
    algorithm: 'HS256',
    key: secret.toString('hex'),
    keyEncoding: 'hex',
    claims,
    lifetimeSeconds: 300,
  } as const
  return signJwt({ ...plain, ...given }, nowMs)
}

async function expectVerified(given: Partial<JwtOptions> & { algorithm: JwtAlgorithm }, key: KeyObject | Uint8Array) {
  const { token } = await sign({ keyEncoding: 'text', ...given })
  const { payload } = await jwtVerify(token, key, { algorithms: [given.algorithm], currentDate: new Date(nowMs) })
  expect(payload).toEqual({ ...claims, iat: nowSeconds - 30, exp: nowSeconds + 270 })
}

async function expectRefused(given: Partial<JwtOptions>, field: string, sentence: string) {
  const error = await sign(given.key === undefined ? given : { keyEncoding: 'text', ...given }).catch(
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof GatewayError)) throw error
  expect([error.code, error.details?.map(detail => detail.field), error.cause]).toEqual([
    'INVALID_INPUT',
    [field],
    undefined,
  ])
  expect(error.message).toContain(sentence)
  const secretPart = given.key?.replaceAll(/-----[^-]*-----|\s/g, '').slice(0, 12)
  expect(`${error.stack}`).not.toContain(secretPart || 'CANARY')
}

function pkcs8(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** What is sealed is checked when it comes in and when it is opened, and a refusal never repeats a secret. */
import { describe, expect, it } from 'vitest'
import { parseCredential } from '../../src/auth/credential.ts'
import { refusal } from './refusal.ts'

const canary = 'canary-secret'

describe('parseCredential', () => {
  it.each([
    { scheme: 'none' },
    { scheme: 'apiKey', key: 'k' },
    { scheme: 'basic', username: 'u', password: '' },
    { scheme: 'bearer', token: 'ü'.repeat(16_384) },
    { scheme: 'oauth2', accessToken: 'a' },
    { scheme: 'oauth2', accessToken: 'a', refreshToken: 'r', expiresAt: '2030-01-31T12:00:00+02:00', scopes: ['x'] },
  ])('takes $scheme as it is', credential => {
    expect(parseCredential(credential)).toEqual(credential)
  })

  const takes = '1 to 16384 characters without control characters'
  it.each([
    [{ scheme: 'apiKey', key: '' }, 'credential.apiKey.key', `takes ${takes}.`],
    [{ scheme: 'apiKey' }, 'credential.apiKey.key', `takes ${takes}.`],
    [{ scheme: 'apiKey', key: 7 }, 'credential.apiKey.key', `takes ${takes}.`],
    [{ scheme: 'apiKey', key: `${canary}\r\nx: y` }, 'credential.apiKey.key', `takes ${takes}.`],
    [{ scheme: 'bearer', token: `${canary}\u0085` }, 'credential.bearer.token', `takes ${takes}.`],
    [{ scheme: 'bearer', token: `${canary}\ud800` }, 'credential.bearer.token', `takes ${takes}.`],
    [{ scheme: 'bearer', token: canary.repeat(2000) }, 'credential.bearer.token', `takes ${takes}.`],
    [{ scheme: 'basic', username: '', password: canary }, 'credential.basic.username', `takes ${takes}.`],
    [
      { scheme: 'basic', username: 'u', password: `${canary}\0` },
      'credential.basic.password',
      'takes 0 to 16384 characters without control characters.',
    ],
    [
      { scheme: 'oauth2', accessToken: canary, expiresAt: 'tomorrow' },
      'credential.oauth2.expiresAt',
      'takes a date and time such as 2030-01-31T12:00:00Z.',
    ],
    [{ scheme: 'none', key: canary }, 'credential.none.key', 'is not a field of a credential.'],
  ])('refuses %o', (credential, field, rest) => {
    const error = refusal(() => parseCredential(credential))
    expect(error.code).toBe('INVALID_INPUT')
    expect(error.message).toBe(`${field} ${rest}`)
    expect(error.details).toEqual([{ field, message: `${field} ${rest}` }])
    expect(JSON.stringify(error)).not.toContain(canary)
  })

  it.each([null, 'text', [], {}, { scheme: 'digest', key: canary }, { scheme: canary }])(
    'refuses %o as a credential',
    value => {
      const error = refusal(() => parseCredential(value))
      expect(error.code).toBe('INVALID_INPUT')
      expect(error.message).toMatch(
        /^credential(?:\.scheme)? takes an object whose scheme is one of none, apiKey, basic, .*, headers, mtls\.$/,
      )
    },
  )
})

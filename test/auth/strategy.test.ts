/** Each strategy puts the credential exactly where the entry says, and nowhere else. */
import { describe, expect, it } from 'vitest'
import type { Credential } from '../../src/auth/credential.ts'
import { type AuthEntry, authEntrySchema } from '../../src/auth/scheme.ts'
import { createStrategy, injectedNames } from '../../src/auth/strategy.ts'
import { refusal } from './refusal.ts'

const empty = { headers: {}, query: {}, body: {} }
const context = { config: {} }
const base64 = (text: string) => Buffer.from(text).toString('base64')

function entry(input: unknown): AuthEntry {
  return authEntrySchema.parse(input)
}

const apiKey: Credential = { scheme: 'apiKey', key: 'k-1' }
const basic: Credential = { scheme: 'basic', username: 'me', password: 'pä:ss' }
const bearer: Credential = { scheme: 'bearer', token: 't-1' }
const oauth2: Credential = { scheme: 'oauth2', accessToken: 'a-1', refreshToken: 'r-1' }

describe('strategies', () => {
  it.each<[string, unknown, Credential, object]>([
    ['none adds nothing', { scheme: 'none' }, { scheme: 'none' }, empty],
    [
      'a key in a header, its name in lower case',
      { scheme: 'apiKey', inject: { headers: { 'X-Api-Key': '{apiKey}' } } },
      apiKey,
      { ...empty, headers: { 'x-api-key': 'k-1' } },
    ],
    [
      'a key in header, query and body at once',
      {
        scheme: 'apiKey',
        inject: { headers: { a: 'Key {apiKey}' }, query: { b: '{apiKey}' }, body: { c: 'x{apiKey}y' } },
      },
      apiKey,
      { headers: { a: 'Key k-1' }, query: { b: 'k-1' }, body: { c: 'xk-1y' } },
    ],
    [
      'a key as the password of HTTP Basic',
      { scheme: 'apiKey', userPass: 'passgate:{apiKey}', inject: { headers: { authorization: 'Basic {basic}' } } },
      apiKey,
      { ...empty, headers: { authorization: `Basic ${base64('passgate:k-1')}` } },
    ],
    [
      'basic in UTF-8',
      { scheme: 'basic' },
      basic,
      { ...empty, headers: { authorization: `Basic ${base64('me:pä:ss')}` } },
    ],
    [
      'basic with its own user and password',
      { scheme: 'basic', userPass: '{username}/token:{password}' },
      basic,
      { ...empty, headers: { authorization: `Basic ${base64('me/token:pä:ss')}` } },
    ],
    [
      'basic in the query',
      { scheme: 'basic', inject: { query: { key: '{username}', token: '{password}' } } },
      basic,
      { ...empty, query: { key: 'me', token: 'pä:ss' } },
    ],
    ['bearer', { scheme: 'bearer' }, bearer, { ...empty, headers: { authorization: 'Bearer t-1' } }],
    [
      'bearer elsewhere',
      { scheme: 'bearer', inject: { headers: { 'x-shopify-access-token': '{accessToken}' } } },
      bearer,
      { ...empty, headers: { 'x-shopify-access-token': 't-1' } },
    ],
    ['oauth2', { scheme: 'oauth2' }, oauth2, { ...empty, headers: { authorization: 'Bearer a-1' } }],
    [
      'a token as the password of HTTP Basic',
      { scheme: 'oauth2', userPass: 'x:{accessToken}', inject: { headers: { authorization: 'Basic {basic}' } } },
      oauth2,
      { ...empty, headers: { authorization: `Basic ${base64('x:a-1')}` } },
    ],
  ])('%s', (_, input, credential, injection) => {
    expect(createStrategy(entry(input))(credential, context)).toEqual(injection)
  })

  it.each([
    { scheme: 'none' },
    { scheme: 'apiKey', inject: { query: { k: '{apiKey}' } } },
    { scheme: 'basic' },
    { scheme: 'bearer' },
    { scheme: 'oauth2' },
  ])('$scheme refuses the credentials of other schemes without showing them', input => {
    const strategy = createStrategy(entry(input))
    for (const credential of [apiKey, basic, bearer, oauth2].filter(({ scheme }) => scheme !== input.scheme)) {
      expect(() => strategy(credential, context)).toThrow(
        new TypeError(`The strategy is for ${input.scheme} credentials, this one is ${credential.scheme}.`),
      )
    }
  })

  it('fills a credential that looks like a template in as it is', () => {
    const strategy = createStrategy(
      entry({ scheme: 'basic', inject: { headers: { a: '{username}', b: '{password}' } } }),
    )
    const credential: Credential = { scheme: 'basic', username: '{password}', password: '{username}$&' }
    expect(strategy(credential, context).headers).toEqual({ a: '{password}', b: '{username}$&' })
  })

  it.each([
    'canary\r\nx: y',
    'canary\n',
    'canary\0',
    'canary\u007f',
    'canary\u0085',
    'canary €',
    ' canary',
    'canary ',
    '',
  ])('refuses %j in a header and does not show it', key => {
    const strategy = createStrategy(entry({ scheme: 'apiKey', inject: { headers: { 'x-key': '{apiKey}' } } }))
    const error = refusal(() => strategy({ scheme: 'apiKey', key }, context))
    expect(error.code).toBe('INVALID_INPUT')
    expect(error.message).toBe('The credential has characters that cannot be sent in the header x-key.')
    expect(error.details).toEqual([{ field: 'credential', message: error.message }])
    expect(JSON.stringify(error)).not.toContain('canary')
  })

  it.each([
    ['query', 'query parameter'],
    ['body', 'body field'],
  ])('refuses control characters in the %s', (place, words) => {
    const strategy = createStrategy(entry({ scheme: 'apiKey', inject: { [place]: { k: '{apiKey}' } } }))
    expect(strategy({ scheme: 'apiKey', key: 'ü €' }, context)).toEqual({ ...empty, [place]: { k: 'ü €' } })
    const error = refusal(() => strategy({ scheme: 'apiKey', key: 'canary\n' }, context))
    expect(error.message).toBe(`The credential has characters that cannot be sent in the ${words} k.`)
  })

  it('refuses a colon in the user name of HTTP Basic, where it would move into the password', () => {
    const error = refusal(() =>
      createStrategy(entry({ scheme: 'basic' }))({ scheme: 'basic', username: 'a:b', password: 'c' }, context),
    )
    expect(error.code).toBe('INVALID_INPUT')
    expect(error.message).toBe('A user name for HTTP Basic takes no colon.')
    const elsewhere = createStrategy(
      entry({ scheme: 'basic', inject: { query: { u: '{username}', p: '{password}' } } }),
    )
    expect(elsewhere({ scheme: 'basic', username: 'a:b', password: 'c' }, context).query).toEqual({ u: 'a:b', p: 'c' })
  })
})

describe('injectedNames', () => {
  it('knows the defaults', () => {
    expect(injectedNames({ scheme: 'none' })).toEqual({ headers: [], query: [], body: [] })
    expect(injectedNames({ scheme: 'basic' })).toEqual({ headers: ['authorization'], query: [], body: [] })
    expect(injectedNames({ scheme: 'oauth2' })).toEqual({ headers: ['authorization'], query: [], body: [] })
  })

  it('names what the entry names, header names in lower case', () => {
    const inject = { headers: { 'X-A': '{apiKey}' }, query: { Q: '{apiKey}' }, body: { b: '{apiKey}' } }
    expect(injectedNames(entry({ scheme: 'apiKey', inject }))).toEqual({ headers: ['x-a'], query: ['Q'], body: ['b'] })
  })
})

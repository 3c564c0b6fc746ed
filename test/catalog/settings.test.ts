/** A workspace's settings replace what they name, and the result is as valid as any definition. */
import { describe, expect, it } from 'vitest'
import { parseIntegration } from '../../src/catalog/parse.ts'
import { applySettings, type IntegrationSettings } from '../../src/catalog/settings.ts'
import { configFields, parseConfig, resolveTarget } from '../../src/catalog/target.ts'
import { refusal } from '../auth/refusal.ts'
import { definition } from './definition.ts'

const acme = parseIntegration(
  definition({
    baseUrl: 'https://{dc}.acme.example',
    hosts: ['{dc}.acme.example', 'files.acme.example'],
    config: { dc: { title: 'DC', example: 'us1' } },
    auth: [
      { scheme: 'bearer' },
      {
        scheme: 'oauth2',
        authorizationUrl: 'https://acme.example/a',
        tokenUrl: 'https://acme.example/t',
        scopes: ['read'],
      },
    ],
  }),
)
const keyOnly = parseIntegration(definition())

describe('applySettings', () => {
  it.each<IntegrationSettings>([
    {},
    { baseUrl: null, hosts: null, authorizationUrl: null, tokenUrl: null, scopes: null },
    { baseUrl: undefined, scopes: undefined },
  ])('keeps the definition with %o', settings => {
    expect(applySettings(acme, settings)).toBe(acme)
  })

  it('moves the base URL and with it the pins', () => {
    const moved = applySettings(acme, { baseUrl: 'http://127.0.0.1:8080/mock' })
    expect(moved.hosts).toBeUndefined()
    expect(configFields(moved)).toEqual([])
    expect(parseConfig(moved, undefined)).toEqual({})
    const target = resolveTarget(moved, { dc: 'us1' })
    expect([target.baseUrl.href, ...target.hosts]).toEqual(['http://127.0.0.1:8080/mock', '127.0.0.1:8080'])
    expect(acme.hosts).toEqual(['{dc}.acme.example', 'files.acme.example'])
  })

  it('takes hosts with the base URL, alone, and with placeholders', () => {
    expect(applySettings(acme, { baseUrl: 'https://a.example', hosts: ['*.b.example', 'a.example'] }).hosts).toEqual([
      '*.b.example',
      'a.example',
    ])
    expect(applySettings(acme, { hosts: ['{dc}.acme.example'] }).hosts).toEqual(['{dc}.acme.example'])
  })

  it('gives the OAuth settings to the oauth2 entry only', () => {
    const changed = applySettings(acme, {
      authorizationUrl: 'https://x.example/a',
      tokenUrl: 'https://x.example/t',
      scopes: [],
    })
    expect(changed.auth).toEqual([
      { scheme: 'bearer' },
      { scheme: 'oauth2', authorizationUrl: 'https://x.example/a', tokenUrl: 'https://x.example/t', scopes: [] },
    ])
    expect(changed.hosts).toEqual(acme.hosts)
  })

  it.each([
    ['follow end users in their scopes where they take the same', ['read'], ['write']],
    ['keep their own scopes where they take others', ['.default'], ['.default']],
  ])('has clients %s', (_, own, expected) => {
    const client = { scheme: 'clientCredentials', tokenUrl: 'https://acme.example/t', scopes: own }
    const both = parseIntegration({ ...acme, auth: [...acme.auth, client] })
    const changed = applySettings(both, { scopes: ['write'] })
    expect(changed.auth.slice(1)).toMatchObject([{ scopes: ['write'] }, { scopes: expected }])
    const alone = parseIntegration({ ...acme, auth: [client] })
    expect(applySettings(alone, { scopes: ['write'] }).auth).toMatchObject([{ scopes: ['write'] }])
  })

  it('ignores what belongs to others in the same column', () => {
    const stored = { oauthClientId: 'x', scopes: ['write'] }
    expect(applySettings(acme, stored).auth[1]).toMatchObject({ scopes: ['write'], tokenUrl: 'https://acme.example/t' })
  })

  it.each<[IntegrationSettings, string, RegExp]>([
    [{ baseUrl: 'gopher://x' }, 'baseUrl', /^baseUrl got "gopher:\/\/x"; it takes https:\/\/host\/path /],
    [{ baseUrl: '' }, 'baseUrl', /^baseUrl got ""; it takes /],
    [{ baseUrl: 'https://{x}.example' }, 'baseUrl', /: \{x\} is none\.$/],
    [
      { baseUrl: 'https://a.example', hosts: ['b.example'] },
      'hosts',
      /^hosts got \["b\.example"\]; it takes patterns that cover /,
    ],
    [{ hosts: [] }, 'hosts', /^hosts got \[\]; it takes at least one host\.$/],
    [
      { hosts: ['https://a.example'] },
      'hosts.0',
      /^hosts\.0 got "https:\/\/a\.example"; it takes a host name, host:port or /,
    ],
    [{ hosts: ['*'] }, 'hosts.0', /^hosts\.0 got "\*"; /],
    [{ hosts: ['*.com'] }, 'hosts.0', /^hosts\.0 got "\*\.com"; /],
    [{ tokenUrl: 'x' }, 'tokenUrl', /^tokenUrl got "x"; it takes an http\(s\) URL without fragment, /],
    [{ authorizationUrl: 'javascript:x' }, 'authorizationUrl', /^authorizationUrl got "javascript:x"; /],
    [{ scopes: ['a b'] }, 'scopes.0', /^scopes\.0 got "a b"; it takes a scope: visible ASCII /],
  ])('refuses %o', (settings, field, message) => {
    const error = refusal(() => applySettings(acme, settings))
    expect(error.code).toBe('INVALID_INPUT')
    expect(error.details?.map(detail => detail.field)).toEqual([field])
    expect(error.message).toMatch(message)
  })

  it('refuses OAuth settings where there is no OAuth', () => {
    const error = refusal(() => applySettings(keyOnly, { tokenUrl: 'https://a.example', scopes: ['x'] }))
    expect(error.code).toBe('INVALID_INPUT')
    expect(error.details).toEqual([
      { field: 'tokenUrl', message: 'tokenUrl is of no use here: Acme takes bearer.' },
      { field: 'scopes', message: 'scopes is of no use here: Acme takes bearer.' },
    ])
  })
})

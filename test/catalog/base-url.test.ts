/** A base URL is written as a URL parser would print it, so that nobody reads another host in it. */
import { describe, expect, it } from 'vitest'
import { parseIntegration } from '../../src/catalog/parse.ts'
import { refusal } from '../auth/refusal.ts'
import { definition } from './definition.ts'

const baseUrlTakes =
  'https://host/path in plain ASCII without user, query or fragment, with {config} placeholders, or {config} alone before the path'

function detailsOf(changes: Record<string, unknown>) {
  const error = refusal(() => parseIntegration(definition(changes)))
  expect(error.code).toBe('INVALID_INPUT')
  return error.details ?? []
}

describe('baseUrl', () => {
  it.each([
    'api.acme.example',
    'ftp://api.acme.example',
    'HTTPS://api.acme.example',
    'https://user:pass@api.acme.example',
    'https://api.acme.example?x=1',
    'https://api.acme.example/#x',
    'https://api.acme.example/a b',
    'https://api.acme.example\\evil.example',
    'https://api.acme.example/a\\b',
    'https:///api.acme.example',
    'https://аpi.acme.example',
    '{a}.acme.example',
    '{a}{b}',
    'https://',
    '',
  ])('refuses the base URL %j', baseUrl => {
    const config = { a: { title: 'A' }, b: { title: 'B' } }
    const message = `definition.baseUrl got ${JSON.stringify(baseUrl)}; it takes ${baseUrlTakes}.`
    expect(detailsOf({ baseUrl, config })).toEqual([{ field: 'definition.baseUrl', message }])
  })

  it.each([
    'https://api.acme.example/v1/../v2',
    'https://api.acme.example/%2e%2e/x',
    'https://API.acme.example/{',
    'https://0x7f.1',
    'https://2130706433',
    'https://[::0001]',
    'https://api.acme.example:99999',
  ])('refuses the base URL %j, which a parser would spell differently', baseUrl => {
    const message = `definition.baseUrl got ${JSON.stringify(baseUrl)}; it takes ${baseUrlTakes}; with examples filled in it has to be a URL in its usual spelling.`
    expect(detailsOf({ baseUrl })).toEqual([{ field: 'definition.baseUrl', message }])
  })

  it.each([
    'http://127.0.0.1:8080',
    'http://[::1]:8080/x',
    'https://api.acme.example:443',
    'https://API.acme.example/v2/',
  ])('takes the base URL %s', baseUrl => {
    expect(parseIntegration(definition({ baseUrl })).baseUrl).toBe(baseUrl)
  })
})

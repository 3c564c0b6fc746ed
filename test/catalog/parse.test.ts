/** A wrong definition is refused with one sentence per field: what it got and what it takes. */
import { describe, expect, it } from 'vitest'
import { schemeNames } from '../../src/auth/scheme.ts'
import { parseIntegration } from '../../src/catalog/parse.ts'
import { refusal } from '../auth/refusal.ts'
import { definition } from './definition.ts'

const fields =
  '$schema, slug, name, description, icon, categories, docs, sources, baseUrl, hosts, config, auth, headers, arrayFormat, retry, idempotencyHeader, methodParameters, pagination, verify, actions'
const schemes = schemeNames.join(', ')
const patternTakes = 'a pattern in RE2 syntax (no lookaround, no backreferences)'

function detailsOf(changes: Record<string, unknown>) {
  const error = refusal(() => parseIntegration(definition(changes)))
  expect(error.code).toBe('INVALID_INPUT')
  return error.details ?? []
}

describe('parseIntegration', () => {
  it('fills in defaults, and parsing again changes nothing', () => {
    const parsed = parseIntegration(definition({ $schema: './x.json', headers: { 'X-Version': '1' } }))
    expect(parsed).toEqual({ ...definition(), categories: [], arrayFormat: 'repeat', headers: { 'x-version': '1' } })
    expect(parseIntegration(parsed)).toEqual(parsed)
  })

  it.each([null, undefined, 'text', 7, []])('refuses %o as a definition', document => {
    const error = refusal(() => parseIntegration(document))
    const got = document === undefined ? 'nothing' : JSON.stringify(document)
    expect(error.details).toEqual([
      { field: 'definition', message: `definition got ${got}; it takes an object with the fields ${fields}.` },
    ])
  })

  const bearer = (more: object) => ({ auth: [{ scheme: 'bearer', ...more }] })
  it.each<[string, Record<string, unknown>, string, string]>([
    [
      'slug',
      { slug: 'Acme!' },
      'slug',
      'got "Acme!"; it takes a slug: 1 to 63 lower-case letters, digits and inner hyphens.',
    ],
    [
      'no name',
      { name: undefined },
      'name',
      'got nothing; it takes a name of 1 to 80 characters without control characters.',
    ],
    ['unknown field', { secret: 1 }, 'secret', `is unknown here; definition takes only the fields ${fields}.`],
    ['no auth', { auth: [] }, 'auth', 'got []; it takes at least one scheme.'],
    ['unknown scheme', { auth: [{ scheme: 'magic' }] }, 'auth.0.scheme', `got "magic"; it takes one of ${schemes}.`],
    [
      'scheme twice',
      { auth: [{ scheme: 'bearer' }, { scheme: 'bearer' }] },
      'auth.1.scheme',
      'got "bearer"; it takes each scheme once: a credential names its scheme only.',
    ],
    [
      'apiKey without inject',
      { auth: [{ scheme: 'apiKey' }] },
      'auth.0.inject',
      'got nothing; it takes an object with the fields headers, query, body.',
    ],
    [
      'inject that uses nothing',
      { auth: [{ scheme: 'apiKey', inject: {} }] },
      'auth.0.inject',
      'got {}; it takes templates that use the credential.',
    ],
    [
      'unknown field of a scheme',
      bearer({ token: 'x' }),
      'auth.0.token',
      'is unknown here; definition.auth.0 takes only the fields scheme, inject, userPass, labels.',
    ],
    [
      'placeholder of another scheme',
      bearer({ inject: { headers: { a: '{apiKey}' } } }),
      'auth.0.inject.headers.a',
      'got "{apiKey}"; it takes placeholders of its scheme only ({accessToken}): {apiKey} is unknown.',
    ],
    [
      '{basic} without userPass',
      bearer({ inject: { headers: { a: '{basic}' } } }),
      'auth.0.inject.headers.a',
      'got "{basic}"; it takes placeholders of its scheme only ({accessToken}): {basic} is unknown.',
    ],
    [
      'stray brace',
      bearer({ inject: { headers: { a: '{accessToken}}' } } }),
      'auth.0.inject.headers.a',
      'got "{accessToken}}"; it takes a template whose braces all belong to placeholders such as {apiKey}.',
    ],
    [
      'header injection in a template',
      bearer({ inject: { headers: { a: '{accessToken}\r\nx: y' } } }),
      'auth.0.inject.headers.a',
      'got "{accessToken}\\r\\nx: y"; it takes a template without control characters.',
    ],
    [
      'header injection in a name',
      bearer({ inject: { headers: { 'a\r\nx': '{accessToken}' } } }),
      'auth.0.inject.headers.a\r\nx',
      'got the name "a\\r\\nx"; it takes a header name (an HTTP token of at most 128 characters).',
    ],
    [
      'userPass that nothing uses',
      bearer({ userPass: 'x:{accessToken}' }),
      'auth.0.userPass',
      'got "x:{accessToken}"; it takes a value only where a template of inject uses {basic}.',
    ],
    [
      'userPass without colon',
      bearer({ userPass: '{accessToken}' }),
      'auth.0.userPass',
      'got "{accessToken}"; it takes a template with a colon between user and password.',
    ],
    [
      'label of another field',
      bearer({ labels: { apiKey: 'x' } }),
      'auth.0.labels.apiKey',
      'is unknown here; definition.auth.0.labels takes only the fields accessToken.',
    ],
    [
      'config in a token URL',
      { auth: [{ scheme: 'oauth2', tokenUrl: 'https://{shop}.example/token' }] },
      'auth.0.tokenUrl',
      'got "https://{shop}.example/token"; it takes placeholders of config fields: {shop} is none.',
    ],
    [
      'static header that carries the credential',
      { ...bearer({ inject: { headers: { 'X-Key': '{accessToken}' } } }), headers: { 'x-key': 'mine' } },
      'headers.x-key',
      'got "mine"; it takes no value here: the header carries the credential.',
    ],
    [
      'static header value with a line break',
      { headers: { a: 'b\r\nc: d' } },
      'headers.a',
      'got "b\\r\\nc: d"; it takes visible ASCII without space at either end.',
    ],
    [
      'header twice',
      { headers: { 'x-a': '1', 'X-A': '2' } },
      'headers',
      'got {"x-a":"1","X-A":"2"}; it takes each header once: names that differ only in case are the same header.',
    ],
    [
      'unknown placeholder',
      { baseUrl: 'https://{dc}.acme.example' },
      'baseUrl',
      'got "https://{dc}.acme.example"; it takes placeholders of config fields: {dc} is none.',
    ],
    [
      'unknown placeholder of a host',
      { hosts: ['{dc}.acme.example'] },
      'hosts.0',
      'got "{dc}.acme.example"; it takes placeholders of config fields: {dc} is none.',
    ],
    [
      'whole URL in a host',
      { baseUrl: '{url}', hosts: ['{url}'], config: { url: { title: 'URL' } } },
      'hosts.0',
      'got "{url}"; it takes no {url}: it stands for a whole URL.',
    ],
    [
      'hosts elsewhere',
      { hosts: ['api.other.example'] },
      'hosts',
      'got ["api.other.example"]; it takes patterns that cover the host of the base URL (api.acme.example).',
    ],
    [
      'hosts on another port',
      { baseUrl: 'https://api.acme.example:8443', hosts: ['api.acme.example'] },
      'hosts',
      'got ["api.acme.example"]; it takes patterns that cover the host of the base URL (api.acme.example:8443).',
    ],
    [
      'lookahead',
      { config: { a: { title: 'A', pattern: '(?=a)b' } } },
      'config.a.pattern',
      `got "(?=a)b"; it takes ${patternTakes}: invalid or unsupported Perl syntax: \`(?=\`.`,
    ],
    [
      'back reference',
      { retry: { bodyPattern: '(a)\\1' } },
      'retry.bodyPattern',
      `got "(a)\\\\1"; it takes ${patternTakes}: invalid escape sequence: \`\\1\`.`,
    ],
    [
      'example against the pattern',
      { config: { a: { title: 'A', pattern: '[a-z]+', example: 'A1' } } },
      'config.a.example',
      'got "A1"; it takes a text of 1 to 512 characters without control characters that matches [a-z]+, such as A1.',
    ],
    [
      'no JSONPath',
      { pagination: { type: 'cursor', cursorParam: 'c', cursorPath: 'next' } },
      'pagination.cursorPath',
      'got "next"; it takes a JSONPath (RFC 9535) such as $.paging.next.',
    ],
    [
      'unknown pagination',
      { pagination: { type: 'guess' } },
      'pagination.type',
      'got "guess"; it takes an object whose type is one of link, cursor, offset, page, nextUrl.',
    ],
    [
      'verify elsewhere',
      { verify: { path: 'https://evil.example/' } },
      'verify.path',
      'got "https://evil.example/"; it takes a path below the base URL that starts with one slash.',
    ],
    [
      'refused that is no list',
      { verify: { path: '/me', refused: 401 } },
      'verify.refused',
      'got 401; it takes a list of statuses.',
    ],
    [
      'nothing refused',
      { verify: { path: '/me', refused: [] } },
      'verify.refused',
      'got []; it takes at least one status.',
    ],
    [
      'too much refused',
      { verify: { path: '/me', refused: [400, 401, 402, 403, 404, 405] } },
      'verify.refused',
      'got [400,401,402,403,404,405]; it takes at most 5 statuses.',
    ],
    [
      'refused twice',
      { verify: { path: '/me', refused: [401, 401] } },
      'verify.refused',
      'got [401,401]; it takes each status once.',
    ],
    [
      'refused that may pass',
      { verify: { path: '/me', refused: [401, 500] } },
      'verify.refused.1',
      'got 500; it takes a status from 400 to 499.',
    ],
    [
      'refused that is good',
      { verify: { path: '/me', refused: [399] } },
      'verify.refused.0',
      'got 399; it takes a status from 400 to 499.',
    ],
    [
      'refused that is no status',
      { verify: { path: '/me', refused: [401.5] } },
      'verify.refused.0',
      'got 401.5; it takes a status.',
    ],
    ['script in docs', { docs: 'javascript:alert(1)' }, 'docs', 'got "javascript:alert(1)"; it takes an http(s) URL.'],
  ])('%s', (_, changes, field, rest) => {
    const message = `definition.${field} ${rest}`
    expect(detailsOf(changes)).toEqual([{ field: `definition.${field}`, message }])
  })

  it('reports every wrong field, but not without end', () => {
    expect(detailsOf({ slug: '', name: '', arrayFormat: 'x' }).map(detail => detail.field)).toEqual([
      'definition.slug',
      'definition.name',
      'definition.arrayFormat',
    ])
    const headers = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`x-${index}`, '\n']))
    expect(detailsOf({ headers })).toHaveLength(25)
  })

  it('shortens what it got', () => {
    const [detail] = detailsOf({ slug: 'A'.repeat(10_000) })
    expect(detail?.message).toMatch(/^definition\.slug got "A{79}…; it takes a slug: /)
  })

  it('reads hostile keys as data', () => {
    const document = JSON.parse(
      '{"slug":"a","name":"b","baseUrl":"https://a.example","auth":[{"scheme":"none"}],"__proto__":{"x":1},"constructor":1}',
    )
    const names = refusal(() => parseIntegration(document)).details?.map(detail => detail.field)
    expect(names).toContain('definition.constructor')
    expect(Object.prototype).not.toHaveProperty('x')
  })
})

/** Where a connection's requests may go: the base URL and the pins, filled in and inside each other. */
import { describe, expect, it } from 'vitest'
import { parseIntegration } from '../../src/catalog/parse.ts'
import { resolveTarget } from '../../src/catalog/target.ts'
import { refusal } from '../auth/refusal.ts'
import { definition } from './definition.ts'

function resolve(changes: Record<string, unknown>, config?: Record<string, unknown>) {
  const { baseUrl, hosts } = resolveTarget(parseIntegration(definition(changes)), config)
  return { href: baseUrl.href, hosts }
}

describe('resolveTarget', () => {
  it('pins the host of the base URL, with its port, unless the definition pins others', () => {
    expect(resolve({})).toEqual({ href: 'https://api.acme.example/', hosts: ['api.acme.example'] })
    expect(resolve({ baseUrl: 'https://API.acme.example:443/V2/' })).toEqual({
      href: 'https://api.acme.example/V2/',
      hosts: ['api.acme.example'],
    })
    expect(resolve({ baseUrl: 'http://127.0.0.1:8080/x' })).toEqual({
      href: 'http://127.0.0.1:8080/x',
      hosts: ['127.0.0.1:8080'],
    })
    expect(resolve({ baseUrl: 'http://[::1]:8080' })).toEqual({ href: 'http://[::1]:8080/', hosts: ['[::1]:8080'] })
    expect(resolve({ hosts: ['*.acme.example', 'files.example'] }).hosts).toEqual(['*.acme.example', 'files.example'])
  })

  it('fills placeholders of base URL and hosts', () => {
    const changes = {
      baseUrl: 'https://{shop}.acme.example:8443',
      hosts: ['{shop}.acme.example:8443', '{shop}-files.acme.example'],
      config: { shop: { title: 'Shop' } },
    }
    expect(resolve(changes, { shop: 'Big' })).toEqual({
      href: 'https://big.acme.example:8443/',
      hosts: ['big.acme.example:8443', 'big-files.acme.example'],
    })
  })

  it('ignores stored values that the definition no longer knows, and checks the others again', () => {
    const changes = { baseUrl: 'https://{dc}.acme.example', config: { dc: { title: 'DC', pattern: '[a-z]+' } } }
    expect(resolve(changes, { dc: 'us', old: 'x' }).href).toBe('https://us.acme.example/')
    const error = refusal(() => resolve(changes, { dc: 'us1' }))
    expect(error.code).toBe('INVALID_INPUT')
    expect(error.message).toBe(
      'config.dc got "us1"; it takes a part of a host name (letters, digits, hyphens, dots) that matches [a-z]+.',
    )
  })

  it.each([
    [{ url: 'https://acme.evil.example' }, 'acme.evil.example'],
    [{ url: 'https://acme.example' }, 'acme.example'],
    [{ url: 'https://a.acme.example:8443' }, 'a.acme.example:8443'],
    [{ url: 'https://a.acme.example.' }, 'a.acme.example.'],
  ])('refuses the base URL of %o, which lies outside the pins', (config, host) => {
    const changes = {
      baseUrl: '{url}',
      hosts: ['*.acme.example'],
      config: { url: { title: 'URL', example: 'https://x.acme.example' } },
    }
    const error = refusal(() => resolve(changes, config))
    expect(error.code).toBe('DESTINATION_NOT_ALLOWED')
    expect(error.message).toBe(`The base URL's host ${host} is outside the pinned hosts of Acme (*.acme.example).`)
    expect(error.details).toBeUndefined()
  })

  it.each(['127.1', '0x7f.0.0.1', '2130706433', '0177.0.0.1', '1'])(
    'refuses the host %s, which a URL parser reads as another address',
    host => {
      const error = refusal(() => resolve({ baseUrl: 'https://{host}', config: { host: { title: 'Host' } } }, { host }))
      expect(error.code).toBe('INVALID_INPUT')
      expect(error.message).toBe(
        `config got {"host":"${host}"}; it takes values with which https://{host} is a URL in its usual spelling.`,
      )
    },
  )

  it('refuses a host that is no pattern once it is filled', () => {
    const changes = { baseUrl: 'https://{a}.acme.example', config: { a: { title: 'A' } } }
    expect(refusal(() => resolve(changes, { a: `${'x'.repeat(64)}` })).code).toBe('DESTINATION_NOT_ALLOWED')
    expect(refusal(() => resolve(changes, { a: '-' })).code).toBe('DESTINATION_NOT_ALLOWED')
  })
})

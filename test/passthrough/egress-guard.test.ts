/** The guard remembers what passed, and only that: for one pin set, for one origin, never for another. */
import type { Dispatcher } from 'undici'
import { describe, expect, test } from 'vitest'
import { HostAllowlist } from '../../src/hosts.ts'
import { Call, type CallOptions } from '../../src/passthrough/call.ts'
import { createEgressGuard } from '../../src/passthrough/interceptors/egress-guard.ts'
import { createCore, noInjection } from '../support/passthrough-core.ts'

/** Sends one request after the other, and says of each where it went or why not. */
async function createGuard(allow: string): Promise<(origin: string, hosts: readonly string[]) => string> {
  await using core = createCore({ url: 'https://api.acme.example' })
  const plan = await core.plan({})
  let verdict = ''
  const wire: Dispatcher['dispatch'] = ({ origin }) => {
    verdict = `sent to ${String(origin)}`
    return true
  }
  const guard = createEgressGuard(HostAllowlist.parse(allow))(wire)
  return (origin, hosts) => {
    verdict = 'nothing was said'
    const call = new Call({ ...plan, connection: core.connection({ hosts }) }, { inject: () => noInjection })
    const options: CallOptions = { call, origin, path: '/', method: 'GET' }
    guard(options, {
      onResponseError(_, error) {
        verdict = error.message
      },
    })
    return verdict
  }
}

const unpinned = /^The host \S+ is not one of the integration's pinned hosts/

describe('what passed once', () => {
  test('passes again, for its own pin set only', async () => {
    const send = await createGuard('')
    const acme = ['api.acme.example']
    const other = ['api.other.example']
    for (let round = 0; round < 3; round++) {
      expect(send('https://api.acme.example', acme)).toBe('sent to https://api.acme.example')
      expect(send('https://api.acme.example', other)).toMatch(unpinned)
      expect(send('https://api.other.example', acme)).toMatch(unpinned)
      expect(send('https://api.other.example', other)).toBe('sent to https://api.other.example')
      expect(send('https://api.acme.example:8443', acme)).toMatch(unpinned)
      expect(send('http://api.acme.example', acme)).toMatch(/^Plain http goes only to hosts/)
    }
  })

  test('is one origin of as many as a suffix covers', async () => {
    const send = await createGuard('')
    const hosts = ['*.acme.example']
    const names = Array.from({ length: 300 }, (_, index) => `https://n${index}.acme.example`)
    for (const origin of [...names, ...names]) expect(send(origin, hosts)).toBe(`sent to ${origin}`)
    for (const origin of [
      'https://acme.example',
      'https://n1.acme.example.evil.example',
      'https://n1.acme.example:444',
    ]) {
      expect(send(origin, hosts)).toMatch(unpinned)
    }
  })
})

test('what was refused is refused again, in the same words', async () => {
  const send = await createGuard('localhost:4001, 10.1.0.0/16')
  const hosts = ['127.0.0.1', '10.1.2.3', '10.2.0.1', 'localhost:4001', 'localhost:4002', '[::1]', '169.254.169.254']
  for (let round = 0; round < 3; round++) {
    for (const host of ['127.0.0.1', '10.2.0.1', '[::1]', '169.254.169.254']) {
      expect(send(`https://${host}`, hosts)).toMatch(/ is no public address, or leads to none; /)
      expect(send(`http://${host}`, hosts)).toMatch(/^Plain http goes only to hosts/)
    }
    expect(send('http://localhost:4001', hosts)).toBe('sent to http://localhost:4001')
    expect(send('http://localhost:4002', hosts)).toMatch(/^Plain http goes only to hosts/)
    expect(send('https://10.1.2.3', hosts)).toBe('sent to https://10.1.2.3')
    expect(send('http://10.1.2.3', hosts)).toBe('sent to http://10.1.2.3')
  }
})

test.each(['ws://api.acme.example', 'ftp://api.acme.example', 'file:///etc/passwd', 'data:text/plain,x'])(
  '%s is no place to send to',
  async origin => {
    const send = await createGuard('0.0.0.0/0, ::/0')
    expect(send(origin, ['api.acme.example', '*.acme.example'])).toMatch(/ URLs are not sent to; use https\.$/)
  },
)

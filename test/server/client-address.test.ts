/** A request comes from where the trusted proxies say, and nobody else is believed. */
import { describe, expect, test } from 'vitest'
import { AddressList } from '../../src/hosts.ts'
import { createAddressReader } from '../../src/server/client-address.ts'
import { createGateway } from '../support/gateway.ts'

const proxies = AddressList.parse('10.0.0.0/8, 192.0.2.7 fd00::/8')

function read(peer: string | undefined, forwarded: string | undefined, trusted = proxies) {
  const headers = { 'x-forwarded-for': forwarded } as never
  return createAddressReader(trusted)({ headers, socket: { remoteAddress: peer } as never })
}

describe('a request', () => {
  test.each([
    ['that comes straight is from its peer', '203.0.113.9', undefined, '203.0.113.9'],
    ['of a stranger who claims to be another is the stranger’s', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['through a proxy is from whom the proxy saw', '10.1.2.3', '198.51.100.1', '198.51.100.1'],
    [
      'through a chain is from the last that is no proxy',
      '10.1.2.3',
      '198.51.100.1, 192.0.2.7,10.9.9.9',
      '198.51.100.1',
    ],
    ['whose client lied to the proxy is still the client’s', '10.1.2.3', '1.1.1.1, 198.51.100.1', '198.51.100.1'],
    ['of a proxy itself is the proxy’s', '10.1.2.3', undefined, '10.1.2.3'],
    ['through proxies alone is of the farthest', '10.1.2.3', '10.4.4.4', '10.4.4.4'],
    ['with something that is no address stops there', '10.1.2.3', '198.51.100.1, unknown', '10.1.2.3'],
    ['over IPv6 counts, and so does a mapped address', '::ffff:10.1.2.3', '2001:db8::1', '2001:db8::1'],
    ['whose connection is gone is from nowhere', undefined, '198.51.100.1', undefined],
  ])('%s', (_, peer, forwarded, from) => {
    expect(read(peer, forwarded)).toBe(from)
  })

  test('is from its peer as long as no proxy is trusted', () => {
    expect(read('10.1.2.3', '198.51.100.1', AddressList.parse(''))).toBe('10.1.2.3')
  })
})

test('the audit trail names the client behind the proxy, and one that guesses does not slow down the others', async () => {
  await using gateway = await createGateway({ env: { PASSGATE_TRUSTED_PROXIES: '127.0.0.1' } })
  const send = (from: string, key: string, query = '{ viewer { name } }') =>
    fetch(`${gateway.url}graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, 'x-forwarded-for': from },
      body: JSON.stringify({ query }),
    }).then(response => response.text())
  const secret = await gateway.createWorkspace()
  const name = 'mutation { createAccessKey(input: {name: "k", scopes: [CALLS_READ]}) { accessKey { id } } }'
  expect(await send('198.51.100.1', secret, name)).toContain('key_')
  expect(await send('198.51.100.1', secret, '{ auditEvents(first: 1) { nodes { address } } }')).toContain(
    '"address":"198.51.100.1"',
  )
  // Beside each other: one after the other, each would wait longer.
  await Promise.all(Array.from({ length: 100 }, () => send('198.51.100.66', 'not-a-key')))
  expect(await send('198.51.100.66', 'not-a-key')).toContain('RATE_LIMITED')
  expect(await send('198.51.100.2', 'not-a-key')).toContain('UNAUTHENTICATED')
})

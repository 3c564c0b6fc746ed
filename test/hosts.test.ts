/** Host patterns cover exactly what they say, and the operator's list is read strictly. */
import { describe, expect, test } from 'vitest'
import { HostAllowlist, isHostPattern, matchesHost } from '../src/hosts.ts'

describe('a host pattern', () => {
  test.each([
    'api.acme.example',
    'API.Acme.Example',
    'api.acme.example:8443',
    '*.acme.example',
    '*.acme.example:8443',
    'localhost',
    'localhost:4001',
    '127.0.0.1',
    '127.0.0.1:80',
    '[::1]',
    '[::1]:8080',
    '[2001:DB8::1]',
    'under_score.acme.example',
    'xn--bcher-kva.example',
  ])('%s is one', text => expect(isHostPattern(text)).toBe(true))

  test.each([
    '',
    '*',
    '*.com',
    '*.*.example',
    'api.*.example',
    '*acme.example',
    '**.acme.example',
    '.acme.example',
    'acme.example.',
    'acme..example',
    '-acme.example',
    'acme-.example',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(127)}example`,
    'acme.example:',
    'acme.example:0',
    'acme.example:080',
    'acme.example:65536',
    'acme.example:99999',
    'https://acme.example',
    'acme.example/path',
    'user@acme.example',
    'acme.example?x',
    'acme example',
    'acme.example\n',
    'bücher.example',
    '1.2.3',
    '127.1',
    '0x7f.0.0.1',
    '0x7f000001',
    '2130706433',
    '*.0.0.1',
    '127.0.0.1.',
    '127.0.0.256',
    '[127.0.0.1]',
    '[::1',
    '::1',
    '[::1%eth0]',
    '[:::1]',
    '*.[::1]',
    '*[::1]',
  ])('%j is none', text => expect(isHostPattern(text)).toBe(false))

  test.each([
    ['api.acme.example', 'https://api.acme.example/x', true],
    ['api.acme.example', 'https://API.ACME.EXAMPLE/x', true],
    ['API.acme.example', 'https://api.acme.example/x', true],
    ['api.acme.example', 'http://api.acme.example/', true],
    ['api.acme.example', 'https://api.acme.example:443/', true],
    ['api.acme.example', 'https://api.acme.example:80/', false],
    ['api.acme.example', 'https://api.acme.example:8443/', false],
    ['api.acme.example', 'https://api.acme.example./', false],
    ['api.acme.example', 'https://evil-api.acme.example/', false],
    ['api.acme.example', 'https://api.acme.example.evil.example/', false],
    ['api.acme.example', 'https://apixacme.example/', false],
    ['api.acme.example', 'ftp://api.acme.example/', false],
    ['api.acme.example', 'ws://api.acme.example/', false],
    ['api.acme.example:8443', 'https://api.acme.example:8443/', true],
    ['api.acme.example:8443', 'https://api.acme.example/', false],
    ['api.acme.example:443', 'https://api.acme.example/', true],
    ['api.acme.example:443', 'http://api.acme.example/', false],
    ['api.acme.example:80', 'http://api.acme.example/', true],
    ['*.acme.example', 'https://a.acme.example/', true],
    ['*.acme.example', 'https://a.b.c.acme.example/', true],
    ['*.acme.example', 'https://acme.example/', false],
    ['*.acme.example', 'https://.acme.example/', false],
    ['*.acme.example', 'https://evilacme.example/', false],
    ['*.acme.example', 'https://a.acme.example./', false],
    ['*.acme.example', 'https://a.acme.example:8443/', false],
    ['*.acme.example:8443', 'https://a.acme.example:8443/', true],
    ['*.acme.example', "https://evil.example'.acme.example/", false],
    ['*.acme.example', 'https://evil;x.acme.example/', false],
    ['127.0.0.1', 'https://127.1/', true],
    ['127.0.0.1', 'https://2130706433/', true],
    ['127.0.0.1', 'https://127.0.0.2/', false],
    ['[::1]', 'https://[0:0::1]/', true],
    ['[0:0:0:0:0:0:0:1]', 'https://[::1]/', true],
    ['[::1]:8080', 'http://[::1]:8080/', true],
    ['no pattern', 'https://api.acme.example/', false],
    ['*.com', 'https://acme.com/', false],
  ])('%s and %s: %s', (pattern, url, expected) => expect(matchesHost(pattern, new URL(url))).toBe(expected))
})

test('any number of patterns can be asked for, and each stays what it is', () => {
  const url = new URL('https://n4321.acme.example/')
  const matching = Array.from({ length: 10_000 }, (_, index) => `n${index}.acme.example`).filter(pattern =>
    matchesHost(pattern, url),
  )
  expect(matching).toEqual(['n4321.acme.example'])
  expect(
    ['*.acme.example', 'no pattern', 'n4321.acme.example', 'no pattern'].map(text => matchesHost(text, url)),
  ).toEqual([true, false, true, false])
})

describe("the operator's list", () => {
  const list = HostAllowlist.parse(
    'localhost:4001, Mock.Internal:8080\n10.0.0.0/8\t[::1]:9000,fd00::/8 192.168.1.7, ::ffff:172.16.0.1, ::172.17.0.1',
  )

  test.each([
    ['localhost', 4001, true],
    ['LOCALHOST', 4001, true],
    ['localhost', 4002, false],
    ['localhost.', 4001, false],
    ['mock.internal', 8080, true],
    ['a.mock.internal', 8080, false],
    ['::1', 9000, true],
    ['[::1]', 9000, true],
    ['0:0::1', 9000, true],
    ['10.1.2.3', 80, false],
  ])('host %s port %i: %s', (host, port, expected) => expect(list.allowsHost(host, port)).toBe(expected))

  test.each([
    ['10.1.2.3', true],
    ['::ffff:10.1.2.3', true],
    ['11.1.2.3', false],
    ['fd12::1', true],
    ['fe80::1', false],
    ['192.168.1.7', true],
    ['192.168.1.8', false],
    ['172.16.0.1', true],
    ['::172.16.0.1', false],
    ['172.17.0.1', false],
    ['::172.17.0.1', true],
    ['::ac11:1', true],
    ['::10.1.2.3', false],
    ['10.1.2.3%eth0', false],
    ['fd12::1%eth0', true],
    ['127.0.0.1', false],
    ['::1', false],
    ['localhost', false],
    ['', false],
    ['10.1', false],
  ])('address %s: %s', (address, expected) => expect(list.allowsAddress(address)).toBe(expected))

  test.each([
    '*.internal:80',
    'localhost',
    'localhost:0',
    'localhost:http',
    'http://localhost:80',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '10.0/8',
    '010.0.0.0/8',
    'fd00::/129',
    '::ffff:10.0.0.0/104',
    'fe80::1%eth0',
  ])('refuses %s and names it', item => {
    expect(() => HostAllowlist.parse(`127.0.0.1, ${item}`)).toThrow(
      new TypeError(
        `"${item}" is not an egress exemption: it takes host:port (localhost:8080, [::1]:8080), ` +
          'a network (10.0.0.0/8, fd00::/8) or an address (10.1.2.3).',
      ),
    )
  })

  test('may be empty, and grows without changing its origin', () => {
    const empty = HostAllowlist.parse(' , \n')
    expect(empty.isEmpty).toBe(true)
    expect(empty.allowsHost('localhost', 80) || empty.allowsAddress('127.0.0.1')).toBe(false)
    const grown = empty.with('localhost:80').with('127.0.0.0/8')
    expect([empty.isEmpty, grown.isEmpty]).toEqual([true, false])
    expect([grown.allowsHost('localhost', 80), grown.allowsAddress('127.9.9.9')]).toEqual([true, true])
  })
})

/** What is a public address: held against the registries' ranges by a second judge, Node's own block list. */
import { BlockList, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { describe, expect, test } from 'vitest'
import { isPublicAddress } from '../../src/passthrough/egress.ts'
import { carriers, ipv4Ranges, ipv6Ranges, noAddresses, publicAddresses } from '../data/special-ranges.ts'

const ranges = [...ipv4Ranges, ...ipv6Ranges].map(([range, what]) => ({ range, what, ...boundsOf(range) }))

/** One list for each version: a list of both takes `::/3` for a range of IPv4, too. */
const special = { ipv4: new BlockList(), ipv6: new BlockList() }
for (const { first, bits, version } of ranges) special[version].addSubnet(spell(first, version), bits, version)

describe.each(ranges)('$range, $what,', ({ first, last, version }) => {
  const middle = first + (last - first) / 3n
  test.each([first, middle, last].map(value => spell(value, version)))('holds %s, which is not public', address => {
    expect(isPublicAddress(address)).toBe(false)
  })

  test('ends where the registry says', () => {
    const beside = [first - 1n, last + 1n].filter(value => value >= 0n && value < 1n << sizeOf(version))
    const addresses = beside.map(value => spell(value, version))
    expect(addresses.map(isPublicAddress)).toEqual(addresses.map(address => !special[version].check(address, version)))
  })
})

describe('a public address', () => {
  test.each(publicAddresses)('%s is one', address => expect(isPublicAddress(address)).toBe(true))
  test.each(noAddresses)('%j is none', text => expect(isPublicAddress(text)).toBe(false))

  test('is the same to a second judge, anywhere in IPv4', () => {
    const addresses = randomNumbers(20_000).map(value => spell(value, 'ipv4'))
    expect(addresses.filter(address => isPublicAddress(address) === special.ipv4.check(address))).toEqual([])
    expect(addresses.filter(isPublicAddress).length).toBeGreaterThan(15_000)
  })

  test('is the same to a second judge, in IPv6 around every range and all over it', () => {
    const starts = ranges.flatMap(({ first, last, version }) => (version === 'ipv6' ? [first, last] : []))
    const numbers = randomNumbers(4000)
    const anywhere = numbers.map(value => (value << 96n) | (value << 32n) | value)
    const around = numbers.map((value, index) => {
      const start = starts[index % starts.length] ?? 0n
      const step = value << BigInt(index % 96)
      return ((index % 2 === 0 ? start + step : start - step) + (1n << 128n)) % (1n << 128n)
    })
    // IPv4-mapped addresses are judged as the IPv4 they carry: a test of their own.
    const values = [...anywhere, ...around].filter(value => value >> 32n !== 0xffffn)
    const addresses = values.map(value => spell(value, 'ipv6'))
    expect(addresses.filter(address => isPublicAddress(address) === special.ipv6.check(address, 'ipv6'))).toEqual([])
    expect(addresses.filter(isPublicAddress).length).toBeGreaterThan(500)
  })
})

describe('an IPv4 address inside an IPv6 one', () => {
  const inner = [...ipv4Ranges.map(([range]) => range.replace(/\/.*$/, '')), '127.0.0.1', '10.1.2.3', '8.8.8.8']

  test.each(carriers)('(%s) is never public', (_, carry) => {
    expect(inner.map(carry).filter(address => !isIPv6(address))).toEqual([])
    expect(inner.map(carry).filter(isPublicAddress)).toEqual([])
  })

  test('(mapped) is what it carries, in each spelling', () => {
    for (const ipv4 of [...inner, '1.1.1.1', '93.184.215.14']) {
      const hex = ipaddr.parse(`::ffff:${ipv4}`).toNormalizedString()
      const spellings = [`::ffff:${ipv4}`, `::FFFF:${ipv4}`, `0:0:0:0:0:ffff:${ipv4}`, hex, `::ffff:${ipv4}%eth0`]
      expect(spellings.map(isPublicAddress)).toEqual(spellings.map(() => isPublicAddress(ipv4)))
    }
  })
})

type Version = 'ipv4' | 'ipv6'

function sizeOf(version: Version): bigint {
  return version === 'ipv4' ? 32n : 128n
}

function boundsOf(range: string): { first: bigint; last: bigint; bits: number; version: Version } {
  const [address, bits] = ipaddr.parseCIDR(range)
  const version = address.kind()
  const first = address.toByteArray().reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
  return { first, last: first + (1n << (sizeOf(version) - BigInt(bits))) - 1n, bits, version }
}

function spell(value: bigint, version: Version): string {
  const bytes = Array.from({ length: Number(sizeOf(version)) / 8 }, (_, index) =>
    Number((value >> (sizeOf(version) - 8n * BigInt(index + 1))) & 0xffn),
  )
  return ipaddr.fromByteArray(bytes).toString()
}

/** The same 32-bit numbers in each run (xorshift). */
function randomNumbers(count: number): bigint[] {
  const numbers: bigint[] = []
  for (let state = 0x2545f491, i = 0; i < count; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    numbers.push(BigInt(state >>> 0))
  }
  return numbers
}

/** A small DNS server over UDP that answers from a table, and the look-up that asks it: for names that lead astray. */
import { createSocket } from 'node:dgram'
import { type LookupAddress, promises } from 'node:dns'
import { once } from 'node:events'
import type { AddressInfo, LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'

/**
 * What each name answers, round after round; the last one stays. A round holds addresses of both families and at most one
 * name, which is an alias (CNAME) that is followed as a recursive resolver does. `*` stands for every name not listed.
 */
export type Zone = Readonly<Record<string, readonly (readonly string[])[]>>

export interface DnsServer extends AsyncDisposable {
  /** Every question, as `A api.test.example`, in the order it came. */
  readonly asked: readonly string[]
  readonly lookup: LookupFunction
}

const types: Readonly<Record<number, 'A' | 'AAAA'>> = { 1: 'A', 28: 'AAAA' }

export async function createDns(zone: Zone, ttlSeconds = 0): Promise<DnsServer> {
  const asked: string[] = []
  const turns = new Map<string, number>()
  const socket = createSocket('udp4')
  socket.on('message', (message, from) => {
    const { name, end } = readName(message, 12)
    const type = types[message.readUInt16BE(end)] ?? 'A'
    asked.push(`${type} ${name}`)
    const records = collect(zone, turns, type, name).map(record => encodeRecord(record, ttlSeconds))
    const isUnknown = zone[name] === undefined && zone['*'] === undefined
    const head = Buffer.alloc(12)
    message.copy(head, 0, 0, 2)
    head.writeUInt16BE(isUnknown ? 0x8583 : 0x8580, 2)
    head.writeUInt16BE(1, 4)
    head.writeUInt16BE(records.length, 6)
    socket.send(Buffer.concat([head, message.subarray(12, end + 4), ...records]), from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const resolver = new promises.Resolver({ timeout: 5_000, tries: 1 })
  resolver.setServers([`127.0.0.1:${(socket.address() as AddressInfo).port}`])
  return {
    asked,
    lookup: createLookup(resolver),
    async [Symbol.asyncDispose]() {
      resolver.cancel()
      socket.close()
      await once(socket, 'close')
    },
  }
}

interface DnsRecord {
  readonly owner: string
  readonly type: 'A' | 'AAAA' | 'CNAME'
  readonly value: string
}

/** The answer of this round; every question moves on, so that the two families of one look-up see the same round. */
function collect(zone: Zone, turns: Map<string, number>, type: 'A' | 'AAAA', asked: string): DnsRecord[] {
  const records: DnsRecord[] = []
  let owner: string | undefined = asked
  for (let hops = 0; owner !== undefined && hops < 16; hops++) {
    const rounds: readonly (readonly string[])[] = zone[owner] ?? zone['*'] ?? []
    const key = `${type} ${owner}`
    const turn = turns.get(key) ?? 0
    turns.set(key, turn + 1)
    let alias: string | undefined
    for (const value of rounds[Math.min(turn, rounds.length - 1)] ?? []) {
      const kind = ipaddr.isValid(value) ? (value.includes(':') ? 'AAAA' : 'A') : 'CNAME'
      if (kind === 'CNAME') alias = value
      if (kind === type || kind === 'CNAME') records.push({ owner, type: kind, value })
    }
    owner = alias
  }
  return records
}

function encodeRecord({ owner, type, value }: DnsRecord, ttlSeconds: number): Buffer {
  // In the URL's spelling, because ipaddr.js takes `::8.8.8.8` for a mapped address.
  const address = type === 'AAAA' ? new URL(`http://[${value}]`).hostname.slice(1, -1) : value
  const data = type === 'CNAME' ? encodeName(value) : Buffer.from(ipaddr.parse(address).toByteArray())
  const middle = Buffer.alloc(10)
  middle.writeUInt16BE({ A: 1, AAAA: 28, CNAME: 5 }[type], 0)
  middle.writeUInt16BE(1, 2)
  middle.writeUInt32BE(ttlSeconds, 4)
  middle.writeUInt16BE(data.length, 8)
  return Buffer.concat([encodeName(owner), middle, data])
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').filter(label => label !== '')
  return Buffer.concat([
    ...labels.map(label => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
    Buffer.of(0),
  ])
}

function readName(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = []
  let at = start
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 }
}

function createLookup(resolver: promises.Resolver): LookupFunction {
  return (hostname, options, callback) => {
    const wanted = [
      options.family !== 6 && resolver.resolve4(hostname),
      options.family !== 4 && resolver.resolve6(hostname),
    ]
    Promise.allSettled(wanted).then(([four, six]) => {
      const found = [four, six].flatMap((answer, index): LookupAddress[] =>
        answer?.status === 'fulfilled' && answer.value !== false
          ? answer.value.map(address => ({ address, family: index === 0 ? 4 : 6 }))
          : [],
      )
      const [first] = found
      if (first === undefined) return callback(four?.status === 'rejected' ? four.reason : noData(hostname), '')
      if (options.all === true) return callback(null, found)
      callback(null, first.address, first.family)
    })
  }
}

/** For an alias that leads to no address, which c-ares gives as an empty list. */
function noData(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`no address of ${hostname}`), { code: 'ENODATA' })
}

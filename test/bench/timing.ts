/** Whether the time of a refusal tells why it was refused: keys and ids of each kind, by turns, over one connection. */
import { randomUUID } from 'node:crypto'
import { Client } from 'undici'
import { newAccessKeySecret } from '../../src/access/secret.ts'
import { newId } from '../../src/store/ids.ts'
import type { Child } from './child.ts'
import { median } from './median.ts'
import { adminKey } from './passgate.ts'

const warmUps = 200

export interface TimingFigures {
  /** Such as `revoked key`. */
  readonly kind: string
  readonly medianMs: number
  /** The kind that it must not be told from. */
  readonly against: string
  /**
   * How probable it is that one measurement of this kind takes longer than one of the other (the statistic of Mann and
   * Whitney): 0.5 when time says nothing.
   */
  readonly longer: number
}

interface Kind {
  readonly name: string
  readonly against: string
  readonly code: string
  makeRequest(): { path: string; headers: Record<string, string> }
}

/** @param gateway one that trusts its peer about addresses: guessing from one address alone is slowed down */
export async function measureTiming(
  gateway: Child,
  connectionId: string,
  repetitions: number,
): Promise<TimingFigures[]> {
  const kinds = await createKinds(gateway, connectionId)
  const client = new Client(gateway.url)
  const times = kinds.map((): number[] => [])
  for (let repetition = -warmUps; repetition < repetitions; repetition += 1) {
    const order = kinds.map((kind, index) => ({ kind, index, turn: Math.random() })).sort((a, b) => a.turn - b.turn)
    for (const { kind, index } of order) {
      const ms = await measureOnce(client, kind)
      if (repetition >= 0) times[index]?.push(ms)
    }
  }
  await client.close()
  return kinds.map(({ name, against }, index) => {
    const own = times[index] ?? []
    const other = times[kinds.findIndex(kind => kind.name === against)] ?? []
    return { kind: name, medianMs: median(own), against, longer: probabilityOfLonger(own, other) }
  })
}

async function measureOnce(client: Client, { name, code, makeRequest }: Kind): Promise<number> {
  const request = { ...makeRequest(), method: 'GET' as const }
  const startedAt = performance.now()
  const answer = await client.request(request)
  const text = await answer.body.text()
  const ms = performance.now() - startedAt
  if (!text.includes(`"${code}"`)) throw new Error(`${name} was answered ${answer.statusCode}: ${text.slice(0, 300)}`)
  return ms
}

/**
 * Everything is asked of the raw route, whose refusals do nothing else. Each kind is one text that is sent again and again:
 * new ones beside old ones would show what is remembered, not what is wrong.
 */
async function createKinds(gateway: Child, connectionId: string): Promise<Kind[]> {
  const own = `/passthrough/${connectionId}/x`
  const withKey = (name: string, key: string): Kind => ({
    name,
    against: 'unknown key',
    code: 'UNAUTHENTICATED',
    makeRequest: () => ({
      path: own,
      headers: { authorization: `Bearer ${key}`, 'x-forwarded-for': newAddress() },
    }),
  })
  const withId = (name: string, id: string, key: string): Kind => ({
    name,
    against: 'id of nothing',
    code: 'CONNECTION_NOT_FOUND',
    makeRequest: () => ({ path: `/passthrough/${id}/x`, headers: { authorization: `Bearer ${key}` } }),
  })
  const revoked = await makeKey(gateway)
  await ask(gateway, 'mutation($id: ID!) { deleteAccessKey(input: {id: $id}) { deletedAccessKeyId } }', {
    id: revoked.id,
  })
  const stranger = await makeWorkspace(gateway)
  return [
    withKey('unknown key', newAccessKeySecret()),
    withKey('revoked key', revoked.secret),
    withId('id of nothing', newId('conn'), stranger),
    withId('id of another workspace', connectionId, stranger),
  ]
}

async function makeKey(gateway: Child): Promise<{ id: string; secret: string }> {
  const create = `mutation($input: CreateAccessKeyInput!) { createAccessKey(input: $input) { secret accessKey { id } } }`
  const input = { name: 'timing', scopes: ['PASSTHROUGH_READ'] }
  const { createAccessKey } = await ask(gateway, create, { input })
  return { id: createAccessKey.accessKey.id, secret: createAccessKey.secret }
}

/** @returns the secret of its admin key */
async function makeWorkspace(gateway: Child): Promise<string> {
  const create = 'mutation($name: String!) { createWorkspace(input: {name: $name}) { secret } }'
  return (await ask(gateway, create, { name: `timing ${randomUUID()}` })).createWorkspace.secret
}

async function ask(gateway: Child, query: string, variables: object) {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` },
    body: JSON.stringify({ query, variables }),
  })
  const { data, errors } = await response.json()
  if (errors !== undefined) throw new Error(`the gateway refused the set-up: ${JSON.stringify(errors)}`)
  return data
}

/** Of the network for documentation (RFC 3849): another customer each time. */
function newAddress(): string {
  const part = () => Math.floor(Math.random() * 0xffff).toString(16)
  return `2001:db8:${part()}:${part()}::1`
}

/** Over all pairs; equal ones count half. */
function probabilityOfLonger(own: readonly number[], other: readonly number[]): number {
  const sorted = [...other].sort((a, b) => a - b)
  const below = (value: number, isEqualToo: boolean): number => {
    let [low, high] = [0, sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const here = sorted[middle] ?? 0
      if (here < value || (isEqualToo && here === value)) low = middle + 1
      else high = middle
    }
    return low
  }
  const wins = own.reduce((sum, value) => sum + (below(value, false) + below(value, true)) / 2, 0)
  return wins / (own.length * sorted.length)
}

/** Failed authentications: waits that grow, a refusal in the end, and never anything for those who hold a key. */
import { describe, expect, test } from 'vitest'
import { FailedAttempts } from '../../src/access/failed-attempts.ts'
import { GatewayError, invalidInput } from '../../src/errors.ts'

const refusal = new GatewayError('UNAUTHENTICATED', 'unknown')
const fail = () => Promise.reject(refusal)
const succeed = async () => 'caller'

function open() {
  const clock = { now: 1000 }
  const waits: number[] = []
  const attempts = new FailedAttempts({ now: () => clock.now, wait: async ms => void waits.push(ms) })
  async function failMany(times: number, address = '192.0.2.1'): Promise<GatewayError> {
    let last: unknown
    for (let time = 0; time < times; time++) last = await attempts.guard(address, fail).catch(error => error)
    if (!(last instanceof GatewayError)) throw new Error('an attempt did not fail')
    return last
  }
  return { attempts, clock, waits, failMany }
}

describe('failed attempts', () => {
  test('cost nothing at first, then 100 ms and more, up to 2 seconds', async () => {
    const { waits, failMany } = open()
    expect(await failMany(20)).toBe(refusal)
    expect(waits).toEqual([])
    expect(await failMany(80)).toBe(refusal)
    expect(waits).toHaveLength(80)
    expect([waits[0], waits.at(-1)]).toEqual([100, 2000])
    expect(waits).toEqual(waits.toSorted((a, b) => a - b))
  })

  test('beyond a hundred are told when to come back, without a wait', async () => {
    const { clock, waits, failMany } = open()
    await failMany(100)
    clock.now += 45_000.5
    const refused = await failMany(3)
    expect(waits).toHaveLength(80)
    expect(refused).toMatchObject({
      code: 'RATE_LIMITED',
      message: 'Too many requests from this address had no valid access key; a valid one is let through at once.',
      retryAfterMs: 15_000,
    })
    clock.now += 15_000
    expect(await failMany(1)).toBe(refusal)
  })

  test('do not keep a right key out, nor does a right key make them forgotten', async () => {
    const { attempts, waits, failMany } = open()
    await failMany(150)
    expect(await attempts.guard('192.0.2.1', succeed)).toBe('caller')
    expect(waits).toHaveLength(80)
    expect(await failMany(1)).toMatchObject({ code: 'RATE_LIMITED' })
  })

  test('are those of an authentication only', async () => {
    const { attempts, waits } = open()
    const wrong = invalidInput('path', 'wrong')
    const down = new Error('the store is away')
    for (let time = 0; time < 150; time++) {
      for (const error of [wrong, down]) {
        expect(await attempts.guard('192.0.2.1', () => Promise.reject(error)).catch(thrown => thrown)).toBe(error)
      }
    }
    expect(waits).toEqual([])
  })

  test('count by address, those of IPv6 by their /64, those without one together', async () => {
    const { failMany } = open()
    await failMany(100, '192.0.2.1')
    expect(await failMany(1, '192.0.2.2')).toBe(refusal)
    expect(await failMany(1, '::ffff:192.0.2.1')).toMatchObject({ code: 'RATE_LIMITED' })
    for (let host = 0; host < 100; host++) await failMany(1, `2001:db8:0:1::${host.toString(16)}`)
    expect(await failMany(1, '2001:db8:0:1:ffff:ffff:ffff:ffff')).toMatchObject({ code: 'RATE_LIMITED' })
    expect(await failMany(1, '2001:db8:0:2::1')).toBe(refusal)
    const { attempts } = open()
    for (let time = 0; time < 100; time++) await attempts.guard(undefined, fail).catch(() => {})
    await expect(attempts.guard(undefined, fail)).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  })

  test('of ever new addresses do not fill the memory: the oldest is forgotten', async () => {
    const { clock, failMany } = open()
    await failMany(100, '10.0.0.0')
    await failMany(100, '10.0.0.1')
    for (let host = 2; host <= 10_000; host++) {
      await failMany(1, `10.0.${Math.floor(host / 256)}.${host % 256}`)
    }
    expect(await failMany(1, '10.0.0.1')).toMatchObject({ code: 'RATE_LIMITED' })
    expect(await failMany(1, '10.0.0.0')).toBe(refusal)
    clock.now += 60_000
    expect(await failMany(1, '10.0.0.1')).toBe(refusal)
  })
})

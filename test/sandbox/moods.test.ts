import { describe, expect, test } from 'vitest'
import { createClient } from './client.ts'

describe('/status', () => {
  test.each([200, 201, 202, 400, 401, 404, 418, 429, 500, 503, 599])(
    '%i comes with a small JSON body',
    async status => {
      await using sandbox = await createClient()
      for (const method of ['GET', 'POST']) {
        const answer = await sandbox.send(`/status/${status}`, { method })
        expect(answer.status).toBe(status)
        expect(answer.body).toEqual({ status, message: expect.any(String) })
      }
    },
  )

  test.each([204, 205, 304])('%i comes without a body', async status => {
    await using sandbox = await createClient()
    expect(await sandbox.send(`/status/${status}`)).toMatchObject({ status, text: '' })
  })

  test.each([301, 302, 303, 307, 308])('%i points somewhere, or where it is told', async status => {
    await using sandbox = await createClient()
    const answer = await sandbox.send(`/status/${status}`)
    expect([answer.status, answer.headers.get('location')]).toEqual([status, '/v1/me'])
    const told = await sandbox.send(`/status/${status}?location=https://elsewhere.example/`)
    expect(told.headers.get('location')).toBe('https://elsewhere.example/')
    const split = await sandbox.send(`/status/${status}?location=/x%0d%0aa:b`)
    expect(split.body.error.fields).toEqual({ location: 'must be a URL of visible ASCII characters' })
  })

  test.each(['100', '199', '600', '99', 'abc', '200.5'])('%s is refused', async code => {
    await using sandbox = await createClient()
    const { status, body } = await sandbox.send(`/status/${code}`)
    expect([status, body.error.fields]).toEqual([422, { code: 'must be a status from 200 to 599' }])
  })
})

test('/slow waits, and not for longer than a minute', async () => {
  await using sandbox = await createClient()
  expect((await sandbox.send('/slow?ms=10')).body).toEqual({ waitedMs: 10 })
  const { status, body } = await sandbox.send('/slow?ms=60001')
  expect([status, body.error.fields]).toEqual([422, { ms: 'must be a whole number from 0 to 60000' }])
})

test('/slow survives a client that leaves', async () => {
  await using sandbox = await createClient()
  await expect(sandbox.send('/slow?ms=60000', { signal: AbortSignal.timeout(50) })).rejects.toThrow('timeout')
  expect((await sandbox.send('/v1/me')).status).toBe(200)
})

describe('/rate-limited', () => {
  test('answers 429 and says when to come back', async () => {
    await using sandbox = await createClient()
    const { status, headers, body } = await sandbox.send('/rate-limited?retry_after=7')
    expect([status, body.error]).toEqual([429, { type: 'rate_limited', message: 'Come back in 7 s.' }])
    expect(headers.get('retry-after')).toBe('7')
    expect([headers.get('x-ratelimit-limit'), headers.get('x-ratelimit-remaining')]).toEqual(['1', '0'])
    expect(Number(headers.get('x-ratelimit-reset'))).toBeGreaterThan(1_700_000_000)
    expect((await sandbox.send('/rate-limited')).headers.get('retry-after')).toBe('1')
  })

  test('lets each nth through, counted by key', async () => {
    await using sandbox = await createClient()
    const statuses: number[] = []
    for (let index = 0; index < 6; index += 1) statuses.push((await sandbox.send('/rate-limited?after=3')).status)
    expect(statuses).toEqual([429, 429, 200, 429, 429, 200])
    expect((await sandbox.send('/rate-limited?after=3&key=other')).status).toBe(429)
    expect((await sandbox.send('/rate-limited?after=1')).body).toEqual({ ok: true, request: 1 })
  })
})

test('/flaky fails n times per key, then answers for good', async () => {
  await using sandbox = await createClient()
  const statuses: number[] = []
  for (let index = 0; index < 5; index += 1) statuses.push((await sandbox.send('/flaky?fail=2&key=a')).status)
  expect(statuses).toEqual([503, 503, 200, 200, 200])
  const other = await sandbox.send('/flaky?fail=1&key=b')
  expect([other.status, other.body.error]).toEqual([503, { type: 'unavailable', message: 'Failure 1 of 1.' }])
  expect((await sandbox.send('/flaky?fail=0&key=c')).status).toBe(200)
})

test('/flaky forgets the oldest of more than a thousand keys', async () => {
  await using sandbox = await createClient()
  await sandbox.send('/flaky?fail=1&key=first')
  for (let number = 0; number < 1000; number += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, index) => sandbox.send(`/flaky?fail=1&key=${number + index}`)))
  }
  expect((await sandbox.send('/flaky?fail=1&key=first')).status).toBe(503)
  expect((await sandbox.send('/flaky?fail=1&key=999')).status).toBe(200)
})

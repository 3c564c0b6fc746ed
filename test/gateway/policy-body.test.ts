/** A body that has to be judged is waited for, but not for ever. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { takeInBody } from '../../src/gateway/policy-body.ts'
import type { RequestPlan } from '../../src/passthrough/request.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function planOf(body: RequestPlan['body'], ...headers: [string, string][]): RequestPlan {
  return { method: 'POST', body, headers } as Partial<RequestPlan> as RequestPlan
}

const form: [string, string] = ['Content-Type', 'application/x-www-form-urlencoded']

async function* stream(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text)
}

test('one that does not come in within ten seconds is refused', async () => {
  async function* stall(): AsyncGenerator<Buffer> {
    yield Buffer.from('a=')
    await new Promise(() => {})
  }
  const taken = takeInBody(planOf(stall(), form, ['content-length', '9']))
  const refused = expect(taken).rejects.toMatchObject({
    code: 'POLICY_DENIED',
    message: expect.stringMatching(/because it may ask for another method; it has to come in within 10000 ms\.$/),
  })
  await vi.advanceTimersByTimeAsync(10_000)
  await refused
})

test('one that breaks off is nobody’s any more', async () => {
  async function* breakOff(): AsyncGenerator<Buffer> {
    yield Buffer.from('a=')
    throw new Error('aborted')
  }
  await expect(takeInBody(planOf(breakOff(), form, ['content-length', '9']))).rejects.toThrow('The caller left')
  expect(vi.getTimerCount()).toBe(0)
})

test('one that comes in is whole, and says its own length', async () => {
  const plan = await takeInBody(planOf(stream('a=1&', 'b=2'), form, ['content-length', '7']))
  expect([plan.body?.toString(), plan.headers]).toEqual(['a=1&b=2', [form]])
})

test('one without parameters, or none at all, is left as it is', async () => {
  for (const plan of [
    planOf(stream('x'), ['content-type', 'image/png']),
    planOf(null, form),
    planOf(Buffer.from('a=1'), form),
  ]) {
    expect(await takeInBody(plan)).toBe(plan)
  }
})

/** A stream of events ends with the caller's right to listen: no event after it, and its end is told. */
import { expect, test } from 'vitest'
import { GatewayError } from '../../src/errors.ts'
import { watchStream } from '../../src/graphql/event-stream.ts'
import { EventSubscription } from '../../src/store/event-subscription.ts'

const rarelyMs = 3_600_000

function open() {
  let hasEnded = false
  const source = new EventSubscription<{ id: string }>({
    wants: () => true,
    capacity: 10,
    onEnd() {
      hasEnded = true
    },
  })
  return { source, hasEnded: () => hasEnded }
}

const gone = new GatewayError('UNAUTHENTICATED', 'gone')

test('each event is given after the caller was proved', async () => {
  const { source } = open()
  let checks = 0
  const stream = watchStream(source, async () => void checks++, rarelyMs)
  for (const id of ['a', 'b']) source.push({ id })
  expect(await stream.next()).toEqual({ done: false, value: { id: 'a' } })
  expect(checks).toBe(1)
  expect(await stream.next()).toEqual({ done: false, value: { id: 'b' } })
  expect(checks).toBe(2)
  await stream.return?.()
})

test('an event that comes after the end of the caller is not given', async () => {
  const { source, hasEnded } = open()
  let isGone = false
  const stream = watchStream(source, async () => void (isGone && (await Promise.reject(gone))), rarelyMs)
  source.push({ id: 'a' })
  expect(await stream.next()).toEqual({ done: false, value: { id: 'a' } })
  const next = stream.next()
  isGone = true
  source.push({ id: 'b' })
  expect(await next).toEqual({ done: false, value: gone })
  expect(hasEnded()).toBe(true)
  expect(await stream.next()).toEqual({ done: true, value: undefined })
})

test('an event is not given when nobody can say whether the caller may have it', async () => {
  const { source, hasEnded } = open()
  const stream = watchStream(source, () => Promise.reject(new Error('the store is away')), rarelyMs)
  source.push({ id: 'a' })
  const { value } = await stream.next()
  expect(value).toMatchObject({
    code: 'OVERLOADED',
    message: 'Whether you may still listen could not be looked up; listen again.',
  })
  expect(hasEnded()).toBe(true)
})

test('a silent stream ends too, but not because the store is away', async () => {
  const { source } = open()
  const failures = [new Error('the store is away'), new Error('the store is away'), gone]
  const stream = watchStream(source, () => Promise.reject(failures.shift()), 1)
  expect(await stream.next()).toEqual({ done: false, value: gone })
  expect(failures).toEqual([])
})

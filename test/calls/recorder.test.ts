/** No recorded call is lost while the store is away for a while, and memory stays bounded when it is away for long. */
import { expect, test, vi } from 'vitest'
import { CallRecorder } from '../../src/calls/recorder.ts'
import type { NewCall } from '../../src/store/calls.ts'

const call = (id: number) => ({ uuid: `call_${id}` }) as NewCall
const ids = (calls: readonly NewCall[]) => calls.map(({ uuid }) => Number(uuid.slice(5)))

function createRecorder(
  write: (calls: readonly NewCall[]) => Promise<void>,
  options: { capacity?: number; batchSize?: number; flushEveryMs?: number } = {},
) {
  const failures: number[] = []
  const lost: number[] = []
  const recorder = new CallRecorder({
    write,
    onFailure: (_error, waiting) => failures.push(waiting),
    onLoss: calls => lost.push(...ids(calls)),
    flushEveryMs: 5,
    ...options,
  })
  return { recorder, failures, lost }
}

test('calls are written in batches, in order', async () => {
  const batches: number[][] = []
  const { recorder } = createRecorder(async calls => void batches.push(ids(calls)), { batchSize: 2 })
  for (const id of [1, 2, 3, 4, 5]) recorder.record(call(id))
  await recorder.flush()
  expect(batches).toEqual([[1, 2], [3, 4], [5]])
})

test('calls are written by themselves after a while', async () => {
  const written: number[] = []
  const { recorder } = createRecorder(async calls => void written.push(...ids(calls)))
  recorder.record(call(1))
  await vi.waitFor(() => expect(written).toEqual([1]))
  recorder.record(call(2))
  await vi.waitFor(() => expect(written).toEqual([1, 2]))
})

test('a batch that could not be written is written later, before younger calls', async () => {
  const written: number[] = []
  let isAway = true
  const { recorder, failures } = createRecorder(async calls => {
    if (isAway) throw new Error('away')
    written.push(...ids(calls))
  })
  recorder.record(call(1))
  await recorder.flush()
  expect(failures).toEqual([1])
  isAway = false
  recorder.record(call(2))
  await vi.waitFor(() => expect(written).toEqual([1, 2]))
})

test('beyond its capacity the oldest calls are given up, and that is told', async () => {
  const written: number[] = []
  const { recorder, lost } = createRecorder(async calls => void written.push(...ids(calls)), { capacity: 3 })
  for (const id of [1, 2, 3, 4, 5]) recorder.record(call(id))
  await recorder.flush()
  expect(written).toEqual([3, 4, 5])
  expect(lost).toEqual([1, 2])
})

test('the end writes what is waiting', async () => {
  const written: number[] = []
  {
    await using recorder = createRecorder(async calls => void written.push(...ids(calls))).recorder
    recorder.record(call(1))
  }
  expect(written).toEqual([1])
})

test('what comes after the end is told as lost, and nothing is tried again', async () => {
  let isAway = true
  let tries = 0
  const { recorder, lost } = createRecorder(
    async () => {
      tries += 1
      if (isAway) throw new Error('away')
    },
    { flushEveryMs: 1 },
  )
  recorder.record(call(1))
  await recorder[Symbol.asyncDispose]()
  recorder.record(call(2))
  isAway = false
  const before = tries
  await new Promise(resolve => setTimeout(resolve, 20))
  expect([lost, tries, recorder.waiting]).toEqual([[1, 2], before, 0])
})

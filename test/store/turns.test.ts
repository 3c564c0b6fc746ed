/** No more than so many run at once, in the order in which they came, whatever becomes of each. */
import { expect, test } from 'vitest'
import { createTurns } from '../../src/store/turns.ts'

test('turns are taken in order, so many at once, also after one that failed', async () => {
  const turns = createTurns(2)
  const begun: number[] = []
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<void>())
  const runs = ends.map(({ promise }, index) =>
    turns(async () => {
      begun.push(index)
      await promise
      if (index === 1) throw new Error('failed')
      return index
    }),
  )
  const results = Promise.allSettled(runs)
  await expect.poll(() => begun).toEqual([0, 1])
  ends[1]?.resolve()
  await expect.poll(() => begun).toEqual([0, 1, 2])
  ends[2]?.resolve()
  ends[0]?.resolve()
  await expect.poll(() => begun).toEqual([0, 1, 2, 3, 4])
  for (const { resolve } of ends) resolve()
  expect((await results).map(result => (result.status === 'fulfilled' ? result.value : 'failed'))).toEqual([
    0,
    'failed',
    2,
    3,
    4,
  ])
  expect(await turns(async () => 'again')).toBe('again')
})
